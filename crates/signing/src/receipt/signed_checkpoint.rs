//! A checkpoint with its signature: what the next one of its job is made behind.

use super::{Checkpoint, Receipt, ReceiptDetails, ReceiptError, verify_receipt};
use crate::{Digest, Hash, PublicKey};

/// SHA-256 of a checkpoint's text, the compact JWS without white space around it. The next one names it.
#[must_use]
pub fn checkpoint_digest(jws: &str) -> Hash {
    Digest::of(jws.as_bytes()).0
}

/// A checkpoint whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    receipt: Receipt,
    place: Checkpoint,
    details: ReceiptDetails,
    digest: Hash,
}

impl SignedCheckpoint {
    /// Verifies that `key` signed this checkpoint, and reads it.
    ///
    /// # Errors
    /// As [`verify_receipt`], and for a receipt that is no checkpoint.
    pub fn verify(key: &PublicKey, jws: &str) -> Result<Self, ReceiptError> {
        let receipt = verify_receipt(key, jws)?;
        let (Some(place), Some(details)) = (receipt.checkpoint, receipt.details.clone()) else {
            return Err(ReceiptError::NoCheckpoint);
        };
        Ok(Self { place, details, digest: checkpoint_digest(jws), receipt })
    }

    /// What it says.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Its place.
    #[must_use]
    pub fn place(&self) -> Checkpoint {
        self.place
    }

    /// The number of batches that it covers, from the first on.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.details.tree_size
    }

    /// [`checkpoint_digest`] of its text.
    #[must_use]
    pub fn digest(&self) -> &Hash {
        &self.digest
    }

    /// The place of the one that follows it; none behind the last one.
    #[must_use]
    pub fn next(&self) -> Option<Checkpoint> {
        if self.place.is_last() { None } else { Checkpoint::after(self.place.number(), self.digest) }
    }
}
