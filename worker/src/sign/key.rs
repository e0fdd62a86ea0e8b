//! A key that can sign, with all that checks what it signs.

use vaultstream_ledger::{BootInstant, KeyId};
use vaultstream_signing::{
    Backend, BatchSigner, Digest, RawSignature, SigningError, Thumbprint,
    backend::{Refused, SliceCheck, WrongSlice},
};

use super::{kept::Kept, nonces::NonceSet};

/// Signatures made by one call at most. One equation checks that many for the price of a few.
const SLICE_LIMIT: usize = 4096;

/// A key that can sign, until its lease ends.
pub(crate) struct SigningKey {
    /// The key in the ledger.
    pub(crate) key: KeyId,
    /// When to stop: nothing signed later can be committed.
    pub(crate) expires: BootInstant,
    /// What signs.
    pub(crate) backend: Backend,
    /// Signs with it.
    pub(crate) signer: Box<dyn BatchSigner>,
    /// Checks signatures with an implementation other than the signer's.
    pub(crate) check: SliceCheck,
    /// No other backend could sign instead: what fails with this one fails its batch.
    pub(crate) last_resort: bool,
    /// RFC 7638 thumbprint of the public key.
    pub(crate) thumbprint: Thumbprint,
    /// The r of this lease.
    pub(crate) nonces: NonceSet,
    /// What was signed under this lease, where only a sample of it is checked.
    pub(crate) kept: Kept,
}

impl SigningKey {
    /// How many digests are signed between two looks at the deadline.
    pub(crate) fn slice_len(&self) -> usize {
        self.signer.slice_len().clamp(1, SLICE_LIMIT)
    }

    /// Signs a slice.
    pub(crate) fn sign(
        &mut self,
        ids: &[i64],
        digests: &[Digest],
        out: &mut [RawSignature],
    ) -> Result<(), SigningError> {
        if vaultstream_faults::refuses(self.backend.as_str()) {
            return Err(Refused::Nonce.into());
        }
        self.signer.sign(digests, out)?;
        vaultstream_faults::spoil(ids, out.iter_mut().map(|signature| &mut signature.0));
        vaultstream_faults::spoil_lane(self.backend.as_str(), out.iter_mut().map(|signature| &mut signature.0));
        Ok(())
    }

    /// Seals a slice of batches.
    pub(crate) fn seal(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        self.sign(&[], digests, out)
    }

    /// Checks the slice that was signed last.
    pub(crate) fn check(&mut self, digests: &[Digest], signatures: &[RawSignature]) -> Result<(), WrongSlice> {
        self.check.check(&mut *self.signer, digests, signatures)
    }
}
