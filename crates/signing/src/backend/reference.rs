//! p256, pure Rust: RFC 6979 nonces, plain or hedged with fresh randomness as its §3.6 allows.

use ecdsa::hazmat::sign_prehashed_rfc6979;
use p256::NistP256;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::contract::{BatchSigner, BatchVerifier, SigningError, check_lengths, verify_each};
use super::kind::Nonce;
use crate::digest::{Digest, RawSignature};
use crate::key::PrivateKey;
use crate::public_key::PublicKey;

/// Digests that share one draw of randomness, so that a signature does not pay for a call of its own.
const DIGESTS_PER_DRAW: usize = 32;

/// Random bytes mixed into each hedged nonce.
const ADDED: usize = 32;

pub(super) struct ReferenceSigner {
    key: SigningKey,
    nonce: Nonce,
}

impl ReferenceSigner {
    pub(super) fn new(key: &PrivateKey, nonce: Nonce) -> Self {
        Self { key: key.signing_key().clone(), nonce }
    }
}

impl BatchSigner for ReferenceSigner {
    fn slice_len(&self) -> usize {
        32
    }

    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        check_lengths(digests, out)?;
        let mut random = Zeroizing::new([[0; ADDED]; DIGESTS_PER_DRAW]);
        for (digests, out) in digests.chunks(DIGESTS_PER_DRAW).zip(out.chunks_mut(DIGESTS_PER_DRAW)) {
            if self.nonce == Nonce::Hedged {
                let random = random[..digests.len()].as_flattened_mut();
                aws_lc_rs::rand::fill(random).map_err(|_| SigningError::Randomness)?;
            }
            for ((digest, added), out) in digests.iter().zip(&*random).zip(out) {
                let added: &[u8] = match self.nonce {
                    Nonce::Hedged => added,
                    Nonce::Deterministic => &[],
                };
                let (signature, _) =
                    sign_prehashed_rfc6979::<NistP256, Sha256>(self.key.as_nonzero_scalar(), &digest.0, added);
                *out = RawSignature(signature.to_bytes().into());
            }
        }
        Ok(())
    }
}

pub(super) struct ReferenceVerifier(VerifyingKey);

impl ReferenceVerifier {
    pub(super) fn new(key: &PublicKey) -> Self {
        Self(*key.verifying_key())
    }
}

impl BatchVerifier for ReferenceVerifier {
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) -> usize {
        verify_each(digests, signatures, valid, |digest, signature| {
            // Refuses r or s that is 0 or not below the order, before any arithmetic.
            Signature::from_slice(&signature.0)
                .is_ok_and(|signature| self.0.verify_prehash(&digest.0, &signature).is_ok())
        })
    }
}
