//! What can be decided only when all lines were read: whether ranges overlap, and the root over all rejects.

use vaultstream_signing::{Hash, merkle, receipt::ReceiptFormat};

/// The ranges of the batches and the leaves of the rejects: 24 bytes a batch and 40 a reject.
#[derive(Default)]
pub(super) struct RangesAndRejects {
    ranges: Vec<(i64, i64, u64)>,
    rejects: Vec<(i64, Hash)>,
}

impl RangesAndRejects {
    pub(super) fn range(&mut self, first: i64, last: i64, batch: u64) {
        self.ranges.push((first, last, batch));
    }

    pub(super) fn reject(&mut self, id: i64, leaf: Hash) {
        self.rejects.push((id, leaf));
    }

    /// Two batches that cover the same id, by their numbers.
    pub(super) fn overlap(&mut self) -> Option<(u64, u64)> {
        self.ranges.sort_unstable();
        self.ranges.windows(2).find(|pair| pair[0].1 >= pair[1].0).map(|pair| (pair[0].2, pair[1].2))
    }

    /// The root over the rejects as this format has it, by id or in the order of batches; `None` without any.
    pub(super) fn rejects_root(&mut self, format: ReceiptFormat) -> Option<Hash> {
        if !format.rejects_grow() {
            self.rejects.sort_unstable_by_key(|(id, _)| *id);
        }
        let tree: merkle::Tree = self.rejects.iter().map(|(_, leaf)| *leaf).collect();
        (!tree.is_empty()).then(|| tree.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_ranges_are_found_wherever_they_are() {
        let of = |ranges: &[(i64, i64)]| {
            let mut tally = RangesAndRejects::default();
            (0..).zip(ranges).for_each(|(batch, (first, last))| tally.range(*first, *last, batch));
            tally.overlap()
        };
        assert_eq!(of(&[(i64::MIN, 5), (10, 20), (6, 9), (21, i64::MAX)]), None);
        assert_eq!(of(&[(1, 5), (10, 20), (5, 9)]), Some((0, 2)));
        assert_eq!(of(&[(1, 100), (10, 20)]), Some((0, 1)));
    }

    #[test]
    fn the_root_over_rejects_is_by_id_whatever_their_order_and_of_a_checkpoint_in_it() {
        let leaf = |id| merkle::reject_leaf(id, "NullPayload");
        let mut tally = RangesAndRejects::default();
        for format in [ReceiptFormat::V5, ReceiptFormat::V6] {
            assert_eq!(tally.rejects_root(format), None);
        }
        [7, -3, 5].into_iter().for_each(|id| tally.reject(id, leaf(id)));
        assert_eq!(tally.rejects_root(ReceiptFormat::V6), Some(merkle::root(&[leaf(7), leaf(-3), leaf(5)])));
        assert_eq!(tally.rejects_root(ReceiptFormat::V5), Some(merkle::root(&[leaf(-3), leaf(5), leaf(7)])));
    }
}
