//! `status`: computed from what is known (pure), and written when it differs.

mod conditions;
mod following;
mod inputs;
mod rate_limit;
mod times;
mod writer;

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use vaultstream_api::{
    Difference, KeyCounts, Phase, ReceiptSummary, RecordCounts, SigningJob, SigningJobStatus, names::selector_labels,
};
use vaultstream_ledger::{Job, JobState, Progress, anchors::AnchorRow};
use vaultstream_signing::merkle::{Hash, to_hex};

pub(crate) use inputs::StatusInputs;
pub(crate) use writer::{StatusError, StatusWriter, StoredStatus, WriteOutcome};

use crate::{
    fault::ConditionFault,
    job::{
        status::times::{from_system, steady, whole_seconds},
        validate::ValidJob,
    },
    lifecycle::snapshot::JobSnapshot,
};

/// The status. A figure that is unknown keeps its old value.
pub(crate) fn compute(inputs: &StatusInputs<'_>) -> SigningJobStatus {
    let StatusInputs { job, snapshot, observed, load, selection, wanted: _, starved: _, image, now } = inputs;
    let phase = phase(job, snapshot);
    let mut status = job.status.clone();
    status.observed_generation = Some(observed_generation(job, snapshot));
    status.phase = Some(phase);
    status.conditions = conditions::compute(inputs, phase);
    status.selector = Some(
        selector_labels(&job.name).iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
    );
    status.replicas = Some(observed.pods);
    status.scaling_mode = selection.map(|selection| selection.scaler.mode());
    status.worker_image = image.map(str::to_owned).or(status.worker_image);
    if let Some(row) = &snapshot.job {
        status.start_time = status.start_time.or(Some(from_system(row.times.created)));
        if row.state.is_terminal() {
            status.completion_time = row.times.finished.map(from_system);
            status.receipt = receipt(row);
        }
    }
    if snapshot.lost().is_some() {
        status.completion_time = status.completion_time.or_else(|| Some(whole_seconds(*now)));
    }
    if let Some(progress) = &snapshot.progress {
        status.records = Some(RecordCounts {
            total: (progress.batches.is_some()).then(|| progress.total.unsigned_abs()),
            signed: Some(progress.signed.unsigned_abs()),
            rejected: Some(progress.rejected.unsigned_abs()),
            changed: Some(progress.changed.unsigned_abs()),
            backlog: progress.batches.map(|_| progress.backlog.unsigned_abs()),
        });
        status.percent_done =
            progress.batches.and_then(|_| percent_done(progress)).filter(|_| !following::is_endless(snapshot));
        status.keys = Some(KeyCounts {
            active: Some(progress.keys_active.unsigned_abs()),
            retired: Some(progress.keys_retired.unsigned_abs()),
        });
    }
    let rate = load.and_then(|load| load.rate).filter(|_| phase == Phase::Signing);
    status.rate_per_second = rate;
    if snapshot.job.is_some() && snapshot.progress.is_some() {
        status.following = following::status(snapshot);
    }
    status.checkpoint = snapshot.checkpoint.as_ref().map(following::checkpoint).or(status.checkpoint);
    let backlog = snapshot.progress.as_ref().map_or(0, |progress| progress.backlog.unsigned_abs());
    status.estimated_completion_time = rate
        .filter(|rate| *rate > 0 && backlog > 0 && !following::is_endless(snapshot))
        .and_then(|rate| now.checked_add(Duration::from_secs(backlog / rate)).ok())
        .map(|estimate| steady(status.estimated_completion_time.as_ref(), estimate, *now));
    status
}

/// The generation of the spec that the status describes. For a job that has ended, it is the one that was signed.
fn observed_generation(job: &ValidJob, snapshot: &JobSnapshot) -> i64 {
    let ended = snapshot.job.as_ref().filter(|row| row.state.is_terminal() && row.spec_generation > 0);
    ended.map_or(job.generation, |row| row.spec_generation.min(job.generation))
}

/// Rounded down: it is 100 only when nothing is left.
fn percent_done(progress: &Progress) -> Option<u32> {
    let (done, total) = (progress.signed + progress.rejected, progress.total);
    match total {
        0 => Some(100),
        _ => u32::try_from(done.saturating_mul(100) / total).ok(),
    }
}

/// The status of a job that has ended, whose spec differs from the one that was signed by `changes`.
pub(crate) fn changed_after_end(job: &ValidJob, changes: &[Difference], now: Timestamp) -> SigningJobStatus {
    let history = conditions::History { old: &job.status.conditions, generation: job.generation, now };
    SigningJobStatus {
        observed_generation: Some(job.generation),
        conditions: conditions::changed_after_end(&history, changes),
        ..job.status.clone()
    }
}

/// The status of a job that has ended, with what is known of its anchors. The authorities `allowed` may be asked.
pub(crate) fn anchored(
    job: &ValidJob,
    status: SigningJobStatus,
    anchors: &[AnchorRow],
    allowed: &[String],
    now: Timestamp,
) -> SigningJobStatus {
    let history = conditions::History { old: &status.conditions, generation: job.generation, now };
    let conditions = conditions::anchored(&history, anchors, allowed);
    SigningJobStatus { conditions, ..status }
}

/// The status of a job that is refused as it is.
pub(crate) fn refused(job: &SigningJob, why: &ConditionFault, now: Timestamp) -> SigningJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let generation = job.metadata.generation.unwrap_or_default();
    let history = conditions::History { old: &status.conditions, generation, now };
    status.conditions = conditions::refused(&history, why);
    status.observed_generation = Some(generation);
    status.phase = status.phase.or(Some(Phase::Pending));
    status
}

fn phase(job: &ValidJob, snapshot: &JobSnapshot) -> Phase {
    if snapshot.lost().is_some() {
        return Phase::Failed;
    }
    let Some(row) = &snapshot.job else { return job.status.phase.unwrap_or(Phase::Pending) };
    match row.state {
        JobState::Complete => Phase::Complete,
        JobState::Failed => Phase::Failed,
        JobState::Deleting => Phase::Deleting,
        _ if row.suspended => Phase::Suspended,
        _ if snapshot.queued.is_some() => Phase::Queued,
        JobState::Pending => Phase::Pending,
        JobState::Seeding => Phase::Seeding,
        JobState::Signing => Phase::Signing,
        JobState::Finishing => Phase::Finishing,
    }
}

fn receipt(row: &Job) -> Option<ReceiptSummary> {
    let (receipt, root) = row.receipt.as_ref().zip(row.merkle_root.as_ref())?;
    let root: Hash = root.as_slice().try_into().ok()?;
    Some(ReceiptSummary { merkle_root: to_hex(&root), digest: to_hex(&Sha256::digest(receipt).into()) })
}

#[cfg(test)]
mod tests;
