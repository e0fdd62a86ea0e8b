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
        events::{announce, condition, new_fault},
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
            let changed = matches!(&changes, Ok(Some(changes)) if !changes.is_empty());
            for ConditionFault { reason, message } in warnings(&job.status, &status, changed) {
                announce(&ctx.recorder, object, EventType::Warning, reason.as_str(), &message).await;
            }
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

/// What a person is told, who has nothing else to watch of a job that has ended: a change of its spec that has no effect, and once an
/// authority that the operator may not ask.
fn warnings(old: &SigningJobStatus, new: &SigningJobStatus, changed: bool) -> Vec<ConditionFault> {
    let too_late = condition(new, ConditionType::Accepted)
        .filter(|accepted| changed && accepted.reason == Reason::ChangedTooLate.as_str())
        .map(|accepted| ConditionFault::new(Reason::ChangedTooLate, accepted.message.clone()));
    [too_late, new_fault(old, new, &[ConditionType::Anchored])].into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::from_yaml;

    fn status(accepted: &str, anchored: &str) -> SigningJobStatus {
        let condition = |type_: &str, reason: &str| {
            let told = format!("reason: {reason}, message: why, lastTransitionTime: '2026-01-01T00:00:00Z'");
            format!("{{type: {type_}, status: 'False', {told}}}")
        };
        from_yaml(&format!(
            "{{conditions: [{}, {}]}}",
            condition("Accepted", accepted),
            condition("Anchored", anchored)
        ))
    }

    #[test]
    fn a_person_is_warned_of_a_change_that_came_too_late_and_of_an_authority_that_may_not_be_asked() {
        let warned = |old: (&str, &str), new: (&str, &str), changed| {
            let found = warnings(&status(old.0, old.1), &status(new.0, new.1), changed);
            found.into_iter().map(|fault| (fault.reason, fault.message)).collect::<Vec<_>>()
        };
        let why = |reason: Reason| (reason, "why".to_owned());
        let (before, refused) = (("Valid", "NotConfirmed"), ("Valid", "TsaNotAllowed"));
        assert_eq!(warned(before, refused, false), [why(Reason::TsaNotAllowed)]);
        assert_eq!(warned(refused, refused, false), [], "it was told");
        assert_eq!(warned(refused, ("Valid", "Confirmed"), false), []);
        let late = ("ChangedTooLate", "Confirmed");
        assert_eq!(warned(before, late, true), [why(Reason::ChangedTooLate)]);
        assert_eq!(warned(late, late, true), [why(Reason::ChangedTooLate)], "another change");
        assert_eq!(warned(late, ("ChangedTooLate", "NotConfirmed"), false), [], "no change");
        let both = warned(before, ("ChangedTooLate", "TsaNotAllowed"), true);
        assert_eq!(both, [why(Reason::ChangedTooLate), why(Reason::TsaNotAllowed)]);
    }
}
