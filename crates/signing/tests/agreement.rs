//! What one backend signs, another verifies: over many random digests and keys, both ways.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use std::thread;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};

/// Digests signed by each backend and verified by the other.
const DIGESTS: usize = 100_000;
/// Digests under one key.
const PER_KEY: usize = 1_000;

/// Signs random digests under a random key with `signing`, verifies them with `verifying`; then changes some and looks
/// that they are refused, and nothing else is.
fn one_key(seed: u64, signing: Backend, verifying: Backend) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scalar = [0; 32];
    rng.fill_bytes(&mut scalar);
    let key = PrivateKey::from_scalar(&scalar).unwrap();
    let mut digests = vec![Digest([0; 32]); PER_KEY];
    digests.iter_mut().for_each(|digest| rng.fill_bytes(&mut digest.0));

    let mut signatures = vec![RawSignature::EMPTY; PER_KEY];
    signing.signer(&key, Nonce::Hedged).unwrap().sign(&digests, &mut signatures).unwrap();
    let verifier = verifying.verifier(&key.public()).unwrap();
    let mut valid = vec![false; PER_KEY];
    verifier.verify(&digests, &signatures, &mut valid);
    assert_eq!(valid.iter().position(|valid| !valid), None, "{signing} to {verifying}, seed {seed}");

    let some = ..10;
    for (digest, signature) in digests[some].iter_mut().zip(&mut signatures[some]) {
        let bit = (rng.next_u32() % (96 * 8)) as usize;
        match bit / 8 {
            byte @ 0..64 => signature.0[byte] ^= 1 << (bit % 8),
            byte => digest.0[byte - 64] ^= 1 << (bit % 8),
        }
    }
    valid.fill(true);
    verifier.verify(&digests[some], &signatures[some], &mut valid[some]);
    assert_eq!(valid[some], [false; 10], "{signing} to {verifying}, seed {seed}");
}

#[test]
fn a_hundred_thousand_random_signatures_of_each_backend_verify_under_the_other() {
    // A run is repeated with the seed it printed: SEED=… cargo test.
    let seed: u64 = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let threads = thread::available_parallelism().unwrap().get();
    let keys = DIGESTS / PER_KEY;
    for signing in Backend::present() {
        let verifying = signing.checker();
        thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for key in (thread..keys).step_by(threads) {
                        one_key(seed.wrapping_add(key as u64), signing, verifying);
                    }
                });
            }
        });
    }
}

#[test]
fn every_backend_is_checked_by_another() {
    for backend in Backend::ALL {
        assert_ne!(backend.checker(), backend);
        assert!(backend.checker().is_present());
    }
    assert_eq!(Backend::present().first(), Some(&Backend::fastest()));
    assert_eq!(Backend::Native.effective(Nonce::Deterministic), Backend::Reference);
    assert_eq!(Backend::Native.effective(Nonce::Hedged), Backend::Native);
}

#[test]
fn an_absent_backend_says_so() {
    let key = PrivateKey::generate().unwrap();
    for backend in Backend::ALL.into_iter().filter(|backend| !backend.is_present()) {
        assert!(backend.signer(&key, Nonce::Hedged).is_err());
        assert!(backend.verifier(&key.public()).is_err());
    }
}

#[test]
fn a_backend_is_named_in_lower_case() {
    for backend in Backend::ALL {
        assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
        assert_eq!(serde_json::to_value(backend).unwrap(), backend.to_string());
    }
    assert!("Native".parse::<Backend>().is_err());
}

#[test]
fn lengths_that_differ_sign_nothing_and_verify_nothing() {
    let key = PrivateKey::generate().unwrap();
    for backend in Backend::present() {
        let mut out = [RawSignature::EMPTY; 2];
        let mut signer = backend.signer(&key, Nonce::Hedged).unwrap();
        let digests = [Digest([1; 32]); 3];
        assert!(signer.sign(&digests, &mut out).is_err());
        assert_eq!(out, [RawSignature::EMPTY; 2]);

        signer.sign(&digests[..2], &mut out).unwrap();
        let mut valid = [true; 3];
        backend.verifier(&key.public()).unwrap().verify(&digests, &out, &mut valid);
        assert_eq!(valid, [true, true, false]);
    }
}
