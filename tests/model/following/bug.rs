//! Mistakes to plant.

/// A mistake that an implementation could make. With any of them planted, the explorer has to find a history that breaks a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Arrivals are deleted before the ledger has committed their rows.
    DeleteBeforeCommit,
    /// Arrivals are deleted although the ledger refused their rows.
    DeleteAlthoughRefused,
    /// All visible arrivals up to the greatest number that was read are deleted, not exactly those that were read.
    DeleteUpToNumber,
    /// Arrivals are deleted by number alone, in whatever table has the name by then.
    DeleteFromAnotherTable,
    /// Another arrivals table is read as if it were the one before.
    NoScanOfAnotherTable,
    /// Arrivals are read above the greatest number that was planned.
    HighWaterMark,
    /// The ledger takes what a planner stores, whatever its epoch.
    NoEpochCheck,
    /// Removing `follow` leaves the epoch as it is, so that what was read before counts afterwards.
    EpochKeptAtRemoval,
    /// The rows that are there may be planned before the trigger is.
    RowsBeforeTrigger,
    /// The trigger is made without waiting for the transactions that have written already.
    TriggerWithoutLock,
    /// The ledger's commit does not wait until it is on disk.
    CommitNotFlushed,
    /// Ordinals come from a sequence, which counts rows that turn out to be planned already.
    OrdinalsFromSequence,
    /// A row is looked for in the newest partition of the mapping only.
    UniqueInOpenPartition,
    /// A batch is committed without asking whether it is signed.
    NoFence,
    /// Rows are read from a server that lags behind the one that arrivals are read from.
    RowsReadFromStandby,
    /// A planned row that is gone is left out.
    GoneRowsSkipped,
    /// A checkpoint reaches to the last signed batch, whatever is between.
    CheckpointOverGap,
    /// A checkpoint is stored without comparing the one before with the last one.
    CheckpointNotCompared,
    /// A checkpoint is published before it is stored.
    PublishBeforeCommit,
    /// The job ends while arrivals wait.
    FinishWhileArrivalsWait,
    /// The job ends without looking through the table once more.
    FinishWithoutScan,
    /// The job ends with ordinals that are in no batch yet.
    FinishWithOpenBatch,
}
