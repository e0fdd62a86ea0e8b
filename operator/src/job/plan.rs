//! What a job needs now: children or none, and how many workers. Pure.

use vaultstream_ledger::JobState;

use crate::{
    job::{children::ObservedChildren, validate::ValidJob},
    lifecycle::snapshot::JobSnapshot,
    scaling::{
        backlog_cache::{BacklogUnknown, JobLoad},
        scaler_selection::Scaler,
    },
};

/// What a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobNeed {
    /// Whether it is to have children.
    pub(crate) children: bool,
    /// How many workers. `None` leaves the number as it is: unknown is never zero.
    pub(crate) workers: Option<u32>,
}

/// What the job needs, from what is known of it.
pub(crate) fn need(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    observed: &ObservedChildren,
    load: &Result<Option<JobLoad>, BacklogUnknown>,
) -> JobNeed {
    let row = snapshot.job.as_ref();
    let children = match row {
        _ if snapshot.lost().is_some() => false,
        Some(row) => {
            matches!(row.state, JobState::Signing | JobState::Finishing) && !row.suspended && snapshot.queued.is_none()
        }
        // Before the ledger was read, the children that exist are kept.
        None => observed.deployment.is_some() && !job.spec.suspend,
    };
    if !children {
        return JobNeed { children, workers: Some(0) };
    }
    let workers = match (row.map(|row| row.state), &snapshot.fault, load) {
        (_, Some(_), _) | (None, ..) | (_, _, Err(BacklogUnknown)) => None,
        // One worker makes the receipt.
        (Some(JobState::Finishing), ..) => Some(1),
        // The last batches may be on their way to the ledger: one worker is kept until all records are signed.
        (Some(_), None, Ok(Some(load))) => Some(load.desired_workers.max(1)),
        // The backlog was not counted yet, but there is one.
        (Some(_), None, Ok(None)) => Some(job.spec.workers.min_replicas.max(1)),
    };
    JobNeed { children, workers }
}

/// The number to write into `/scale`; `None` when none is to be written. An autoscaler takes a Deployment without replicas for
/// one that is switched off, so the operator raises it from zero. From one replica on the autoscaler is left alone.
pub(crate) fn replicas(
    job: &ValidJob,
    scaler: Scaler,
    observed: &ObservedChildren,
    granted: Option<u32>,
) -> Option<u32> {
    let granted = granted?;
    match (scaler, observed.replicas()) {
        (Scaler::Direct, _) | (_, None) => Some(granted),
        (Scaler::Hpa | Scaler::Keda, Some(0)) => Some(granted.min(job.spec.workers.min_replicas.max(1))),
        (Scaler::Hpa | Scaler::Keda, Some(_)) => None,
    }
}

/// The workers' image. A job keeps the image it began with, unless it is told to follow the operator's.
pub(crate) fn image(job: &ValidJob, observed: &ObservedChildren, newest: &str) -> String {
    match (&job.status.worker_image, &observed.deployment) {
        (Some(image), Some(_)) if !job.upgrade_workers => image.clone(),
        _ => newest.to_owned(),
    }
}
