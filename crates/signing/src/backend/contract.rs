//! What every backend does, and how it can fail.

use vaultstream_engine::Refused;

use super::kind::Backend;
use crate::digest::{Digest, RawSignature};

/// One private key, ready to sign many digests. Made once per key lease, used by one thread.
pub trait BatchSigner: Send + Sync {
    /// Signs `digests[i]` into `out[i]`.
    ///
    /// # Errors
    ///
    /// When the lengths differ, or with the index of the digest that could not be signed; what is in `out` then is void.
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError>;

    /// How many digests one call of [`sign`](Self::sign) should get: about 5 ms of work, so that the caller can look at a deadline
    /// between two calls.
    fn slice_len(&self) -> usize {
        256
    }

    /// What one equation over the whole slice needs, from a backend that keeps the points R of the last call of
    /// [`sign`](Self::sign). The arguments are public. The caller draws the weights after that call and computes the last product,
    /// so that neither is up to the code that is checked.
    fn sums(&mut self, digests: &[Digest], signatures: &[RawSignature], weights: &[u128]) -> SliceSums {
        let _ = (digests, signatures, weights);
        SliceSums::NotKept
    }
}

/// The sums over a slice, with the weights aᵢ: every signature is right if and, but for one chance in 2ᵇ with weights of b bits, only if
/// Σ aᵢ·Rᵢ = (Σ aᵢ·eᵢ/sᵢ)·G + (Σ aᵢ·rᵢ/sᵢ)·Q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceSums {
    /// The backend keeps no points: the signatures are verified one by one.
    NotKept,
    /// No equation can hold: a point has another x than its r, an s has no inverse, or the points add up to infinity.
    Broken,
    /// The sums.
    Sums {
        /// Σ aᵢ·Rᵢ, uncompressed: `0x04 ‖ x ‖ y`.
        point: [u8; 65],
        /// Σ aᵢ·eᵢ/sᵢ modulo n, big-endian.
        of_generator: [u8; 32],
        /// Σ aᵢ·rᵢ/sᵢ modulo n, big-endian.
        of_key: [u8; 32],
    },
}

/// One public key, ready to verify many signatures.
pub trait BatchVerifier: Send + Sync {
    /// Says in `valid[i]` whether `signatures[i]` is a signature of `digests[i]`. An entry without a partner is invalid. Returns how many
    /// were found valid by one equation over many; all others were verified one by one.
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) -> usize;
}

/// Why a backend cannot be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// The processor lacks the unit that it was told to compute on.
    #[error("this processor has no unit of the name in VAULTSTREAM_ENGINE_UNIT")]
    Processor,
    /// Another backend has taken its place.
    #[error("it was replaced by the backend engine")]
    Replaced,
    /// It gives wrong answers on this processor.
    #[error("it failed its known-answer test on this processor")]
    WrongAnswer,
    /// It gave a wrong answer after its test, and was withdrawn.
    #[error("it was withdrawn from this process after a wrong answer")]
    Withdrawn,
}

/// Why signing, or making a signer or verifier, failed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The backend cannot be used here.
    #[error("the {0} backend is not available here: {1}")]
    Absent(Backend, Absence),
    /// The library did not take the key.
    #[error("the {0} backend refused the key")]
    Key(Backend),
    /// As many signatures as digests are wanted.
    #[error("{digests} digests were given with room for {signatures} signatures")]
    Lengths {
        /// Number of digests given.
        digests: usize,
        /// Room given for signatures.
        signatures: usize,
    },
    /// The digest at this index could not be signed.
    #[error("failed to sign the digest at index {0}")]
    Digest(usize),
    /// The engine refused a slice. Its nonces do not lead there by chance, so something has computed wrongly.
    #[error("the engine refused to sign")]
    Refused(#[from] Refused),
    /// The system gave no random bytes for the nonces.
    #[error("the system has no randomness for the nonces")]
    Randomness,
}

pub(super) fn check_lengths(digests: &[Digest], out: &[RawSignature]) -> Result<(), SigningError> {
    if digests.len() == out.len() {
        Ok(())
    } else {
        Err(SigningError::Lengths { digests: digests.len(), signatures: out.len() })
    }
}

/// Runs `check` on every pair of a digest and a signature; entries without a partner are invalid. Returns 0: there is no equation.
pub(super) fn verify_each(
    digests: &[Digest],
    signatures: &[RawSignature],
    valid: &mut [bool],
    check: impl Fn(&Digest, &RawSignature) -> bool,
) -> usize {
    valid.fill(false);
    for ((digest, signature), valid) in digests.iter().zip(signatures).zip(valid) {
        *valid = check(digest, signature);
    }
    0
}
