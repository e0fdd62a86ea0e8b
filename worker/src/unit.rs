//! What travels down the pipeline. The types follow the steps: a [`Unit`] is gathered, a [`ReadUnit`] has its digests,
//! and only signed segments can be committed.

use vaultstream_ledger::{BatchNo, BatchRange, commit::Reject};
use vaultstream_signing::Digest;
use vaultstream_streams::BatchMessage;

use crate::{budget::Share, held::HeldMessage};

/// One batch message that this worker holds.
#[derive(Debug)]
pub(crate) struct HeldBatch {
    /// The range to sign.
    pub(crate) message: BatchMessage,
    /// The message in the stream; dropping it unacknowledged leaves it to be delivered again.
    pub(crate) held: HeldMessage,
    /// JetStream delivered it before; it may be signed already.
    pub(crate) redelivered: bool,
}

impl HeldBatch {
    /// Whether both are deliveries of one batch.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.message.batch == other.message.batch
    }

    /// Takes another delivery of this batch along: both are settled at once.
    pub(crate) fn join(&mut self, other: Self) {
        self.held.join(other.held);
        self.redelivered |= other.redelivered;
    }

    /// The range as the ledger knows it.
    pub(crate) fn range(&self) -> BatchRange {
        let BatchMessage { batch, first, last, rows, .. } = self.message;
        BatchRange { batch: BatchNo(batch), first, last, rows }
    }
}

/// The batches that one lane signs under one lease and commits in one transaction.
#[derive(Debug)]
pub(crate) struct Unit {
    /// In the order of their delivery.
    pub(crate) batches: Vec<HeldBatch>,
    /// Memory set aside for it.
    pub(crate) share: Share,
}

/// A unit whose payloads were read and hashed.
#[derive(Debug)]
pub(crate) struct ReadUnit {
    /// In the order of their delivery.
    pub(crate) batches: Vec<ReadBatch>,
    /// Memory set aside for it.
    pub(crate) share: Share,
}

impl ReadUnit {
    /// Records to sign, in all batches.
    pub(crate) fn signable(&self) -> usize {
        self.batches.iter().map(|batch| batch.digests.len()).sum()
    }
}

/// A batch whose payloads were read and hashed.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// The message it came from.
    pub(crate) from: HeldBatch,
    /// The records to sign, ascending.
    pub(crate) ids: Vec<i64>,
    /// Their digests, in the same order.
    pub(crate) digests: Vec<Digest>,
    /// Records that cannot be signed, with the reason.
    pub(crate) rejects: Vec<Reject>,
    /// Where reading stopped, when the range held far more than a batch may.
    pub(crate) outgrown_at: Option<i64>,
}

impl ReadBatch {
    /// Rows that were read.
    pub(crate) fn rows(&self) -> i64 {
        (self.ids.len() + self.rejects.len()) as i64
    }

    /// Forgets the records outside of a range that became smaller.
    pub(crate) fn narrow_to(&mut self, range: &BatchRange) {
        let stays = |id: &i64| (range.first..=range.last).contains(id);
        let (ids, digests) = self.ids.iter().zip(&self.digests).filter(|(id, _)| stays(id)).unzip();
        (self.ids, self.digests) = (ids, digests);
        self.rejects.retain(|reject| stays(&reject.id));
        (self.from.message.first, self.from.message.last) = (range.first, range.last);
    }
}
