//! One message at a time, for what is signed once a job and not once a record: the receipt, the request for a certificate.

use crate::backend::{Nonce, SigningError};
use crate::{Backend, Digest, PrivateKey, PublicKey, RawSignature};

/// Signs SHA-256 of `message` with the reference backend and a hedged nonce.
///
/// # Errors
///
/// When it cannot be signed.
pub fn sign_message(key: &PrivateKey, message: &[u8]) -> Result<RawSignature, SigningError> {
    let mut signature = [RawSignature::EMPTY];
    Backend::Reference.signer(key, Nonce::Hedged)?.sign(&[Digest::of(message)], &mut signature)?;
    let [signature] = signature;
    Ok(signature)
}

/// Whether the signature is that of `key` over SHA-256 of `message`. False, too, when the key cannot be used.
#[must_use]
pub fn is_signed(key: &PublicKey, message: &[u8], signature: RawSignature) -> bool {
    let mut valid = [false];
    if let Ok(verifier) = Backend::Reference.verifier(key) {
        verifier.verify(&[Digest::of(message)], &[signature], &mut valid);
    }
    valid == [true]
}
