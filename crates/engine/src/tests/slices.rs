//! Whole signatures and checks on every field while the bounds of limbs and sizes are asserted, as they are in tests of this crate.

use num_bigint::BigUint;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{big, exceptional, multiple_of_generator, scalar, words_of};
use crate::{Engine, Refused, Sign, Unit, order::ORDER, words};

fn engines() -> impl Iterator<Item = Engine> {
    Unit::ALL.into_iter().flat_map(|unit| [Engine::emulated(unit), Engine::on(unit)]).flatten()
}

fn bytes(number: &BigUint) -> [u8; 32] {
    words::to_bytes(&words_of(number))
}

#[test]
fn no_bound_is_passed_while_slices_are_signed_recovered_and_checked() {
    let mut rng = StdRng::seed_from_u64(5);
    for engine in engines() {
        for count in [1, 9, 300] {
            let mut scalar = || {
                let mut bytes: [u8; 32] = rng.random();
                bytes[0] &= 0x7f;
                bytes
            };
            let mut signer = engine.signer(&scalar()).unwrap();
            let digests: Vec<_> = (0..count).map(|_| scalar()).collect();
            let nonces: Vec<_> = (0..count).map(|_| scalar()).collect();
            let (mut signatures, mut hints, mut found) = (vec![[0; 64]; count], Vec::new(), Vec::new());
            signer.sign(&digests, &nonces, Sign::EvenY, &mut signatures, &mut hints).unwrap();
            let mut checker = engine.checker();
            checker.even_hints(&signatures, &mut found);
            assert!(found == hints, "{}", engine.unit());
            let weights: Vec<u128> = (0..count).map(|_| rng.random()).collect();
            assert!(checker.sums(&digests, &signatures, &hints, &weights).is_some(), "{}", engine.unit());
        }
    }
}

#[test]
fn nonces_that_lead_to_an_exceptional_sum_and_digests_that_lead_to_zero_are_refused() {
    let n = big(&ORDER);
    let key = BigUint::from(0x1234_5678_u32);
    let nonce = BigUint::from(99_u32);
    // s = (e + r·d)/k is zero for this e.
    let r = big(&super::coordinates(multiple_of_generator(&nonce)).0) % &n;
    let zero = &n - r * &key % &n;
    assert!(scalar(&zero) != scalar(&BigUint::ZERO));
    for engine in engines() {
        let mut signer = engine.signer(&bytes(&key)).unwrap();
        for at in [0, 3, 4, 11] {
            for k in exceptional() {
                let mut nonces = vec![bytes(&nonce); 12];
                nonces[at] = bytes(&k);
                let refused = signer.sign(&[[7; 32]; 12], &nonces, Sign::OfNonce, &mut [[0; 64]; 12], &mut Vec::new());
                assert_eq!(refused, Err(Refused::SameX), "{}", engine.unit());
            }
            for sign in [Sign::OfNonce, Sign::EvenY] {
                let mut digests = [[7; 32]; 12];
                digests[at] = bytes(&zero);
                let nonces = [bytes(&nonce); 12];
                let refused = signer.sign(&digests, &nonces, sign, &mut [[0; 64]; 12], &mut Vec::new());
                assert_eq!(refused, Err(Refused::Digest(at)), "{}", engine.unit());
            }
        }
    }
}
