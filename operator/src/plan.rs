//! What a job needs just now: children or none, and how many workers. Pure.

use vaultstream_ledger::JobState;

use crate::{
    dereference::Seen,
    scaling::{
        choice::Scaler,
        loads::{JobLoad, Unknown},
    },
    validate::Valid,
    work::View,
};

/// What a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Whether it has children.
    pub(crate) at_work: bool,
    /// How many workers; none leaves the number as it is, for what is not known is not zero.
    pub(crate) workers: Option<u32>,
}

/// From what is known of the job.
pub(crate) fn need(job: &Valid, view: &View, seen: &Seen, load: &Result<Option<JobLoad>, Unknown>) -> Need {
    let row = view.job.as_ref();
    let at_work = match row {
        _ if view.lost().is_some() => false,
        Some(row) => {
            matches!(row.state, JobState::Signing | JobState::Finishing) && !row.suspended && view.queued.is_none()
        }
        // Before the ledger was read, what is there stays.
        None => seen.deployment.is_some() && !job.spec.suspend,
    };
    if !at_work {
        return Need { at_work, workers: Some(0) };
    }
    let workers = match (row.map(|row| row.state), &view.fault, load) {
        (_, Some(_), _) | (None, ..) | (_, _, Err(Unknown)) => None,
        // Somebody has to make the receipt.
        (Some(JobState::Finishing), ..) => Some(1),
        // The last batches may still be on their way to the ledger: one worker stays until all are signed.
        (Some(_), None, Ok(Some(load))) => Some(load.desired_workers.max(1)),
        // Its backlog was not counted yet, but there is one.
        (Some(_), None, Ok(None)) => Some(job.spec.workers.min_replicas.max(1)),
    };
    Need { at_work, workers }
}

/// The number to write into `/scale`; none where nobody is to write. Who scales from one worker on has to be lifted there:
/// an autoscaler takes a Deployment without replicas for one that is switched off.
pub(crate) fn replicas(job: &Valid, scaler: Scaler, seen: &Seen, granted: Option<u32>) -> Option<u32> {
    let granted = granted?;
    match (scaler, seen.replicas()) {
        (Scaler::Direct, _) | (_, None) => Some(granted),
        (Scaler::Hpa | Scaler::Keda, Some(0)) => Some(granted.min(job.spec.workers.min_replicas.max(1))),
        (Scaler::Hpa | Scaler::Keda, Some(_)) => None,
    }
}

/// The image of its workers: a running job keeps the one it began with, unless it is told to follow the operator's.
pub(crate) fn image(job: &Valid, seen: &Seen, newest: &str) -> String {
    match (&job.status.worker_image, &seen.deployment) {
        (Some(image), Some(_)) if !job.upgrade_workers => image.clone(),
        _ => newest.to_owned(),
    }
}
