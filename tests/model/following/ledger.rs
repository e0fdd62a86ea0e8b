//! The ledger: each method is one transaction under the job's lock, which happens as a whole or not at all.

use crate::bug::Bug;

/// The stages of a job that follows.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Phase {
    Following,
    /// `follow` was removed.
    Finishing,
    Complete,
}

/// A place in the order of all rows, and what became of it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Ordinal {
    /// The row that has it. None is a gap, which only a planted bug makes.
    pub(crate) row: Option<u8>,
    pub(crate) signatures: u8,
    pub(crate) rejects: u8,
}

/// A batch begins where the one before ends.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) end: usize,
    pub(crate) signed: bool,
}

/// A signed statement over the batches `0..covers`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    /// Stands for its digest. Two makers sign with different nonces, so that their checkpoints differ even over the same batches.
    pub(crate) digest: u8,
    pub(crate) covers: usize,
    /// The digest of the one before.
    pub(crate) previous: Option<u8>,
    /// It is the receipt.
    pub(crate) last: bool,
}

/// All that is committed in the ledger about the job.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) phase: Phase,
    /// Raised by each planner that begins, and when `follow` is removed.
    pub(crate) epoch: u8,
    /// The key from which the table has still to be looked through. None when that is done.
    pub(crate) scan: Option<u8>,
    /// A reading that was made after `follow` was removed, and saw all arrivals, is planned.
    pub(crate) drained: bool,
    /// The arrivals table that is known, by its oid.
    pub(crate) table: u8,
    /// The number from which arrivals are read: always 0, but with a planted bug.
    pub(crate) mark: u8,
    pub(crate) mapping: Vec<Ordinal>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

impl Ledger {
    /// A job that follows and has planned nothing, because the table is empty or because it has still to be looked through.
    pub(crate) fn new(looked_through: bool) -> Self {
        Self {
            phase: Phase::Following,
            epoch: 0,
            scan: (!looked_through).then_some(0),
            drained: false,
            table: 0,
            mark: 0,
            mapping: Vec::new(),
            batches: Vec::new(),
            checkpoints: Vec::new(),
        }
    }

    /// Whether what a planner stores under its epoch may change anything.
    pub(crate) fn accepts(&self, epoch: u8, bug: Option<Bug>) -> bool {
        self.phase != Phase::Complete && (self.epoch == epoch || bug == Some(Bug::NoEpochCheck))
    }

    /// Gives rows that have none the next ordinals, and closes each batch that is full.
    pub(crate) fn plan(&mut self, rows: &[u8], batch_size: usize, bug: Option<Bug>) {
        for row in rows {
            let searched = if bug == Some(Bug::UniqueInOpenPartition) { self.closed() } else { 0 };
            let known = self.mapping[searched..].iter().any(|ordinal| ordinal.row == Some(*row));
            if known && bug != Some(Bug::OrdinalsFromSequence) {
                continue;
            }
            self.mapping.push(Ordinal { row: (!known).then_some(*row), signatures: 0, rejects: 0 });
            if self.mapping.len() - self.closed() >= batch_size {
                self.close();
            }
        }
    }

    /// Closes the open batch.
    pub(crate) fn close(&mut self) {
        self.batches.push(Batch { end: self.mapping.len(), signed: false });
    }

    /// Where the open batch begins.
    pub(crate) fn closed(&self) -> usize {
        self.batches.last().map_or(0, |batch| batch.end)
    }

    /// The ordinals of a batch.
    pub(crate) fn range(&self, batch: usize) -> std::ops::Range<usize> {
        let begin = batch.checked_sub(1).map_or(0, |before| self.batches[before].end);
        begin..self.batches[batch].end
    }

    /// `follow` is removed: what was read before counts no more, and the table is looked through once more.
    pub(crate) fn remove_follow(&mut self, bug: Option<Bug>) {
        self.phase = Phase::Finishing;
        self.scan = Some(0);
        if bug != Some(Bug::EpochKeptAtRemoval) {
            self.epoch += 1;
        }
    }

    /// Commits a batch, unless it is signed already: a signature for each row that was read, a reject for each that was gone.
    pub(crate) fn sign(&mut self, batch: usize, gone: &[usize], bug: Option<Bug>) {
        // A batch that is not there was lost by a restart, which takes a planted bug.
        if self.batches.get(batch).is_none_or(|found| found.signed && bug != Some(Bug::NoFence)) {
            return;
        }
        for place in self.range(batch) {
            let ordinal = &mut self.mapping[place];
            if !gone.contains(&place) {
                ordinal.signatures += 1;
            } else if bug != Some(Bug::GoneRowsSkipped) {
                ordinal.rejects += 1;
            }
        }
        self.batches[batch].signed = true;
    }

    /// How many batches a checkpoint may cover: the longest run of signed ones from the first.
    pub(crate) fn run(&self) -> usize {
        self.batches.iter().take_while(|batch| batch.signed).count()
    }

    /// The batches that the last checkpoint covers.
    pub(crate) fn covered(&self) -> usize {
        self.checkpoints.last().map_or(0, |last| last.covers)
    }

    /// Whether the next checkpoint may be the last one.
    pub(crate) fn can_end(&self, bug: Option<Bug>) -> bool {
        self.phase == Phase::Finishing
            && (self.drained || bug == Some(Bug::FinishWhileArrivalsWait))
            && (self.scan.is_none() || bug == Some(Bug::FinishWithoutScan))
            && (self.closed() == self.mapping.len() || bug == Some(Bug::FinishWithOpenBatch))
            && self.run() == self.batches.len()
    }

    /// What a maker would sign now. Nothing when that would say no more than the last one does.
    pub(crate) fn next_checkpoint(&self, maker: usize, bug: Option<Bug>) -> Option<Checkpoint> {
        let covers = match bug {
            Some(Bug::CheckpointOverGap) => {
                self.batches.iter().rposition(|batch| batch.signed).map_or(0, |last| last + 1)
            }
            _ => self.run(),
        };
        let last = self.can_end(bug);
        if self.phase == Phase::Complete || covers <= self.covered() && !last {
            return None;
        }
        // Different for each maker, run and kind: one maker makes no two that are equal in these.
        let digest = u8::try_from(4 * covers + 2 * maker).unwrap() + u8::from(last);
        Some(Checkpoint { digest, covers, previous: self.checkpoints.last().map(|before| before.digest), last })
    }

    /// Stores a checkpoint and, if it is the last one, completes the job. False, and nothing is changed, when another one came first.
    pub(crate) fn store_checkpoint(&mut self, checkpoint: &Checkpoint, bug: Option<Bug>) -> bool {
        let follows = checkpoint.previous == self.checkpoints.last().map(|before| before.digest);
        let may_end = || self.can_end(bug) && checkpoint.covers == self.run();
        if self.phase == Phase::Complete
            || !follows && bug != Some(Bug::CheckpointNotCompared)
            || checkpoint.last && !may_end()
        {
            return false;
        }
        self.checkpoints.push(checkpoint.clone());
        if checkpoint.last {
            self.phase = Phase::Complete;
        }
        true
    }
}
