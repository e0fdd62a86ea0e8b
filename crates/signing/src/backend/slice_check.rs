//! The check of a slice of signatures before anything is committed.
//!
//! ```text
//! signer.sums(weights) ─┬─ Sums ─▶ Σ aᵢ·Rᵢ = g·G + q·Q ? ─ yes ─▶ right
//!                       │                                 └─ no ─┐
//!                       └─ NotKept, Broken ──────────────────────┴▶ one by one, by another implementation
//! ```
//!
//! The equation is for the usual case, in which all is right. When it fails, the implementation that made the signatures has no say
//! in which of them are wrong.

use p256::elliptic_curve::{PrimeField as _, ops::MulByGeneratorVartime as _};
use p256::{ProjectivePoint, Scalar};

use super::contract::{BatchSigner, BatchVerifier, SigningError, SliceSums};
use super::kind::Backend;
use crate::digest::{Digest, RawSignature};
use crate::public_key::PublicKey;

/// Bits of the weights against a signer's own faults, which do not try again and again: one in 2⁶⁴ slices with a fault may pass.
const WEIGHT_BITS: u32 = 64;

/// Bytes that a weight is made of.
const WEIGHT: usize = 16;

/// Checks signatures of one key, by an implementation other than the one that made them.
pub struct SliceCheck {
    key: PublicKey,
    verifier: Box<dyn BatchVerifier>,
}

/// A slice that is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSlice {
    /// The indices of the signatures that do not verify, ascending. Empty when each of them verifies and only the signer's own sums
    /// contradict them.
    pub wrong: Vec<usize>,
}

impl SliceCheck {
    /// The check of what `maker` signs.
    ///
    /// # Errors
    ///
    /// When the other implementation refuses the key.
    pub fn new(maker: Backend, key: &PublicKey) -> Result<Self, SigningError> {
        Ok(Self::by(Backend::checker(&[maker]).verifier(key)?, key))
    }

    /// The check by this verifier.
    #[must_use]
    pub fn by(verifier: Box<dyn BatchVerifier>, key: &PublicKey) -> Self {
        Self { key: key.clone(), verifier }
    }

    /// Checks what the last call of `signer.sign` made.
    ///
    /// # Errors
    ///
    /// When a signature is wrong, or the signer contradicts itself.
    pub fn check(
        &self,
        signer: &mut dyn BatchSigner,
        digests: &[Digest],
        signatures: &[RawSignature],
    ) -> Result<(), WrongSlice> {
        let sums = match random_weights(digests.len(), WEIGHT_BITS) {
            Some(weights) => signer.sums(digests, signatures, &weights),
            None => SliceSums::NotKept,
        };
        if let SliceSums::Sums { point, of_generator, of_key } = &sums
            && holds(&self.key, point, of_generator, of_key)
        {
            return Ok(());
        }
        let wrong = self.wrong(digests, signatures);
        if wrong.is_empty() && sums == SliceSums::NotKept { Ok(()) } else { Err(WrongSlice { wrong }) }
    }

    /// The indices of the signatures that do not verify, each verified by itself.
    #[must_use]
    pub fn wrong(&self, digests: &[Digest], signatures: &[RawSignature]) -> Vec<usize> {
        let mut valid = vec![false; signatures.len()];
        self.verifier.verify(digests, signatures, &mut valid);
        valid.into_iter().enumerate().filter(|(_, valid)| !valid).map(|(index, _)| index).collect()
    }
}

/// Whether Σ aᵢ·Rᵢ, the first, is of_generator·G + of_key·Q.
pub(super) fn holds(key: &PublicKey, point: &[u8; 65], of_generator: &[u8; 32], of_key: &[u8; 32]) -> bool {
    let point = PublicKey::from_sec1(point).ok().map(|point| *point.verifying_key().as_affine());
    let (Some(point), Some(of_generator), Some(of_key)) = (point, scalar(of_generator), scalar(of_key)) else {
        return false;
    };
    let key = ProjectivePoint::from(*key.verifying_key().as_affine());
    ProjectivePoint::from(point) == ProjectivePoint::mul_by_generator_and_mul_add_vartime(&of_generator, &of_key, &key)
}

fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into_option()
}

