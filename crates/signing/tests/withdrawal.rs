//! A backend that was withdrawn is used for nothing more. Alone in its program, because a withdrawal is the process'.

use vaultstream_signing::{Absence, Backend, Nonce, PrivateKey, backend::Withdrawal};

#[test]
fn a_withdrawn_backend_signs_and_checks_nothing_more_and_the_last_one_is_never_withdrawn() {
    let key = PrivateKey::generate().unwrap();
    let before = Backend::present();
    assert!(before.len() >= 2, "{before:?}");
    // One after the other, until one is left.
    for (gone, backend) in before.iter().take(before.len() - 1).enumerate() {
        assert_eq!(Backend::fastest(), *backend);
        assert_eq!(backend.successor(Nonce::Hedged), Some(before[gone + 1]));
        assert_eq!(backend.withdraw(Nonce::Hedged, "the first reason"), Withdrawal::Now);
        assert_eq!(backend.withdraw(Nonce::Hedged, "another"), Withdrawal::Before);
        assert_eq!(backend.withdrawn_because(), Some("the first reason"));
        assert_eq!(backend.absence(), Some(Absence::Withdrawn));
        assert_eq!(Backend::present(), before[gone + 1..]);
        assert_ne!(Backend::checker(&[Backend::Reference]), *backend);
        assert!(Backend::choose(Some(*backend)).is_err());
        assert!(backend.verifier(&key.public()).is_err());
        assert_eq!(backend.effective(Nonce::Hedged), *backend);
        assert!(backend.signer(&key, Nonce::Hedged).is_err());
    }
    assert_eq!(Backend::present(), [Backend::Reference]);
    assert_eq!(Backend::Reference.successor(Nonce::Hedged), None);
    assert_eq!(Backend::Reference.withdraw(Nonce::Hedged, "a reason"), Withdrawal::Last);
    assert!(Backend::Reference.signer(&key, Nonce::Hedged).is_ok());
}
