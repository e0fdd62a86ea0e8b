//! What a job's task tells the reconciler.

use vaultstream_api::Reason;
use vaultstream_ledger::{Job, LastCheckpoint, Progress};
use vaultstream_trace::SpanRef;

use crate::{certification::CertificateState, fault::ConditionFault, lifecycle::queue_position::QueuePosition};

/// A job's state, as its task last saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobSnapshot {
    /// Its row in the ledger; `None` before it was read.
    pub(crate) job: Option<Job>,
    /// Its figures; `None` before they were read. Old figures are kept while the ledger is away: unknown is never zero.
    pub(crate) progress: Option<Progress>,
    /// Its last checkpoint; `None` before the first one, and of a job that does not follow its table.
    pub(crate) checkpoint: Option<LastCheckpoint>,
    /// More was rejected than its spec allows, rows that are gone not counted. Only known of a job that follows its table.
    pub(crate) rejects_exceeded: bool,
    /// Its position in the queue; `None` when it does not wait for admission.
    pub(crate) queued: Option<QueuePosition>,
    /// How many rejects are tried again; `None` once that is no longer asked for.
    pub(crate) retried: Option<i64>,
    /// Its span in the traces of this process.
    pub(crate) trace: SpanRef,
    /// How far the certificate of its receipt key is; `None` when none is wanted, or it is too early.
    pub(crate) certificate: Option<CertificateState>,
    /// What stops its task.
    pub(crate) fault: Option<ConditionFault>,
}

impl JobSnapshot {
    /// Whether a limit stopped the job where its row still is, or its workers still cannot read its table.
    pub(crate) fn is_held_at(&self, row: &Job) -> bool {
        if self.fault.as_ref().is_some_and(ConditionFault::is_of_source) {
            return row.source_fault.is_some() && !row.suspended;
        }
        let limited = self.fault.as_ref().is_some_and(|fault| fault.reason == Reason::LimitExceeded);
        let known = self.job.as_ref();
        limited && !row.suspended && known.is_some_and(|known| (known.state, known.seeded) == (row.state, row.seeded))
    }

    /// Why the job failed although the ledger cannot say so: it has no row of the job any more.
    pub(crate) fn lost(&self) -> Option<&ConditionFault> {
        self.fault.as_ref().filter(|fault| fault.reason == Reason::LedgerLost)
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_ledger::{JobState, SourceFault};

    use super::*;
    use crate::job::fixtures::{faulty, row};

    #[test]
    fn a_limit_holds_a_job_until_it_has_begun_got_further_or_is_suspended() {
        let held = faulty(JobState::Pending, Reason::LimitExceeded);
        assert!(held.is_held_at(&row(JobState::Pending)));
        assert!(!held.is_held_at(&row(JobState::Seeding)));
        assert!(!held.is_held_at(&Job { suspended: true, ..row(JobState::Pending) }));
        let planning = faulty(JobState::Seeding, Reason::LimitExceeded);
        assert!(planning.is_held_at(&row(JobState::Seeding)));
        assert!(!planning.is_held_at(&Job { seeded: 1, ..row(JobState::Seeding) }));
        let unavailable = faulty(JobState::Pending, Reason::LedgerUnavailable);
        assert!(!unavailable.is_held_at(&row(JobState::Pending)), "only a limit is told on");
    }

    #[test]
    fn what_is_wrong_with_a_table_is_told_until_a_worker_can_read_it() {
        let unreadable = faulty(JobState::Signing, Reason::SourceUnusable);
        let fault = SourceFault { reason: Reason::SourceUnusable, why: "why".to_owned(), passes: false };
        let row = Job { source_fault: Some(fault), ..row(JobState::Signing) };
        assert!(unreadable.is_held_at(&row));
        assert!(!unreadable.is_held_at(&Job { suspended: true, ..row.clone() }));
        assert!(!unreadable.is_held_at(&Job { source_fault: None, ..row }));
    }
}
