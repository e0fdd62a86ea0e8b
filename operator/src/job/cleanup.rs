//! The deletion of a SigningJob: its streams and ledger rows are removed as its deletion policy says, within a deadline.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Resource, ResourceExt,
    runtime::{
        controller::Action,
        events::{Event, EventType},
    },
};
use uuid::Uuid;
use vaultstream_api::{DeletionPolicy, SigningJob};
use vaultstream_ledger::{
    Ledger, jobs,
    steps::{self, Deleted, Step},
};

use crate::job::{context::Context, error::ReconcileError, finalizer};

/// The delay before the next bounded step, or the next attempt.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Removes what the job made, then our finalizer. After the deadline the finalizer goes anyway, and an Event says what was
/// left.
pub(crate) async fn clean_up(ctx: &Context, job: &SigningJob) -> Result<Action, ReconcileError> {
    if !finalizer::is_set(job) {
        return Ok(Action::await_change());
    }
    let Some(uid) = job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()) else {
        return Ok(Action::await_change());
    };
    ctx.supervisor.abort(uid).await;
    ctx.applied.forget(uid, None);
    ctx.status_writer.forget(uid);
    ctx.retry_delays.clear(uid);
    let left = match remove(ctx, uid, &job.spec.deletion_policy).await {
        Ok(Removal::Complete) => None,
        Ok(Removal::Partial) => return Ok(Action::requeue(RETRY_INTERVAL)),
        Err(why) => Some(why),
    };
    if let Some(why) = left {
        let deleted_at = job.metadata.deletion_timestamp.as_ref().map_or_else(Timestamp::now, |time| time.0);
        let waited = u64::try_from(Timestamp::now().as_second() - deleted_at.as_second()).unwrap_or(0);
        if Duration::from_secs(waited) < ctx.finalizer_timeout {
            return Ok(Action::requeue(RETRY_INTERVAL));
        }
        announce_leftovers(ctx, job, &why).await;
    }
    finalizer::remove(&ctx.client, &job.metadata).await.map_err(ReconcileError::Finalizer)?;
    Ok(Action::await_change())
}

/// How much was removed.
pub(crate) enum Removal {
    Complete,
    /// One bounded step was made; more are needed.
    Partial,
}

async fn remove(ctx: &Context, uid: Uuid, policy: &DeletionPolicy) -> Result<Removal, String> {
    let streams = ctx.dependencies.streams().map_err(|fault| fault.message)?;
    streams.delete_other_generations(uid, None).await.map_err(|error| error.to_string())?;
    let ledger = ctx.dependencies.ledger().map_err(|fault| fault.message)?;
    remove_from_ledger(&ledger, uid, policy).await
}

/// Makes one bounded step to remove the job from the ledger.
pub(crate) async fn remove_from_ledger(ledger: &Ledger, uid: Uuid, policy: &DeletionPolicy) -> Result<Removal, String> {
    let Some(job) = jobs::by_uid(ledger, uid).await.map_err(|error| error.to_string())? else {
        return Ok(Removal::Complete);
    };
    match steps::delete(ledger, job.id, policy).await.map_err(|error| error.to_string())? {
        Step::Done(Deleted::Done) | Step::Gone | Step::WrongState(_) => Ok(Removal::Complete),
        Step::Done(Deleted::More) | Step::Busy => Ok(Removal::Partial),
    }
}

/// In the job's namespace, which refuses new Events while it is being deleted, and in the operator's.
async fn announce_leftovers(ctx: &Context, job: &SigningJob, why: &str) {
    let name = format!("{}/{}", job.namespace().unwrap_or_default(), job.name_any());
    tracing::warn!(job = name, why, "streams or ledger rows of a deleted job are left and will be removed later");
    let event = Event {
        type_: EventType::Warning,
        reason: "LeftBehind".to_owned(),
        note: Some(format!("streams or ledger rows of {name} are left and will be removed later: {why}")),
        action: "CleanUp".to_owned(),
        secondary: None,
    };
    let reference = job.object_ref(&());
    let here = ObjectReference { namespace: Some(ctx.namespace.clone()), ..reference.clone() };
    for reference in [reference, here] {
        if let Err(error) = ctx.recorder.publish(&event, &reference).await {
            tracing::debug!(%error, "an Event was refused");
        }
    }
}
