//! What a job's task tells the reconciler.

use vaultstream_api::Reason;
use vaultstream_ledger::{Job, Progress};
use vaultstream_trace::SpanRef;

use crate::{fault::ConditionFault, lifecycle::queue_position::QueuePosition};

/// A job's state, as its task last saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobSnapshot {
    /// Its row in the ledger; `None` before it was read.
    pub(crate) job: Option<Job>,
    /// Its figures; `None` before they were read. Old figures are kept while the ledger is away: unknown is never zero.
    pub(crate) progress: Option<Progress>,
    /// Its position in the queue; `None` when it does not wait for admission.
    pub(crate) queued: Option<QueuePosition>,
    /// How many rejects are tried again; `None` once that is no longer asked for.
    pub(crate) retried: Option<i64>,
    /// Its span in the traces of this process.
    pub(crate) trace: SpanRef,
    /// What stops its task.
    pub(crate) fault: Option<ConditionFault>,
}

impl JobSnapshot {
    /// Why the job failed although the ledger cannot say so: it has no row of the job any more.
    pub(crate) fn lost(&self) -> Option<&ConditionFault> {
        self.fault.as_ref().filter(|fault| fault.reason == Reason::LedgerLost)
    }
}
