//! What one backend signs, another verifies: over many random digests and keys, both ways.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use std::thread;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vaultstream_signing::{Absence, Backend, Digest, Nonce, PrivateKey, RawSignature};

/// Digests under one key.
const PER_KEY: usize = 1_000;

/// The keys under which signatures are looked at: 20 of a thousand digests each, with `make engine-equality` a thousand.
fn keys() -> usize {
    let signatures = std::env::var("SIGNATURES").map_or(20_000, |count| count.parse().unwrap());
    usize::div_ceil(signatures, PER_KEY)
}

/// A key and digests, which the generator makes.
fn random(rng: &mut StdRng) -> (PrivateKey, Vec<Digest>) {
    let mut scalar = [0; 32];
    rng.fill_bytes(&mut scalar);
    let mut digests = vec![Digest([0; 32]); PER_KEY];
    digests.iter_mut().for_each(|digest| rng.fill_bytes(&mut digest.0));
    (PrivateKey::from_scalar(&scalar).unwrap(), digests)
}

fn sign(backend: Backend, key: &PrivateKey, nonce: Nonce, digests: &[Digest]) -> Vec<RawSignature> {
    let mut signatures = vec![RawSignature::EMPTY; digests.len()];
    backend.signer(key, nonce).unwrap().sign(digests, &mut signatures).unwrap();
    signatures
}

/// Signs random digests under a random key with `signing`, verifies them with `verifying`; then changes some and looks
/// that they are refused, and nothing else is.
fn one_key(seed: u64, signing: Backend, verifying: Backend) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (key, mut digests) = random(&mut rng);

    let mut signatures = sign(signing, &key, Nonce::Hedged, &digests);
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

/// A run is repeated with the seed it printed: SEED=… cargo test.
fn seed() -> u64 {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    seed
}

/// Runs `check` with a seed for each key, on all cores.
fn for_keys(keys: usize, check: impl Fn(u64) + Sync) {
    let (seed, threads) = (seed(), thread::available_parallelism().unwrap().get());
    thread::scope(|scope| {
        for thread in 0..threads {
            let check = &check;
            scope.spawn(move || {
                for key in (thread..keys).step_by(threads) {
                    check(seed.wrapping_add(key as u64));
                }
            });
        }
    });
}

#[test]
fn random_signatures_of_each_backend_verify_under_the_other() {
    for signing in Backend::present() {
        let verifying = Backend::checker(&[signing]);
        for_keys(keys(), |seed| one_key(seed, signing, verifying));
    }
}

#[test]
fn deterministic_signatures_are_those_of_the_reference() {
    let same =
        |backend: &Backend| backend.effective(Nonce::Deterministic) == *backend && *backend != Backend::Reference;
    for backend in Backend::present().into_iter().filter(same) {
        for_keys(keys(), |seed| {
            let (key, digests) = random(&mut StdRng::seed_from_u64(seed));
            let made = |backend| sign(backend, &key, Nonce::Deterministic, &digests);
            assert!(made(backend) == made(Backend::Reference), "{backend}, seed {seed}");
        });
    }
}

#[test]
fn every_backend_is_checked_by_another() {
    for backend in Backend::ALL {
        assert_ne!(Backend::checker(&[backend]), backend);
        assert!(Backend::checker(&[backend]).is_present());
    }
    let checker = Backend::checker(&[Backend::Multibuffer, Backend::Native]);
    assert_eq!(checker, Backend::Reference, "workers on different processors signed it");
    assert_eq!(Backend::present().first(), Some(&Backend::fastest()));
    assert_eq!(Backend::Native.effective(Nonce::Deterministic), Backend::Reference);
    assert_eq!(Backend::Native.effective(Nonce::Hedged), Backend::Native);
}

#[test]
fn no_backend_that_can_run_here_gives_wrong_answers() {
    for backend in Backend::ALL {
        assert_ne!(backend.absence(), Some(Absence::WrongAnswer), "{backend} would be left out without a word");
    }
}

#[test]
fn an_absent_backend_says_so() {
    let key = PrivateKey::generate().unwrap();
    for backend in Backend::ALL.into_iter().filter(|backend| !backend.is_present()) {
        assert!(backend.signer(&key, Nonce::Hedged).is_err());
        let told = Backend::choose(Some(backend)).unwrap_err().to_string();
        assert!(told.contains(backend.as_str()) && told.contains("available: native"), "{told}");
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