/// Drawn after the signatures were made, so that no fault can know them. `None` when the system has no randomness.
pub(super) fn random_weights(count: usize, bits: u32) -> Option<Vec<u128>> {
    let mut bytes = vec![0; count * WEIGHT];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    let (weights, _) = bytes.as_chunks::<WEIGHT>();
    Some(weights.iter().map(|weight| u128::from_le_bytes(*weight) >> (u128::BITS - bits)).collect())
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::sec1::ToSec1Point as _;
    use p256::elliptic_curve::{ops::Reduce as _, point::AffineCoordinates as _};
    use p256::{FieldBytes, NonZeroScalar};

    use super::*;
    use crate::key::PrivateKey;

    /// A signer that keeps its points, in plain arithmetic.
    struct Keeping {
        key: Scalar,
        points: Vec<ProjectivePoint>,
    }

    impl BatchSigner for Keeping {
        fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
            self.points.clear();
            for (at, (digest, out)) in digests.iter().zip(out).enumerate() {
                let nonce = Scalar::from(1000 + at as u64);
                let point = ProjectivePoint::GENERATOR * nonce;
                let r = Scalar::reduce(&point.to_affine().x());
                let e = Scalar::reduce(&FieldBytes::from(digest.0));
                let s = nonce.invert().unwrap() * (e + r * self.key);
                out.0[..32].copy_from_slice(&r.to_bytes());
                out.0[32..].copy_from_slice(&s.to_bytes());
                self.points.push(point);
            }
            Ok(())
        }

        fn sums(&mut self, digests: &[Digest], signatures: &[RawSignature], weights: &[u128]) -> SliceSums {
            let (mut point, mut of_generator, mut of_key) = (ProjectivePoint::IDENTITY, Scalar::ZERO, Scalar::ZERO);
            for (((digest, signature), weight), kept) in digests.iter().zip(signatures).zip(weights).zip(&self.points) {
                let [r, s] = [0, 32].map(|at| {
                    scalar(signature.0[at..at + 32].first_chunk().unwrap()).and_then(|it| NonZeroScalar::new(it).into())
                });
                let (Some(r), Some(s)): (Option<NonZeroScalar>, Option<NonZeroScalar>) = (r, s) else {
                    return SliceSums::Broken;
                };
                if Scalar::reduce(&kept.to_affine().x()) != *r {
                    return SliceSums::Broken;
                }
                let weight = Scalar::from(*weight);
                let over_s = weight * s.invert().unwrap();
                point += *kept * weight;
                of_generator += over_s * Scalar::reduce(&FieldBytes::from(digest.0));
                of_key += over_s * *r;
            }
            let sec1 = point.to_affine().to_sec1_point(false);
            let Ok(point) = sec1.as_bytes().try_into() else { return SliceSums::Broken };
            SliceSums::Sums { point, of_generator: of_generator.to_bytes().into(), of_key: of_key.to_bytes().into() }
        }
    }

    /// Verifies nothing, so that what passes was passed by the equation.
    struct Refusing;

    impl BatchVerifier for Refusing {
        fn verify(&self, _: &[Digest], _: &[RawSignature], valid: &mut [bool]) -> usize {
            valid.fill(false);
            0
        }
    }

    fn slice() -> (Keeping, PublicKey, Vec<Digest>, Vec<RawSignature>) {
        let key = PrivateKey::generate().unwrap();
        let mut signer = Keeping { key: scalar(&key.scalar()).unwrap(), points: Vec::new() };
        let digests: Vec<Digest> = (0_u8..40).map(|at| Digest::of(&[at])).collect();
        let mut signatures = vec![RawSignature::EMPTY; digests.len()];
        signer.sign(&digests, &mut signatures).unwrap();
        (signer, key.public(), digests, signatures)
    }

    #[test]
    fn the_equation_alone_passes_a_slice_that_is_right() {
        let (mut signer, public, digests, signatures) = slice();
        let check = SliceCheck::by(Box::new(Refusing), &public);
        assert_eq!(check.check(&mut signer, &digests, &signatures), Ok(()));
    }

    #[test]
    fn every_wrong_signature_of_a_slice_is_named() {
        let (mut signer, public, digests, right) = slice();
        let check = SliceCheck::by(Backend::Reference.verifier(&public).unwrap(), &public);
        for (byte, bit) in [(0, 0x80), (31, 1), (32, 0x40), (63, 1)] {
            for wrong in [vec![0], vec![39], vec![3, 11, 19]] {
                let mut signatures = right.clone();
                wrong.iter().for_each(|at| signatures[*at].0[byte] ^= bit);
                assert_eq!(check.check(&mut signer, &digests, &signatures), Err(WrongSlice { wrong }), "byte {byte}");
            }
        }
        for zero in [0..32, 32..64] {
            let mut signatures = right.clone();
            signatures[7].0[zero].fill(0);
            assert_eq!(check.check(&mut signer, &digests, &signatures), Err(WrongSlice { wrong: vec![7] }));
        }
        let mut swapped = digests.clone();
        swapped.swap(5, 6);
        assert_eq!(check.check(&mut signer, &swapped, &right), Err(WrongSlice { wrong: vec![5, 6] }));
    }

    /// Two faults that add up to nothing are found, because no fault knows the weights.
    #[test]
    fn faults_that_cancel_each_other_out_are_found() {
        let (mut signer, public, digests, signatures) = slice();
        let check = SliceCheck::by(Backend::Reference.verifier(&public).unwrap(), &public);
        let point = signer.points[4];
        signer.points[4] = -point;
        assert_eq!(check.check(&mut signer, &digests, &signatures), Err(WrongSlice { wrong: Vec::new() }));
    }

    #[test]
    fn a_signer_that_keeps_no_points_is_verified_one_by_one() {
        let key = PrivateKey::generate().unwrap();
        let mut signer = Backend::Native.signer(&key, super::super::Nonce::Hedged).unwrap();
        let digests: Vec<Digest> = (0_u8..9).map(|at| Digest::of(&[at])).collect();
        let mut signatures = vec![RawSignature::EMPTY; digests.len()];
        signer.sign(&digests, &mut signatures).unwrap();
        let check = SliceCheck::new(Backend::Native, &key.public()).unwrap();
        assert_eq!(check.check(&mut *signer, &digests, &signatures), Ok(()));
        signatures[8].0[40] ^= 1;
        assert_eq!(check.check(&mut *signer, &digests, &signatures), Err(WrongSlice { wrong: vec![8] }));
    }
}
