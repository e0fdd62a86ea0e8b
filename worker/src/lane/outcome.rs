//! What becomes of a unit on its way through a lane.

use vaultstream_ledger::commit::Segment;

use crate::{keys::LeasedKey, unit::ReadBatch};

/// What a unit leaves to do.
#[must_use]
pub(super) enum Left {
    Nothing,
    /// Nothing was committed: another key or other ranges are wanted.
    SignAnew(Vec<ReadBatch>),
    /// Nothing was committed: the lease was over.
    LeaseLost(Vec<ReadBatch>),
    /// The lease was over before all of it was signed.
    TooMuch(Vec<ReadBatch>),
}

/// The outcome of signing a unit.
pub(super) enum Signed {
    Segments {
        part: Vec<ReadBatch>,
        key: Box<LeasedKey>,
        segments: Vec<Segment>,
    },
    LeaseEnded {
        part: Vec<ReadBatch>,
        key: Box<LeasedKey>,
    },
    /// Nothing of it is kept: its backend was withdrawn.
    Again {
        part: Vec<ReadBatch>,
        key: Box<LeasedKey>,
    },
}
