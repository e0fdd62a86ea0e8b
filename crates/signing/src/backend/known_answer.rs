//! What a backend must do right on this processor before it is used, and again every hour.
//!
//! Every lane has a digest of its own, and every key has them in another order: a lane that is swapped with another one, or wrong for
//! one kind of digest only, is found.

use std::sync::OnceLock;

use super::contract::{BatchSigner, BatchVerifier, SigningError};
use super::kind::Nonce;
use super::order::ORDER;
use super::reference::{ReferenceSigner, ReferenceVerifier};
use crate::digest::{Digest, RawSignature};
use crate::key::PrivateKey;
use crate::public_key::PublicKey;

/// RFC 6979 A.2.5: the private key for P-256.
const KEY: [u8; 32] = [
    0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50, 0xc3,
    0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21,
];

/// And its signature of SHA-256 of "sample".
const SAMPLE: [u8; 64] = [
    0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87,
    0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16, 0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65,
    0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06, 0x4d,
    0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8,
];

/// More than the lanes of the widest backend, so that each of them is used, and some once more.
const SIGNATURES: usize = 11;

/// Lanes are spoiled in these patterns: any two lanes differ in one of them.
const PATTERNS: u32 = SIGNATURES.ilog2() + 1;

/// A key with digests, and what RFC 6979 makes of them.
struct Case {
    key: PrivateKey,
    digests: [Digest; SIGNATURES],
    signatures: [RawSignature; SIGNATURES],
}

