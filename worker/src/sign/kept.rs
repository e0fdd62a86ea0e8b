//! What a lease has committed, kept while only a sample of it is checked: if the sample finds a fault later, the rest is checked,
//! too.

use std::collections::HashSet;

use vaultstream_ledger::BatchNo;
use vaultstream_signing::{Digest, RawSignature};

/// Under [`Verify::Sample`](vaultstream_api::Verify::Sample), a lease makes no more signatures than are kept.
pub(crate) const KEPT_LIMIT: u32 = 1 << 14;

/// A batch as it was signed.
#[derive(Clone)]
pub(crate) struct KeptBatch {
    pub(crate) batch: BatchNo,
    pub(crate) digests: Vec<Digest>,
    pub(crate) signatures: Vec<RawSignature>,
}

/// The batches that a lease has signed.
#[derive(Default)]
pub(crate) struct Kept {
    /// Of the present unit. Not committed yet, perhaps never.
    signed: Vec<KeptBatch>,
    committed: Vec<KeptBatch>,
}

impl Kept {
    /// A unit was signed; whatever was signed before it and not committed is void.
    pub(crate) fn sign(&mut self, batches: Vec<KeptBatch>) {
        self.signed = batches;
    }

    /// These batches of the unit were committed.
    pub(crate) fn commit(&mut self, batches: &HashSet<BatchNo>) {
        self.committed.extend(self.signed.drain(..).filter(|kept| batches.contains(&kept.batch)));
    }

    /// What was committed.
    pub(crate) fn committed(&self) -> &[KeptBatch] {
        &self.committed
    }
}
