//! What travels down the pipeline. The types follow the steps: a [`Unit`] is gathered, a [`ReadUnit`] has its digests,
//! and only signed segments can be committed.

use std::{sync::Arc, time::Duration};

use vaultstream_ledger::{BatchNo, BatchRange, commit::Reject};
use vaultstream_signing::{Digest, Hash, RecordName};
use vaultstream_trace::Span;

use crate::{in_flight::InFlightMessage, memory_budget::Share};

/// A batch to sign, whose messages this worker holds.
#[derive(Debug)]
pub(crate) struct PulledBatch {
    /// The range to sign, as the ledger has it.
    pub(crate) range: BatchRange,
    /// The message in the stream; dropping it unacknowledged has it delivered again.
    pub(crate) message: InFlightMessage,
    /// Its trace, where it has one.
    pub(crate) trace: Span,
}

/// The batches that one lane signs under one lease and commits in one transaction.
#[derive(Debug)]
pub(crate) struct Unit {
    /// In the order of their delivery.
    pub(crate) batches: Vec<PulledBatch>,
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
    /// The number of records to sign, in all batches.
    pub(crate) fn signable(&self) -> usize {
        self.batches.iter().map(|batch| batch.records.digests.len()).sum()
    }
}

/// A batch whose payloads were read and hashed.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    /// What was read.
    pub(crate) records: BatchRecords,
    /// The message that it came with.
    pub(crate) message: InFlightMessage,
    /// Where reading stopped, when the range held far more than a batch may.
    pub(crate) outgrown_at: Option<i64>,
    /// Its trace, where it has one.
    pub(crate) trace: Span,
}

impl ReadBatch {
    /// Acknowledges it.
    pub(crate) fn ack(self) {
        drop(self.trace.child("ack"));
        self.message.ack();
    }

    /// Has it delivered again after `delay`, because it was not signed.
    pub(crate) fn redeliver_after(self, delay: Duration) {
        self.trace.fail("not signed: it is delivered again");
        self.message.redeliver_after(delay);
    }
}

/// The records of one batch, read and hashed.
#[derive(Clone, Debug)]
pub(crate) struct BatchRecords {
    /// The batch and its range.
    pub(crate) range: BatchRange,
    /// The records to sign, ascending.
    pub(crate) ids: Vec<i64>,
    /// Their digests, in the same order.
    pub(crate) digests: Vec<Digest>,
    /// Records that cannot be signed, with the reason.
    pub(crate) rejects: Vec<Reject>,
    /// What names their rows, where ids are ordinals.
    pub(crate) keys: RowKeys,
}

/// Hashes of the keys of a batch's rows: one for each ordinal of its range, and none where ids are no ordinals.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowKeys {
    first: i64,
    hashes: Arc<[Hash]>,
}

impl RowKeys {
    /// Of the rows from the ordinal `first` on.
    pub(crate) fn new(first: i64, hashes: Vec<Hash>) -> Self {
        Self { first, hashes: hashes.into() }
    }

    fn of(&self, id: i64) -> Option<Hash> {
        usize::try_from(id.checked_sub(self.first)?).ok().and_then(|place| self.hashes.get(place)).copied()
    }
}

impl BatchRecords {
    /// What the record is called in the batch's tree.
    pub(crate) fn name(&self, id: i64) -> RecordName {
        RecordName { id, key: self.keys.of(id) }
    }

    /// The batch.
    pub(crate) fn number(&self) -> BatchNo {
        self.range.batch
    }

    /// The number of rows that were read.
    pub(crate) fn rows(&self) -> i64 {
        (self.ids.len() + self.rejects.len()) as i64
    }

    /// The number of rows before the id `at`.
    pub(crate) fn rows_before(&self, at: i64) -> i64 {
        let ids = self.ids.iter().chain(self.rejects.iter().map(|reject| &reject.id));
        ids.filter(|id| **id < at).count() as i64
    }

    /// Forgets the records outside of a range that became smaller.
    pub(crate) fn narrow_to(&mut self, range: &BatchRange) {
        let stays = |id: i64| (range.first..=range.last).contains(&id);
        let kept = self.select(|at| stays(self.ids[at]));
        (self.ids, self.digests) = (kept.ids, kept.digests);
        self.rejects.retain(|reject| stays(reject.id));
        (self.range.first, self.range.last) = (range.first, range.last);
    }

    /// The same batch with only some of the records to sign, by their index.
    pub(crate) fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let pairs = self.ids.iter().zip(&self.digests).enumerate().filter(|(at, _)| keep(*at)).map(|(_, pair)| pair);
        let (ids, digests) = pairs.unzip();
        Self { range: self.range, ids, digests, rejects: self.rejects.clone(), keys: self.keys.clone() }
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// The digest of record `id`.
    pub(crate) fn digest(id: i64) -> Digest {
        Digest::of(&id.to_be_bytes())
    }

    /// A batch of all ids of a range.
    pub(crate) fn batch(batch: i64, ids: std::ops::RangeInclusive<i64>) -> BatchRecords {
        let (first, last) = (*ids.start(), *ids.end());
        BatchRecords {
            range: BatchRange { batch: BatchNo(batch), first, last, rows: last - first + 1 },
            digests: ids.clone().map(digest).collect(),
            ids: ids.collect(),
            rejects: Vec::new(),
            keys: RowKeys::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fixture::batch, *};

    fn reject(id: i64) -> Reject {
        Reject { id, reason: "PayloadMissing".to_owned(), detail: String::new(), attempts: 0 }
    }

    #[test]
    fn a_batch_that_was_split_keeps_the_records_of_its_range() {
        let mut records = batch(1, 10..=19);
        records.rejects = vec![reject(14), reject(15)];
        assert_eq!((records.rows(), records.rows_before(15)), (12, 6));
        records.narrow_to(&BatchRange { batch: BatchNo(1), first: 10, last: 14, rows: 10 });
        assert_eq!(records.ids, [10, 11, 12, 13, 14]);
        assert_eq!(records.digests, (10..=14).map(fixture::digest).collect::<Vec<_>>());
        assert_eq!(records.rejects.iter().map(|reject| reject.id).collect::<Vec<_>>(), [14]);
        assert_eq!((records.range.first, records.range.last, records.range.rows), (10, 14, 10));
    }
}
