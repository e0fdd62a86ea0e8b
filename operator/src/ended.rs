//! A job that has ended: nothing of it is left but its time to live, and an answer to whoever changes its spec.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::{controller::Action, events::EventType};
use vaultstream_api::{Difference, Reason, SigningJob, SigningJobStatus, differences};
use vaultstream_ledger::jobs;

use crate::{
    apply::{self, Progress},
    build::Children,
    context::Context,
    dependencies::Fault,
    reconcile::{ReconcileError, announce},
    retry::{self, Retry},
    status::{self, Outcome},
    validate::Valid,
};

/// While something of it is left.
const LOOK: Duration = Duration::from_secs(1);
/// While the ledger does not say what was signed.
const LATER: Duration = Duration::from_secs(5);
/// What counts after the end, too.
const LASTING: [&str; 2] = ["spec.ttlAfterFinished", "spec.deletionPolicy"];

/// Removes what is left of its workers, and the job itself when its time is over.
pub(crate) async fn rest(ctx: &Context, object: &SigningJob, job: &Valid) -> Result<Action, ReconcileError> {
    ctx.fleet.dismiss(job.uid).await;
    let seen = ctx.live.of(job);
    let progress = apply::apply(&ctx.client, &ctx.applied, job, Children::default(), &seen).await?;
    let left = seen.pods > 0 || seen.deployment.is_some() || seen.disruption_budget.is_some();
    if left || progress == Progress::WaitingForKeda {
        return Ok(Action::requeue(LOOK));
    }
    let changes = match job.status.observed_generation == Some(job.generation) {
        true => Ok(None),
        false => changes(ctx, job).await.map(Some),
    };
    let base = match &changes {
        Ok(Some(changes)) => status::compared(job, changes, Timestamp::now()),
        _ => job.status.clone(),
    };
    let status = SigningJobStatus { replicas: Some(0), rate_per_second: None, scaling_mode: None, ..base };
    match ctx.publisher.publish(&ctx.client, job.into(), &status).await? {
        // Figures are written with patience; nothing else would bring us here again.
        Outcome::Later(wait) => return Ok(Action::requeue(wait)),
        Outcome::Written => tell_too_late(ctx, object, &status, &changes).await,
        Outcome::Same => {}
    }
    ctx.applied.forget(job.uid, None);
    if job.retry_rejects {
        retry::answer(ctx, object, job, Retry::TooLate).await?;
    }
    let due = status::delete_when_due(&ctx.client, job, &job.status, Timestamp::now()).await?;
    Ok(match (due, &changes) {
        (_, Err(_)) => Action::requeue(LATER),
        (Some(left), Ok(_)) => Action::requeue(left + Duration::from_secs(1)),
        (None, Ok(_)) => Action::await_change(),
    })
}

/// Tells whoever changed the spec after the end that it changes nothing.
async fn tell_too_late(
    ctx: &Context,
    object: &SigningJob,
    status: &SigningJobStatus,
    changes: &Result<Option<Vec<Difference>>, Fault>,
) {
    let changed = matches!(changes, Ok(Some(changes)) if !changes.is_empty());
    let is_told = |condition: &&Condition| condition.reason == Reason::ChangedTooLate.as_str();
    if let (true, Some(told)) = (changed, status.conditions.iter().find(is_told)) {
        announce(ctx, object, EventType::Warning, &told.reason, &told.message).await;
    }
}

/// In what the spec differs from the one that was signed.
async fn changes(ctx: &Context, job: &Valid) -> Result<Vec<Difference>, Fault> {
    let ledger = ctx.dependencies.ledger()?;
    let row = jobs::by_uid(&ledger, job.uid).await;
    let row = row.map_err(|error| Fault::new(Reason::LedgerUnavailable, error.to_string()))?;
    // What is not in the ledger any more cannot be compared, and nothing can change it either.
    let mut changes = row.map(|row| differences(&row.spec, &job.spec)).unwrap_or_default();
    changes.retain(|change| !LASTING.iter().any(|lasting| change.path.starts_with(lasting)));
    Ok(changes)
}
