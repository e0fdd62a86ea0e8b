//! All that one moment consists of.

use crate::ledger::{Checkpoint, Ledger};
use crate::source::Source;

/// What a planner knows. It may be paused for any time before each of its steps.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Planner {
    /// It has no lease.
    Idle,
    /// It took the lease under this epoch, and believes that it still has it.
    Ready { epoch: u8 },
    /// It has read rows in the source and has not stored them.
    Holding { epoch: u8, rows: Vec<u8>, from: From },
    /// The ledger has committed what these arrivals say, and they are not deleted in the source.
    Stored { epoch: u8, table: u8, numbers: Vec<u8> },
}

impl Planner {
    /// The epoch it works under.
    pub(crate) fn epoch(&self) -> Option<u8> {
        match self {
            Self::Idle => None,
            Self::Ready { epoch } | Self::Holding { epoch, .. } | Self::Stored { epoch, .. } => Some(*epoch),
        }
    }
}

/// Where a planner read its rows.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum From {
    /// Arrivals, in one statement. `all`: there were fewer than it asked for.
    Arrivals { table: u8, numbers: Vec<u8>, all: bool, deleted: bool },
    /// The table itself; the look through it goes on at `next`, or is done.
    Table { next: Option<u8> },
}

/// What a worker that signs knows.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// It has read the rows of a batch, of which the ones with the ordinals `gone` were not there, and has not committed it.
    Signing {
        batch: usize,
        gone: Vec<usize>,
    },
}

/// What a maker of checkpoints knows.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Maker {
    Idle,
    /// It has signed a checkpoint that is not stored.
    Made {
        checkpoint: Checkpoint,
        published: bool,
    },
    /// The ledger has committed the checkpoint, and it is not published.
    Stored {
        digest: u8,
    },
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(crate) struct Budget {
    /// A process ends, at any instant, and what it knew is lost.
    pub(crate) crashes: u8,
    /// A lease expires although its planner lives, and another one takes it.
    pub(crate) takeovers: u8,
    pub(crate) rollbacks: u8,
    pub(crate) deletes: u8,
    /// A row arrives once more.
    pub(crate) repeats: u8,
    /// A row is inserted while the trigger is disabled.
    pub(crate) unseen: u8,
    /// Trigger and arrivals table are dropped and made anew.
    pub(crate) anew: u8,
    /// `follow` is removed.
    pub(crate) removals: u8,
}

/// One moment of a history.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) source: Source,
    pub(crate) ledger: Ledger,
    /// Sorted: which of two planners is which does not matter.
    pub(crate) planners: Vec<Planner>,
    /// Sorted, too.
    pub(crate) workers: Vec<Worker>,
    pub(crate) makers: Vec<Maker>,
    /// The digests of the checkpoints that strangers have seen.
    pub(crate) published: Vec<u8>,
    pub(crate) left: Budget,
    /// What the ledger would be after a restart, while that differs: only with a planted bug.
    pub(crate) on_disk: Option<Box<Ledger>>,
}

impl State {
    /// Whether some planner has the lease.
    pub(crate) fn is_led(&self) -> bool {
        self.planners.iter().any(|planner| planner.epoch() == Some(self.ledger.epoch))
    }
}
