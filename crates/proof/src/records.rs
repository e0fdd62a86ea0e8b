//! Records with a problem.

use std::collections::BTreeSet;

/// Records with a problem: all are counted, the ids of the first are kept.
#[derive(Clone, Debug)]
pub struct Records {
    count: u64,
    least: BTreeSet<i64>,
    most: usize,
}

impl Records {
    /// No records yet. The ids of at most `most` are kept.
    #[must_use]
    pub fn keeping(most: usize) -> Self {
        Self { count: 0, least: BTreeSet::new(), most }
    }

    /// Records that were counted by a query.
    pub fn counted(count: u64, ids: impl IntoIterator<Item = i64>) -> Self {
        let least: BTreeSet<i64> = ids.into_iter().collect();
        Self { count, most: least.len(), least }
    }

    /// Adds a record.
    pub fn add(&mut self, id: i64) {
        self.count += 1;
        self.least.insert(id);
        if self.least.len() > self.most {
            self.least.pop_last();
        }
    }

    /// The number of records.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The ids that are kept, ascending.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        self.least.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_all_counted_and_the_least_ids_are_kept() {
        let mut records = Records::keeping(3);
        for id in [9, -4, 7, 1000, 2] {
            records.add(id);
        }
        assert_eq!((records.count(), records.ids().collect::<Vec<_>>()), (5, vec![-4, 2, 7]));
    }
}
