//! A job that has ended: its workers are removed, then it waits for the end of its time to live. A changed spec has no effect,
//! which a condition and an Event say.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::{controller::Action, events::EventType};
use vaultstream_api::{ConditionType, Difference, Reason, SigningJob, SigningJobStatus, differences};
use vaultstream_ledger::{
    QueryError,
    anchors::{self, AnchorRow},
    jobs,
};

use crate::{
    fault::ConditionFault,
    job::{
        apply::{self, ApplyOutcome},
        build::DesiredChildren,
        context::Context,
        error::ReconcileError,
        events::{announce, new_fault},
        expiry,
        retry_annotation::{self, RetryOutcome},
        status::{self, StatusError, WriteOutcome},
        validate::ValidJob,
    },
};

/// How often children are polled that are still there.
const CHILDREN_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The delay before the ledger is asked again for the spec that was signed.
const LEDGER_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// How often the anchors of a job are read while one is pending. It is requeued when one was asked for, too.
const ANCHORS_POLL_INTERVAL: Duration = Duration::from_secs(60);
/// Fields that have an effect after the end, too.
const EFFECTIVE_AFTER_END: [&str; 2] = ["spec.ttlAfterFinished", "spec.deletionPolicy"];

/// Removes the job's children, and the job itself when its time to live is over.
pub(crate) async fn reconcile_ended(
    ctx: &Context,
    object: &SigningJob,
    job: &ValidJob,
) -> Result<Action, ReconcileError> {
    ctx.supervisor.abort(job.uid).await;
    let observed = ctx.children.observe(job);
    let outcome = apply::apply(&ctx.client, &ctx.applied, job, DesiredChildren::default(), &observed).await?;
    let left = observed.pods > 0 || observed.has_children();
    if left || outcome == ApplyOutcome::WaitingForKeda {
        return Ok(Action::requeue(CHILDREN_POLL_INTERVAL));
    }
    let changes = if job.status.observed_generation == Some(job.generation) {
        Ok(None)
    } else {
        changes(ctx, job).await.map(Some)
    };
    let base = match &changes {
        Ok(Some(changes)) => status::changed_after_end(job, changes, Timestamp::now()),
        _ => job.status.clone(),
    };
    let anchors = pending_anchors(ctx, job).await;
    let base = match &anchors {
        Ok(Some(anchors)) => status::anchored(job, base, anchors, &ctx.allowed_tsas, Timestamp::now()),
        _ => base,
    };
    let status = SigningJobStatus { replicas: Some(0), rate_per_second: None, scaling_mode: None, ..base };
    match ctx.status_writer.write(&ctx.client, job.into(), &status).await? {
        // Nothing else would reconcile this job again.
        WriteOutcome::Deferred(delay) => return Ok(Action::requeue(delay)),
        WriteOutcome::Written => {
            announce_too_late(ctx, object, &status, &changes).await;
            announce_refused_tsa(ctx, object, &job.status, &status).await;
        }
        WriteOutcome::Unchanged => {}
    }
    ctx.applied.forget(job.uid, None);
    if job.retry_rejects {
        retry_annotation::acknowledge(ctx, object, job, RetryOutcome::TooLate).await?;
    }
    let left =
        expiry::delete_when_due(&ctx.client, job, &job.status, Timestamp::now()).await.map_err(StatusError::from)?;
    let left = left.map(|left| left + Duration::from_secs(1));
    let retry = match (changes.is_err() || anchors.is_err(), &anchors) {
        (true, _) => Some(LEDGER_RETRY_INTERVAL),
        (false, Ok(Some(_))) => Some(ANCHORS_POLL_INTERVAL),
        (false, _) => None,
    };
    Ok(match (left, retry) {
        (Some(left), Some(retry)) => Action::requeue(left.min(retry)),
        (Some(delay), None) | (None, Some(delay)) => Action::requeue(delay),
        (None, None) => Action::await_change(),
    })
}

/// The anchors of a job while one of them is pending; `None` once the condition says that all have confirmed.
async fn pending_anchors(ctx: &Context, job: &ValidJob) -> Result<Option<Vec<AnchorRow>>, ConditionFault> {
    let is_final = |condition: &Condition| {
        condition.type_ == ConditionType::Anchored.as_str()
            && [Reason::Confirmed, Reason::NoReceipt].iter().any(|reason| condition.reason == reason.as_str())
    };
    if job.spec.anchors.is_empty() || job.status.conditions.iter().any(is_final) {
        return Ok(None);
    }
    let ledger = ctx.dependencies.ledger()?;
    let unavailable = |error: QueryError| ConditionFault::new(Reason::LedgerUnavailable, error.to_string());
    let Some(row) = jobs::by_uid(&ledger, job.uid).await.map_err(unavailable)? else { return Ok(None) };
    anchors::of_job(&ledger, row.id).await.map(Some).map_err(unavailable)
}

/// Announces that a change of the spec came after the end and has no effect.
async fn announce_too_late(
    ctx: &Context,
    object: &SigningJob,
    status: &SigningJobStatus,
    changes: &Result<Option<Vec<Difference>>, ConditionFault>,
) {
    let changed = matches!(changes, Ok(Some(changes)) if !changes.is_empty());
    let is_too_late = |condition: &&Condition| condition.reason == Reason::ChangedTooLate.as_str();
    if let (true, Some(condition)) = (changed, status.conditions.iter().find(is_too_late)) {
        announce(&ctx.recorder, object, EventType::Warning, &condition.reason, &condition.message).await;
    }
}

/// Announces that the operator may not ask an authority, once: nothing else of a job that has ended tells a person to act.
async fn announce_refused_tsa(ctx: &Context, object: &SigningJob, old: &SigningJobStatus, new: &SigningJobStatus) {
    if let Some(ConditionFault { reason, message }) = new_fault(old, new, &[ConditionType::Anchored]) {
        announce(&ctx.recorder, object, EventType::Warning, reason.as_str(), &message).await;
    }
}

/// The differences between the spec and the one that was signed.
async fn changes(ctx: &Context, job: &ValidJob) -> Result<Vec<Difference>, ConditionFault> {
    let ledger = ctx.dependencies.ledger()?;
    let row = jobs::by_uid(&ledger, job.uid).await;
    let row = row.map_err(|error| ConditionFault::new(Reason::LedgerUnavailable, error.to_string()))?;
    // A row that is gone cannot be compared, and no change can affect it.
    let mut changes = row.map(|row| differences(&row.spec, &job.spec)).unwrap_or_default();
    changes.retain(|change| !EFFECTIVE_AFTER_END.iter().any(|field| change.path.starts_with(field)));
    Ok(changes)
}
