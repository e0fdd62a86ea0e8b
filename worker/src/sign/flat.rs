//! The records of several batches side by side, so that slices need not end where batches do.

use std::ops::Range;

use vaultstream_signing::{Digest, RawSignature};

use crate::unit::BatchRecords;

/// The records of a unit, and room for their signatures.
pub(crate) struct Flat {
    pub(crate) ids: Vec<i64>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) signatures: Vec<RawSignature>,
    /// Where each batch ends.
    ends: Vec<usize>,
}

impl Flat {
    pub(crate) fn of(batches: &[&BatchRecords]) -> Self {
        let records = batches.iter().map(|batch| batch.ids.len()).sum();
        let mut flat = Self {
            ids: Vec::with_capacity(records),
            digests: Vec::with_capacity(records),
            signatures: vec![RawSignature::EMPTY; records],
            ends: Vec::with_capacity(batches.len()),
        };
        for batch in batches {
            flat.ids.extend_from_slice(&batch.ids);
            flat.digests.extend_from_slice(&batch.digests);
            flat.ends.push(flat.ids.len());
        }
        flat
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Pieces of at most `most` records.
    pub(crate) fn slices(&self, most: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.len();
        (0..len).step_by(most).map(move |from| from..(from + most).min(len))
    }

    /// The batch that a record is in, by their indices.
    pub(crate) fn batch_of(&self, record: usize) -> usize {
        self.ends.partition_point(|end| *end <= record)
    }

    /// The records of a batch.
    pub(crate) fn records_of(&self, batch: usize) -> Range<usize> {
        let from = batch.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        from..self.ends.get(batch).copied().unwrap_or(from)
    }

    /// A slice, cut where batches end.
    pub(crate) fn parts(&self, slice: &Range<usize>) -> Vec<(usize, Range<usize>)> {
        if slice.is_empty() {
            return Vec::new();
        }
        let batches = self.batch_of(slice.start)..=self.batch_of(slice.end - 1);
        let part = |batch| {
            let records = self.records_of(batch);
            records.start.max(slice.start)..records.end.min(slice.end)
        };
        batches.map(|batch| (batch, part(batch))).filter(|(_, part)| !part.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::fixture::batch;

    #[test]
    fn slices_cross_batches_and_are_cut_where_batches_end() {
        let mut empty = batch(2, 3..=3);
        (empty.ids, empty.digests) = (Vec::new(), Vec::new());
        let flat = Flat::of(&[&batch(1, 0..=2), &empty, &batch(3, 10..=14)]);
        assert_eq!(flat.slices(4).collect::<Vec<_>>(), [0..4, 4..8]);
        assert_eq!(flat.parts(&(0..4)), [(0, 0..3), (2, 3..4)]);
        assert_eq!(flat.parts(&(4..8)), [(2, 4..8)]);
        assert_eq!([0, 2, 3, 7].map(|record| flat.batch_of(record)), [0, 0, 2, 2]);
        assert_eq!([0, 1, 2].map(|batch| flat.records_of(batch)), [0..3, 3..3, 3..8]);
        assert_eq!(Flat::of(&[&empty]).slices(4).count(), 0);
    }
}
