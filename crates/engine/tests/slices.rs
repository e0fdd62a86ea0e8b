//! Slices of every size on every unit, real and emulated: what is signed is what another library signs, and what is checked is what another
//! library checks.
#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use p256::{FieldBytes, ProjectivePoint, Scalar, elliptic_curve::ops::Reduce as _};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use vaultstream_engine::{Checker, Engine, Hint, Sign, Unit};

/// The order n, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn seeded() -> StdRng {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Every engine that can run here, by name: the units of this processor, and the emulations of all.
fn engines() -> Vec<(String, Engine)> {
    let real = Unit::ALL.into_iter().filter_map(|unit| Some((unit.to_string(), Engine::on(unit)?)));
    let emulated =
        Unit::ALL.into_iter().filter_map(|unit| Some((format!("{unit}, emulated"), Engine::emulated(unit)?)));
    real.chain(emulated).collect()
}

struct Signed {
    digests: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
    hints: Vec<Hint>,
    key: VerifyingKey,
}

fn scalar(rng: &mut StdRng) -> [u8; 32] {
    let mut scalar: [u8; 32] = rng.random();
    scalar[0] &= 0x7f;
    scalar
}

fn signed(engine: Engine, rng: &mut StdRng, sign: Sign, count: usize) -> Signed {
    let key = scalar(rng);
    let digests: Vec<[u8; 32]> = (0..count).map(|_| rng.random()).collect();
    let nonces: Vec<[u8; 32]> = (0..count).map(|_| scalar(rng)).collect();
    let (mut signatures, mut hints) = (vec![[0; 64]; count], Vec::new());
    engine.signer(&key).unwrap().sign(&digests, &nonces, sign, &mut signatures, &mut hints).unwrap();
    let key = *SigningKey::from_slice(&key).unwrap().verifying_key();
    Signed { digests, signatures, hints, key }
}

/// Whether the equation holds, with weights of this many bits.
fn passes(
    checker: &mut Checker,
    key: &VerifyingKey,
    (digests, signatures, hints): (&[[u8; 32]], &[[u8; 64]], &[Hint]),
    rng: &mut StdRng,
    bits: u32,
) -> bool {
    let weights: Vec<u128> = digests.iter().map(|_| rng.random::<u128>() >> (128 - bits)).collect();
    let Some(sums) = checker.sums(digests, signatures, hints, &weights) else { return false };
    let point = ProjectivePoint::from(*VerifyingKey::from_sec1_bytes(&sums.point).unwrap().as_affine());
    let [of_generator, of_key] = [sums.of_generator, sums.of_key].map(|sum| Scalar::reduce(&FieldBytes::from(sum)));
    point == ProjectivePoint::GENERATOR * of_generator + ProjectivePoint::from(*key.as_affine()) * of_key
}

#[test]
fn another_library_accepts_what_is_signed_and_so_does_the_check() {
    let mut rng = seeded();
    for (name, engine) in engines() {
        for count in [1, 2, 3, 7, 8, 9, 31, 33, 64, 257] {
            for sign in [Sign::OfNonce, Sign::EvenY] {
                let signed = signed(engine, &mut rng, sign, count);
                for (digest, signature) in signed.digests.iter().zip(&signed.signatures) {
                    let signature = Signature::from_slice(signature).unwrap();
                    assert!(signed.key.verify_prehash(digest, &signature).is_ok(), "{name}, {count}");
                }
                let mut checker = engine.checker();
                for bits in [20, 64, 127, 128] {
                    let slice = (&*signed.digests, &*signed.signatures, &*signed.hints);
                    assert!(passes(&mut checker, &signed.key, slice, &mut rng, bits), "{name}, {count}, {bits} bits");
                }
                if sign == Sign::EvenY {
                    let mut found = Vec::new();
                    checker.even_hints(&signed.signatures, &mut found);
                    assert!(found == signed.hints, "{name}, {count}");
                }
            }
        }
    }
}

#[test]
fn one_bit_of_one_signature_digest_or_hint_fails_the_whole_slice() {
    let mut rng = seeded();
    let count = 40;
    for (name, engine) in engines() {
        let signed = signed(engine, &mut rng, Sign::EvenY, count);
        let mut checker = engine.checker();
        let mut passes = |digests: &[[u8; 32]], signatures: &[[u8; 64]], hints: &[Hint], rng: &mut StdRng| {
            passes(&mut checker, &signed.key, (digests, signatures, hints), rng, 64)
        };
        assert!(passes(&signed.digests, &signed.signatures, &signed.hints, &mut rng), "{name}");
        for _ in 0..20 {
            let (at, bit) = (rng.random_range(0..count), rng.random_range(0..8_usize));
            let mut changed = signed.signatures.clone();
            changed[at][rng.random_range(0..64)] ^= 1 << bit;
            assert!(!passes(&signed.digests, &changed, &signed.hints, &mut rng), "{name}: signature {at}");
            let mut changed = signed.digests.clone();
            changed[at][rng.random_range(0..32)] ^= 1 << bit;
            assert!(!passes(&changed, &signed.signatures, &signed.hints, &mut rng), "{name}: digest {at}");
            let mut changed = signed.hints.clone();
            changed.swap(at, (at + 1) % count);
            assert!(!passes(&signed.digests, &signed.signatures, &changed, &mut rng), "{name}: hint {at}");
            let mut changed = signed.signatures.clone();
            changed.swap(at, (at + 1) % count);
            assert!(!passes(&signed.digests, &changed, &signed.hints, &mut rng), "{name}: lane {at}");
        }
    }
}

#[test]
fn an_empty_slice_is_signed_and_has_no_sums() {
    for (_, engine) in engines() {
        signed(engine, &mut seeded(), Sign::EvenY, 0);
        assert_eq!(engine.checker().sums(&[], &[], &[], &[]), None);
    }
}

#[test]
fn a_key_or_a_nonce_out_of_range_is_refused() {
    let mut above = ORDER;
    above[31] += 1;
    for (name, engine) in engines() {
        for bad in [[0; 32], ORDER, above, [0xff; 32]] {
            assert!(engine.signer(&bad).is_none(), "{name}");
            let mut one = [0; 32];
            one[31] = 1;
            let mut signer = engine.signer(&one).unwrap();
            let refused = signer.sign(&[[1; 32]; 2], &[one, bad], Sign::OfNonce, &mut [[0; 64]; 2], &mut Vec::new());
            assert_eq!(refused, Err(vaultstream_engine::Refused::Nonce), "{name}");
        }
    }
}
