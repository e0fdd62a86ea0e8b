//! What a backend must do right on this processor before it is used.

use super::contract::{BatchSigner, BatchVerifier, SigningError};
use super::kind::Nonce;
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

/// More than the lanes of the widest backend, so that each of them is used.
const SIGNATURES: usize = 9;

/// Whether a backend verifies the known signature and refuses a changed one, in every lane; makes it, if it makes deterministic
/// nonces; and verifies what it makes with hedged ones.
///
/// # Errors
/// When the backend is not part of this build or cannot run on this processor.
pub(super) fn check(
    verifier: impl Fn(&PublicKey) -> Result<Box<dyn BatchVerifier>, SigningError>,
    signer: impl Fn(&PrivateKey, Nonce) -> Result<Option<Box<dyn BatchSigner>>, SigningError>,
) -> Result<bool, SigningError> {
    let Ok(key) = PrivateKey::from_scalar(&KEY) else { return Ok(false) };
    let digests = [Digest::of(b"sample"); SIGNATURES];
    let known = [RawSignature(SAMPLE); SIGNATURES];
    let verifier = verifier(&key.public())?;
    let all = |signatures: &[RawSignature], expected: bool| {
        let mut valid = [!expected; SIGNATURES];
        verifier.verify(&digests, signatures, &mut valid);
        valid == [expected; SIGNATURES]
    };
    let mut changed = known;
    changed.iter_mut().for_each(|signature| signature.0[63] ^= 1);
    let mut hedged = [RawSignature::EMPTY; SIGNATURES];
    let Some(mut hedging) = signer(&key, Nonce::Hedged)? else { return Ok(false) };
    hedging.sign(&digests, &mut hedged)?;
    let mut made = known;
    if let Some(mut deterministic) = signer(&key, Nonce::Deterministic)? {
        made.fill(RawSignature::EMPTY);
        deterministic.sign(&digests, &mut made)?;
    }
    Ok(all(&known, true) && all(&changed, false) && made == known && all(&hedged, true))
}
