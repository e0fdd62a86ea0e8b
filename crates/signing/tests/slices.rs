//! Slices that the engine signs and verifies, with signatures among them that are not right.

#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use vaultstream_signing::backend::SliceCheck;
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};

struct Signed {
    key: PrivateKey,
    digests: Vec<Digest>,
    signatures: Vec<RawSignature>,
}

fn seeded() -> StdRng {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    StdRng::seed_from_u64(seed)
}

fn signed(rng: &mut StdRng, backend: Backend, nonce: Nonce, count: usize) -> Signed {
    let key = PrivateKey::generate().unwrap();
    let mut digests = vec![Digest([0; 32]); count];
    digests.iter_mut().for_each(|digest| rng.fill_bytes(&mut digest.0));
    let mut signatures = vec![RawSignature::EMPTY; count];
    backend.signer(&key, nonce).unwrap().sign(&digests, &mut signatures).unwrap();
    Signed { key, digests, signatures }
}

fn verdicts(backend: Backend, signed: &Signed) -> Vec<bool> {
    let mut valid = vec![false; signed.digests.len()];
    backend.verifier(&signed.key.public()).unwrap().verify(&signed.digests, &signed.signatures, &mut valid);
    valid
}

#[test]
fn the_engine_names_just_the_signatures_that_another_implementation_refuses() {
    let mut rng = seeded();
    for (nonce, backend, count) in [
        (Nonce::Hedged, Backend::Engine, 7),
        (Nonce::Hedged, Backend::Engine, 700),
        (Nonce::Hedged, Backend::Engine, 5000),
        (Nonce::Deterministic, Backend::Engine, 100),
        (Nonce::Hedged, Backend::Native, 100),
    ] {
        let mut signed = signed(&mut rng, backend, nonce, count);
        assert_eq!(verdicts(Backend::Engine, &signed), vec![true; count], "{backend}, {nonce:?}, {count}");
        for _ in 0..4 {
            let (at, byte) = (rng.random_range(0..count), rng.random_range(0..64));
            signed.signatures[at].0[byte] ^= 1 << rng.random_range(0..8);
        }
        let expected = verdicts(Backend::Native, &signed);
        assert!(expected.contains(&false));
        assert_eq!(verdicts(Backend::Engine, &signed), expected, "{backend}, {nonce:?}, {count}");
    }
}

/// A signature (r, n - s) is as valid as (r, s), and its R has an odd y.
#[test]
fn a_valid_signature_whose_r_has_an_odd_y_is_verified_all_the_same() {
    let mut signed = signed(&mut seeded(), Backend::Engine, Nonce::Hedged, 300);
    let order = p256_order();
    for at in [0, 17, 150, 299] {
        let s: [u8; 32] = signed.signatures[at].0[32..].try_into().unwrap();
        signed.signatures[at].0[32..].copy_from_slice(&subtract(&order, &s));
    }
    assert_eq!(verdicts(Backend::Reference, &signed), vec![true; 300]);
    assert_eq!(verdicts(Backend::Engine, &signed), vec![true; 300]);
}

#[test]
fn it_is_told_how_many_signatures_an_equation_proved() {
    let mut rng = seeded();
    let mut by_equation = |backend, nonce, count, wrong: Option<usize>| {
        let mut signed = signed(&mut rng, backend, nonce, count);
        wrong.inspect(|at| signed.signatures[*at].0[40] ^= 1);
        let verifier = Backend::Engine.verifier(&signed.key.public()).unwrap();
        verifier.verify(&signed.digests, &signed.signatures, &mut vec![false; count])
    };
    assert_eq!(by_equation(Backend::Engine, Nonce::Hedged, 5000, None), 5000);
    assert_eq!(by_equation(Backend::Engine, Nonce::Hedged, 7, None), 0, "too few for an equation");
    assert_eq!(by_equation(Backend::Engine, Nonce::Deterministic, 100, None), 0, "about half have an odd y");
    // A wrong one is among few that are verified one by one.
    let proved = by_equation(Backend::Engine, Nonce::Hedged, 5000, Some(4711));
    assert!((4980..5000).contains(&proved), "{proved}");
}

#[test]
fn a_slice_that_was_changed_after_it_was_signed_fails_its_check_with_the_index() {
    let mut rng = seeded();
    let mut signed = signed(&mut rng, Backend::Engine, Nonce::Hedged, 1);
    let mut signer = Backend::Engine.signer(&signed.key, Nonce::Hedged).unwrap();
    let check = SliceCheck::new(Backend::Engine, &signed.key.public()).unwrap();
    for count in [1, 9, 100, 4096] {
        signed.digests = (0..count).map(|_| Digest(rng.random())).collect();
        signed.signatures = vec![RawSignature::EMPTY; count];
        signer.sign(&signed.digests, &mut signed.signatures).unwrap();
        assert_eq!(check.check(&mut *signer, &signed.digests, &signed.signatures), Ok(()));
        let at = rng.random_range(0..count);
        signed.signatures[at].0[63] ^= 1;
        let wrong = check.check(&mut *signer, &signed.digests, &signed.signatures).unwrap_err().wrong;
        assert_eq!(wrong, vec![at], "of {count}");
    }
}

fn p256_order() -> [u8; 32] {
    let mut order = [0xff; 32];
    order[4..8].fill(0);
    order[16..].copy_from_slice(&0xbce6_faad_a717_9e84_f3b9_cac2_fc63_2551_u128.to_be_bytes());
    order
}

fn subtract(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let (mut difference, mut borrow) = ([0; 32], 0);
    for at in (0..32).rev() {
        let less = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(less < 0);
        difference[at] = less.rem_euclid(256) as u8;
    }
    difference
}