/// Whether a backend verifies known signatures and refuses changed ones, lane by lane; makes them, if it makes deterministic
/// nonces; and makes signatures with hedged ones that it and the reference implementation verify.
///
/// # Errors
/// When the backend is not part of this build or cannot run on this processor.
pub(super) fn check(
    verifier: impl Fn(&PublicKey) -> Result<Box<dyn BatchVerifier>, SigningError>,
    signer: impl Fn(&PrivateKey, Nonce) -> Result<Option<Box<dyn BatchSigner>>, SigningError>,
) -> Result<bool, SigningError> {
    // Before the cases, which take some milliseconds: an absent backend needs none.
    let Ok(key) = PrivateKey::from_scalar(&KEY) else { return Ok(false) };
    drop(verifier(&key.public())?);
    let Some(cases) = cases() else { return Ok(false) };
    for case in cases {
        let verifier = verifier(&case.key.public())?;
        let Some(hedging) = signer(&case.key, Nonce::Hedged)? else { return Ok(false) };
        let deterministic = signer(&case.key, Nonce::Deterministic)?;
        if !case.is_verified_by(&*verifier) || !case.is_signed_by(hedging, deterministic, &*verifier)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether what one side signs with a new key pair, the other side verifies, and nothing else.
pub(super) fn is_consistent(signer: &mut dyn BatchSigner, verifier: &dyn BatchVerifier) -> bool {
    let digests = [Digest::of(b"pairwise"), Digest::of(b"consistency")];
    let mut signatures = [RawSignature::EMPTY; 2];
    let mut valid = [false; 2];
    if signer.sign(&digests, &mut signatures).is_err() {
        return false;
    }
    signatures[1].0[63] ^= 1;
    verifier.verify(&digests, &signatures, &mut valid);
    valid == [true, false]
}

impl Case {
    fn is_verified_by(&self, verifier: &dyn BatchVerifier) -> bool {
        let verdict = |signatures: &[RawSignature]| {
            let mut valid = [false; SIGNATURES];
            verifier.verify(&self.digests, signatures, &mut valid);
            valid
        };
        let patterns_are_seen = (0..PATTERNS).all(|bit| {
            let expected: [bool; SIGNATURES] = std::array::from_fn(|lane| lane >> bit & 1 == 0);
            let mut changed = self.signatures;
            for (signature, _) in changed.iter_mut().zip(expected).filter(|(_, good)| !good) {
                signature.0[63] ^= 1;
            }
            verdict(&changed) == expected
        });
        patterns_are_seen && verdict(&self.signatures) == [true; SIGNATURES]
    }

    fn is_signed_by(
        &self,
        mut hedging: Box<dyn BatchSigner>,
        deterministic: Option<Box<dyn BatchSigner>>,
        verifier: &dyn BatchVerifier,
    ) -> Result<bool, SigningError> {
        let mut made = [RawSignature::EMPTY; SIGNATURES];
        if let Some(mut deterministic) = deterministic {
            deterministic.sign(&self.digests, &mut made)?;
            if made != self.signatures {
                return Ok(false);
            }
        }
        hedging.sign(&self.digests, &mut made)?;
        let reference: &dyn BatchVerifier = &ReferenceVerifier::new(&self.key.public());
        Ok([verifier, reference].into_iter().all(|verifier| {
            let mut valid = [false; SIGNATURES];
            verifier.verify(&self.digests, &made, &mut valid);
            valid == [true; SIGNATURES]
        }))
    }
}

/// The cases, made once by the reference implementation, which has to make the signature of the RFC first.
fn cases() -> Option<&'static [Case]> {
    static CASES: OnceLock<Option<Vec<Case>>> = OnceLock::new();
    CASES.get_or_init(make_cases).as_deref()
}

fn make_cases() -> Option<Vec<Case>> {
    let mut one = [0; 32];
    one[31] = 1;
    let keys = [KEY, one, order_plus(-1)];
    let mut cases = Vec::with_capacity(keys.len());
    for (turn, key) in keys.iter().enumerate() {
        let key = PrivateKey::from_scalar(key).ok()?;
        let mut digests = digests();
        digests.rotate_left(3 * turn);
        let mut signatures = [RawSignature::EMPTY; SIGNATURES];
        ReferenceSigner::new(&key, Nonce::Deterministic).sign(&digests, &mut signatures).ok()?;
        cases.push(Case { key, digests, signatures });
    }
    (cases[0].signatures[0] == RawSignature(SAMPLE)).then_some(cases)
}

/// Digests at the edges of what is reduced modulo the order n, and others.
fn digests() -> [Digest; SIGNATURES] {
    [
        Digest::of(b"sample"),
        Digest([0; 32]),
        Digest(order_plus(-1)),
        Digest(ORDER),
        Digest(order_plus(1)),
        Digest([0xff; 32]),
        Digest::of(b"test"),
        Digest::of(b"a"),
        Digest::of(b"b"),
        Digest::of(b"c"),
        Digest::of(b""),
    ]
}

/// A number next to the order: its last byte neither carries nor borrows.
fn order_plus(one: i8) -> [u8; 32] {
    let mut number = ORDER;
    number[31] = number[31].wrapping_add_signed(one);
    number
}

#[cfg(test)]
mod tests {
    use super::super::kind::Backend;
    use super::*;

    /// A backend that is right but for what `spoil` does to each of its results.
    fn passes(spoil_signatures: fn(&mut [RawSignature]), spoil_verdicts: fn(&[Digest], &mut [bool])) -> bool {
        struct Signer(ReferenceSigner, fn(&mut [RawSignature]));
        impl BatchSigner for Signer {
            fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
                self.0.sign(digests, out)?;
                self.1(out);
                Ok(())
            }
        }
        struct Verifier(ReferenceVerifier, fn(&[Digest], &mut [bool]));
        impl BatchVerifier for Verifier {
            fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) -> usize {
                let by_equation = self.0.verify(digests, signatures, valid);
                self.1(digests, valid);
                by_equation
            }
        }
        check(
            |key| Ok(Box::new(Verifier(ReferenceVerifier::new(key), spoil_verdicts))),
            |key, nonce| Ok(Some(Box::new(Signer(ReferenceSigner::new(key, nonce), spoil_signatures)))),
        )
        .unwrap()
    }

    #[test]
    fn every_backend_of_this_machine_passes_again_and_again() {
        for backend in Backend::present() {
            assert!(backend.self_test() && backend.self_test(), "{backend}");
        }
    }

    #[test]
    fn a_faulty_or_a_swapped_lane_is_found() {
        assert!(passes(|_| {}, |_, _| {}));
        assert!(!passes(|out| out[5].0[63] ^= 1, |_, _| {}), "one wrong signature");
        assert!(!passes(|out| out.swap(2, 7), |_, _| {}), "two signatures swapped");
        assert!(!passes(|out| out.rotate_left(1), |_, _| {}), "all lanes off by one");
        assert!(!passes(|_| {}, |_, valid| valid.swap(0, 1)), "two verdicts swapped");
        assert!(!passes(|_| {}, |_, valid| valid[10] = true), "a lane that accepts all");
        assert!(!passes(|_| {}, |_, valid| valid[3] = false), "a lane that refuses all");
    }

    #[test]
    fn a_key_pair_is_consistent_when_its_halves_belong_together() {
        let [one, other] = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let consistent = |signs: &PrivateKey, verifies: &PrivateKey| {
            let verifier = ReferenceVerifier::new(&verifies.public());
            is_consistent(&mut ReferenceSigner::new(signs, Nonce::Hedged), &verifier)
        };
        assert!(consistent(&one, &one) && consistent(&other, &other));
        assert!(!consistent(&one, &other));
        for nonce in [Nonce::Hedged, Nonce::Deterministic] {
            assert!(Backend::present().into_iter().all(|backend| backend.is_consistent(&one, nonce)), "{nonce:?}");
        }
    }

    /// Wherever an edge case stands, it is wrong in one lane only.
    #[test]
    fn a_digest_at_the_edge_that_is_handled_wrongly_is_found() {
        for edge in [[0; 32], order_plus(-1), ORDER, order_plus(1), [0xff; 32]] {
            assert!(digests().contains(&Digest(edge)));
        }
        let refuses_zero = |digests: &[Digest], valid: &mut [bool]| {
            digests.iter().zip(valid).filter(|(digest, _)| digest.0 == [0; 32]).for_each(|(_, valid)| *valid = false);
        };
        assert!(!passes(|_| {}, refuses_zero));
    }
}
