//! A unit: the signed batches that are committed together, and the outcome.

use bytes::Bytes;
use vaultstream_signing::{Hash, RawSignature};

use crate::copy::{SIGNATURE_ROW, SIGNATURE_ROW_WITH_DIGEST};
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange};

/// A record that cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Which record.
    pub id: i64,
    /// The kind of reason, as one word.
    pub reason: String,
    /// A sentence.
    pub detail: String,
    /// Attempts that were made before.
    pub attempts: i32,
}

/// One batch of a unit, signed.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Which batch.
    pub batch: BatchNo,
    /// First id of the range that was read.
    pub first: i64,
    /// Last id of the range that was read.
    pub last: i64,
    /// Rows seen.
    pub rows: i64,
    /// Signatures in `copy`.
    pub signed: i64,
    /// Number of `rejects`.
    pub rejected: i64,
    /// The batch's root.
    pub root: Hash,
    /// The root over its signed records, which with the range, the counts and the rejects makes `root`.
    pub tree: Hash,
    /// The key's signature over `root`.
    pub seal: RawSignature,
    /// Rows for COPY BINARY as [`crate::copy::put_signature_row`] writes them, without header and trailer.
    pub copy: Bytes,
    /// What could not be signed.
    pub rejects: Vec<Reject>,
}

/// The outcome of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is in the ledger.
    Done,
    /// These batches are signed already. Nothing was committed: ack them, drop their segments, call again.
    AlreadySigned(Vec<BatchNo>),
    /// These batches have other ranges now, here they are. Nothing was committed: sign them anew.
    RangeChanged(Vec<BatchRange>),
    /// The lease is over. Nothing was committed.
    LeaseLost,
    /// The unit has more signatures than the key may still make. Nothing was committed.
    KeySpent {
        /// Signatures that it may still make.
        left: i64,
    },
    /// The job was deleted, or does not sign any more. Nothing was committed.
    JobGone,
}

/// Why a unit is not committed, or it is not known whether it is.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The segments contradict themselves.
    #[error("the unit is malformed: {0}")]
    Malformed(&'static str),
    /// The connection broke at the COMMIT and the ledger could not be asked since: neither ack nor count anything.
    #[error("it is unknown whether the unit was committed")]
    Unknown(#[source] QueryError),
    /// A record of these batches is rejected already although its batch is open: the ledger is damaged.
    #[error("the ledger already holds a reject of a record whose batch is not signed")]
    Duplicate(#[source] QueryError),
    /// Postgres failed; nothing was committed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Refuses what only a verification would find otherwise.
pub(super) fn check(segments: &[Segment]) -> Result<(), CommitError> {
    for segment in segments {
        let Segment { batch: _, first, last, rows, signed, rejected, copy, rejects, .. } = segment;
        let length = |row: usize| usize::try_from(*signed).ok().and_then(|signed| signed.checked_mul(row));
        if length(SIGNATURE_ROW) != Some(copy.len()) && length(SIGNATURE_ROW_WITH_DIGEST) != Some(copy.len()) {
            return Err(CommitError::Malformed("the length of the rows is not that of the signatures"));
        }
        if i64::try_from(rejects.len()) != Ok(*rejected) || signed + rejected != *rows || first > last {
            return Err(CommitError::Malformed("the counts of a segment do not add up"));
        }
    }
    let mut batches: Vec<_> = segments.iter().map(|segment| segment.batch).collect();
    batches.sort_unstable();
    if batches.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CommitError::Malformed("a batch is in it twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(batch: i64, rows: usize) -> Segment {
        let count = i64::try_from(rows).unwrap();
        Segment {
            batch: BatchNo(batch),
            first: 1,
            last: 10,
            rows: count,
            signed: count,
            rejected: 0,
            root: [0; 32],
            tree: [0; 32],
            seal: RawSignature::EMPTY,
            copy: Bytes::from(vec![0; rows * SIGNATURE_ROW]),
            rejects: Vec::new(),
        }
    }

    #[test]
    fn a_unit_whose_counts_and_rows_agree_is_taken_with_digests_and_without() {
        let with_digests = Segment { copy: vec![0; 3 * SIGNATURE_ROW_WITH_DIGEST].into(), ..segment(2, 3) };
        let reject = Reject { id: 4, reason: "Null".to_owned(), detail: String::new(), attempts: 0 };
        let rejecting = Segment { rows: 4, rejected: 1, rejects: vec![reject], ..segment(3, 3) };
        let of_one_id = Segment { first: 10, ..segment(4, 1) };
        check(&[segment(1, 3), with_digests, rejecting, segment(0, 0), of_one_id]).unwrap();
    }

    #[test]
    fn a_unit_that_contradicts_itself_is_refused() {
        for (what, unit) in [
            ("a row is missing", vec![Segment { copy: vec![0; 2 * SIGNATURE_ROW].into(), ..segment(1, 3) }]),
            ("a row is too long", vec![Segment { copy: vec![0; 3 * SIGNATURE_ROW + 1].into(), ..segment(1, 3) }]),
            ("a negative count", vec![Segment { signed: -1, ..segment(1, 0) }]),
            ("rows that are neither", vec![Segment { rows: 4, ..segment(1, 3) }]),
            ("a reject that is not there", vec![Segment { rows: 4, rejected: 1, ..segment(1, 3) }]),
            ("an empty range", vec![Segment { first: 11, ..segment(1, 3) }]),
            ("a batch twice", vec![segment(1, 3), segment(2, 0), segment(1, 3)]),
        ] {
            assert!(matches!(check(&unit), Err(CommitError::Malformed(_))), "{what}");
        }
    }
}
