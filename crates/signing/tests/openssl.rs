//! What goes out is what other tools take: the openssl command line verifies a signature and reads the key.

use std::fs;
use std::process::Command;

use vaultstream_signing::{Backend, MessageForm, Nonce, PrivateKey, RawSignature, der_encode};

#[test]
fn openssl_verifies_a_der_export_of_every_backend_and_refuses_a_changed_payload() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let key = PrivateKey::generate().unwrap();
    let pem = file("key.pem", key.public().spki_pem().as_bytes());
    let form = MessageForm::Bound { job: uuid::Uuid::from_u128(1) };
    for backend in Backend::present() {
        let mut signature = [RawSignature::EMPTY];
        let mut signer = backend.signer(&key, Nonce::Hedged).unwrap();
        signer.sign(&[form.digest(1, b"payload")], &mut signature).unwrap();

        let signature = file("signature.der", &der_encode(&signature[0]));
        let verify = |message: &[u8]| {
            let message = file("message", message);
            let mut openssl = Command::new("openssl");
            openssl.args(["dgst", "-sha256", "-verify"]).arg(&pem).arg("-signature").arg(&signature).arg(message);
            openssl.output().unwrap()
        };
        let output = verify(&form.message(1, b"payload"));
        assert!(output.status.success(), "{backend}: {output:?}");
        assert_eq!(output.stdout, b"Verified OK\n");
        assert!(!verify(&form.message(2, b"payload")).status.success());
    }
}
