//! `status`: computed from what is known (pure), and written when it differs.

mod conditions;
mod pace;
mod publish;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest, Sha256};
use vaultstream_api::{
    Difference, KeyCounts, Phase, ReceiptSummary, RecordCounts, SigningJob, SigningJobStatus, names::selector_labels,
};
use vaultstream_ledger::{Job, JobState, Progress};
use vaultstream_signing::merkle::{Hash, to_hex};

use crate::{
    dependencies::Fault,
    dereference::Seen,
    scaling::{choice::Choice, loads::JobLoad},
    validate::Valid,
    work::View,
};

pub(crate) use publish::{Outcome, Publisher, StatusError, Written, delete_when_due};

/// Everything a status is computed from.
pub(crate) struct Facts<'a> {
    pub(crate) job: &'a Valid,
    pub(crate) view: &'a View,
    pub(crate) seen: &'a Seen,
    /// What scaling knows of it; none when it is not known, or not at work.
    pub(crate) load: Option<&'a JobLoad>,
    /// Who scales its workers; none when it has none.
    pub(crate) scaler: Option<&'a Choice>,
    /// Workers that shall be there.
    pub(crate) wanted: u32,
    /// Other jobs have all the workers there may be.
    pub(crate) starved: bool,
    pub(crate) image: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// The status. What is not known keeps the value it had.
pub(crate) fn compute(facts: &Facts<'_>) -> SigningJobStatus {
    let Facts { job, view, seen, load, scaler, wanted: _, starved: _, image, now } = facts;
    let phase = phase(job, view);
    let mut status = job.status.clone();
    status.observed_generation = Some(observed(job, view));
    status.phase = Some(phase);
    status.conditions = conditions::compute(facts, phase);
    status.selector = Some(
        selector_labels(&job.name).iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
    );
    status.replicas = Some(seen.pods);
    status.scaling_mode = scaler.map(|choice| choice.scaler.mode());
    status.worker_image = image.map(str::to_owned).or(status.worker_image);
    if let Some(row) = &view.job {
        status.start_time = status.start_time.or(Some(time(row.times.created)));
        if row.state.is_final() {
            status.completion_time = row.times.finished.map(time);
            status.receipt = receipt(row);
        }
    }
    if view.lost().is_some() {
        status.completion_time = status.completion_time.or_else(|| Some(whole_seconds(*now)));
    }
    if let Some(progress) = &view.progress {
        status.records = Some(RecordCounts {
            total: (progress.batches.is_some()).then(|| progress.total.unsigned_abs()),
            signed: Some(progress.signed.unsigned_abs()),
            rejected: Some(progress.rejected.unsigned_abs()),
            changed: Some(progress.changed.unsigned_abs()),
            backlog: progress.batches.map(|_| progress.backlog.unsigned_abs()),
        });
        status.percent_done = progress.batches.and_then(|_| percent_done(progress));
        status.keys = Some(KeyCounts {
            active: Some(progress.keys_active.unsigned_abs()),
            retired: Some(progress.keys_retired.unsigned_abs()),
        });
    }
    let rate = load.and_then(|load| load.rate).filter(|_| phase == Phase::Signing);
    status.rate_per_second = rate;
    let backlog = view.progress.as_ref().map_or(0, |progress| progress.backlog.unsigned_abs());
    status.estimated_completion_time = rate
        .filter(|rate| *rate > 0 && backlog > 0)
        .and_then(|rate| now.checked_add(Duration::from_secs(backlog / rate)).ok())
        .map(|estimate| steady(status.estimated_completion_time.as_ref(), estimate, *now));
    status
}

/// The generation of the spec that the status speaks of: of a job that has ended the one under which it was signed.
fn observed(job: &Valid, view: &View) -> i64 {
    let ended = view.job.as_ref().filter(|row| row.state.is_final() && row.spec_generation > 0);
    ended.map_or(job.generation, |row| row.spec_generation.min(job.generation))
}

/// Rounded down: 100 is said when nothing is left.
fn percent_done(progress: &Progress) -> Option<u32> {
    let (done, total) = (progress.signed + progress.rejected, progress.total);
    match total {
        0 => Some(100),
        _ => u32::try_from(done.saturating_mul(100) / total).ok(),
    }
}

/// The status of a job that has ended, once its spec was compared with the one that was signed.
pub(crate) fn compared(job: &Valid, changes: &[Difference], now: Timestamp) -> SigningJobStatus {
    let history = conditions::History { old: &job.status.conditions, generation: job.generation, now };
    SigningJobStatus {
        observed_generation: Some(job.generation),
        conditions: conditions::compared(&history, changes),
        ..job.status.clone()
    }
}

/// The status of a job that cannot be worked on as it is.
pub(crate) fn refused(job: &SigningJob, why: &Fault, now: Timestamp) -> SigningJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let generation = job.metadata.generation.unwrap_or_default();
    let history = conditions::History { old: &status.conditions, generation, now };
    status.conditions = conditions::refused(&history, why);
    status.observed_generation = Some(generation);
    status.phase = status.phase.or(Some(Phase::Pending));
    status
}

fn phase(job: &Valid, view: &View) -> Phase {
    if view.lost().is_some() {
        return Phase::Failed;
    }
    let Some(row) = &view.job else { return job.status.phase.unwrap_or(Phase::Pending) };
    match row.state {
        JobState::Complete => Phase::Complete,
        JobState::Failed => Phase::Failed,
        JobState::Deleting => Phase::Deleting,
        _ if row.suspended => Phase::Suspended,
        _ if view.queued.is_some() => Phase::Queued,
        JobState::Pending => Phase::Pending,
        JobState::Provisioning => Phase::Provisioning,
        JobState::Seeding => Phase::Seeding,
        JobState::Signing => Phase::Signing,
        JobState::Finishing => Phase::Finishing,
    }
}

/// An estimate that moved by less than a tenth of the time left keeps its old value: it would change with every look.
fn steady(old: Option<&Time>, new: Timestamp, now: Timestamp) -> Time {
    let seconds = |from: Timestamp, to: Timestamp| (to.as_second() - from.as_second()).unsigned_abs();
    match old {
        Some(Time(old)) if seconds(*old, new) * 10 <= seconds(now, new) => Time(*old),
        _ => whole_seconds(new),
    }
}

/// As the API keeps times.
fn whole_seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

fn receipt(row: &Job) -> Option<ReceiptSummary> {
    let (receipt, root) = row.receipt.as_ref().zip(row.merkle_root.as_ref())?;
    let root: Hash = root.as_slice().try_into().ok()?;
    Some(ReceiptSummary { merkle_root: to_hex(&root), digest: to_hex(&Sha256::digest(receipt).into()) })
}

/// Whole seconds, as the API keeps them.
fn time(at: std::time::SystemTime) -> Time {
    let seconds = at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default())
}
