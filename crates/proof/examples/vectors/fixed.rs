//! Keys and nonces that are made from numbers, and signatures under them.

use p256::{
    FieldBytes, ProjectivePoint, Scalar,
    elliptic_curve::{PrimeField as _, ops::Reduce as _, point::AffineCoordinates as _},
};
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};

pub(crate) fn scalar(number: usize) -> Scalar {
    Scalar::from(number as u64)
}

pub(crate) fn private(number: usize) -> PrivateKey {
    PrivateKey::from_scalar(&scalar(number).to_repr().into()).expect("a number from 1 on is a key")
}

pub(crate) fn deterministic(key: &PrivateKey, digest: &Digest) -> RawSignature {
    let mut signature = [RawSignature::EMPTY];
    let mut signer = Backend::Reference.signer(key, Nonce::Deterministic).expect("the reference signs everywhere");
    signer.sign(&[*digest], &mut signature).expect("a signature");
    signature[0]
}

/// A signature with this nonce (FIPS 186-5, 6.4.1).
pub(crate) fn with_nonce(key: Scalar, nonce: u64, digest: &Digest) -> RawSignature {
    let nonce = Scalar::from(nonce);
    let point = (ProjectivePoint::GENERATOR * nonce).to_affine();
    let r = Scalar::reduce(&point.x());
    let z = Scalar::reduce(&FieldBytes::from(digest.0));
    let s = nonce.invert().expect("not zero") * (z + r * key);
    let mut signature = RawSignature::EMPTY;
    signature.0[..32].copy_from_slice(&r.to_repr());
    signature.0[32..].copy_from_slice(&s.to_repr());
    signature
}
