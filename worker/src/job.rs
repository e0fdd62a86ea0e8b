//! What there is to do for a job, by its row in the ledger.

use vaultstream_api::Source;
use vaultstream_ledger::{Job, JobState};
use vaultstream_streams::Tenant;

/// Whose streams a worker of the job uses.
pub(crate) fn tenant_of(job: &Job) -> Tenant {
    Tenant::new(&job.cluster, &job.namespace)
}

/// Whether there is nothing to do any more.
pub(crate) fn is_over(state: JobState) -> bool {
    state.is_terminal() || state == JobState::Deleting
}

/// Whether its records are to be signed, or its receipt to be made.
pub(crate) fn has_work(job: &Job) -> bool {
    matches!(job.state, JobState::Signing | JobState::Finishing) && is_served(job)
}

/// Whether its table is to be planned.
pub(crate) fn is_to_be_planned(job: &Job) -> bool {
    job.state == JobState::Seeding && matches!(job.spec.source, Source::Table(_)) && is_served(job)
}

/// Whether its table is read.
pub(crate) fn reads_table(job: &Job) -> bool {
    job.state == JobState::Signing && matches!(job.spec.source, Source::Table(_))
}

/// It has streams. One with a fault is about to end.
fn is_served(job: &Job) -> bool {
    job.generation > 0 && !job.suspended && job.fault.is_none()
}
