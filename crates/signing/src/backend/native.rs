//! aws-lc-rs. It makes its own hedged nonce from the key, the digest and its random generator.

use aws_lc_rs::digest::{Digest as Imported, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, ParsedPublicKey};

use super::contract::{BatchSigner, BatchVerifier, SigningError, check_lengths, verify_each};
use super::kind::Backend;
use crate::digest::{Digest, RawSignature};
use crate::form::{der_decode, der_encode};
use crate::key::PrivateKey;
use crate::public_key::PublicKey;

/// A key parsed by aws-lc, which cleanses its memory when it is freed.
pub(super) struct NativeSigner(EcdsaKeyPair);

impl NativeSigner {
    pub(super) fn new(key: &PrivateKey) -> Result<Self, SigningError> {
        let point = key.public().sec1();
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &*key.scalar(), &point)
            .map(Self)
            .map_err(|_| SigningError::Key(Backend::Native))
    }
}

impl BatchSigner for NativeSigner {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        check_lengths(digests, out)?;
        for (index, (digest, out)) in digests.iter().zip(out).enumerate() {
            *out = sign_one(&self.0, digest).ok_or(SigningError::Digest(index))?;
        }
        Ok(())
    }
}

/// Signs to DER and converts that on the stack: the library's own fixed form parses the same DER through big numbers
/// (`examples/rates.rs` measures both).
fn sign_one(pair: &EcdsaKeyPair, digest: &Digest) -> Option<RawSignature> {
    let signature = pair.sign_digest(&import(digest)?).ok()?;
    der_decode(signature.as_ref()).ok()
}

pub(super) struct NativeVerifier(ParsedPublicKey);

impl NativeVerifier {
    pub(super) fn new(key: &PublicKey) -> Result<Self, SigningError> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.sec1())
            .map(Self)
            .map_err(|_| SigningError::Key(Backend::Native))
    }
}

impl BatchVerifier for NativeVerifier {
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) -> usize {
        verify_each(digests, signatures, valid, |digest, signature| {
            import(digest).is_some_and(|digest| self.0.verify_digest_sig(&digest, &der_encode(signature)).is_ok())
        })
    }
}

fn import(digest: &Digest) -> Option<Imported> {
    Imported::import_less_safe(&digest.0, &SHA256).ok()
}
