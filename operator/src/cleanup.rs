//! The end of a SigningJob: its streams and ledger rows go as its deletion policy says, within a deadline.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams},
    runtime::{
        controller::Action,
        events::{Event, EventType},
    },
};
use serde_json::json;
use uuid::Uuid;
use vaultstream_api::{DeletionPolicy, SigningJob, names::FINALIZER};
use vaultstream_ledger::{
    Job, Ledger, jobs,
    steps::{self, Deleted, Step},
};

use crate::{apply::if_there, context::Context, reconcile::ReconcileError};

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// Makes sure that we are asked before the object goes.
pub(crate) async fn ensure_finalizer(ctx: &Context, job: &SigningJob) -> Result<(), ReconcileError> {
    if job.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    let mut finalizers = job.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    set_finalizers(&ctx.client, &job.metadata, &finalizers).await.map_err(ReconcileError::Finalizer)
}

/// Lets the object go, as far as we are concerned.
pub(crate) async fn remove_finalizer(client: &Client, job: &ObjectMeta) -> Result<(), kube::Error> {
    let mut finalizers = job.finalizers.clone().unwrap_or_default();
    let before = finalizers.len();
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    if finalizers.len() == before {
        return Ok(());
    }
    set_finalizers(client, job, &finalizers).await
}

async fn set_finalizers(client: &Client, job: &ObjectMeta, finalizers: &[String]) -> Result<(), kube::Error> {
    let namespace = job.namespace.as_deref().unwrap_or_default();
    let api = Api::<SigningJob>::namespaced(client.clone(), namespace);
    // With the version we have read: somebody else's finalizer is never lost.
    let patch = json!({"metadata": {"resourceVersion": job.resource_version, "finalizers": finalizers}});
    let name = job.name.as_deref().unwrap_or_default();
    if_there(api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await)
}

/// Removes what the job made, then lets the object go. After the deadline it goes anyway, and an Event says what was left.
pub(crate) async fn clean_up(ctx: &Context, job: &SigningJob) -> Result<Action, ReconcileError> {
    if !job.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    let Some(uid) = job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok()) else {
        return Ok(Action::await_change());
    };
    ctx.fleet.dismiss(uid).await;
    ctx.applied.forget(uid, None);
    ctx.publisher.forget(uid);
    ctx.failures.clear(uid);
    let left = match remove(ctx, uid, &job.spec.deletion_policy).await {
        Ok(Removed::All) => None,
        Ok(Removed::Some) => return Ok(Action::requeue(AGAIN)),
        Err(why) => Some(why),
    };
    if let Some(why) = left {
        let deleted_at = job.metadata.deletion_timestamp.as_ref().map_or_else(Timestamp::now, |time| time.0);
        let waited = u64::try_from(Timestamp::now().as_second() - deleted_at.as_second()).unwrap_or(0);
        if Duration::from_secs(waited) < ctx.finalizer_timeout {
            return Ok(Action::requeue(AGAIN));
        }
        tell_leftovers(ctx, job, &why).await;
    }
    remove_finalizer(&ctx.client, &job.metadata).await.map_err(ReconcileError::Finalizer)?;
    Ok(Action::await_change())
}

enum Removed {
    All,
    /// A bounded step was made; more are needed.
    Some,
}

async fn remove(ctx: &Context, uid: Uuid, policy: &DeletionPolicy) -> Result<Removed, String> {
    let streams = ctx.dependencies.streams().map_err(|fault| fault.message)?;
    streams.delete_other_generations(uid, None).await.map_err(|error| error.to_string())?;
    let ledger = ctx.dependencies.ledger().map_err(|fault| fault.message)?;
    remove_from_ledger(&ledger, uid, policy).await
}

async fn remove_from_ledger(ledger: &Ledger, uid: Uuid, policy: &DeletionPolicy) -> Result<Removed, String> {
    let Some(job) = jobs::by_uid(ledger, uid).await.map_err(|error| error.to_string())? else {
        return Ok(Removed::All);
    };
    match steps::delete(ledger, job.id, policy).await.map_err(|error| error.to_string())? {
        Step::Done(Deleted::Done) | Step::Gone | Step::Elsewhere(_) => Ok(Removed::All),
        Step::Done(Deleted::More) | Step::Busy => Ok(Removed::Some),
    }
}

async fn exists(ctx: &Context, job: &Job) -> Result<bool, String> {
    let api = Api::<SigningJob>::namespaced(ctx.client.clone(), &job.namespace);
    let found = api.get_metadata_opt(&job.name).await.map_err(|error| error.to_string())?;
    Ok(found.and_then(|found| found.uid()).is_some_and(|uid| uid == job.uid.to_string()))
}

/// In the job's namespace, which may be going away and refuse it, and in the operator's.
async fn tell_leftovers(ctx: &Context, job: &SigningJob, why: &str) {
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

/// Removes ledger jobs and streams of this cluster whose SigningJob is gone, as their stored policy says. `living` are the
/// jobs the watches know; of the others the API server is asked, each by itself, before anything is removed.
pub(crate) async fn sweep(ctx: &Context, living: impl Fn() -> Vec<Uuid>) -> Result<usize, String> {
    let ledger = ctx.dependencies.ledger().map_err(|fault| fault.message)?;
    let streams = ctx.dependencies.streams().map_err(|fault| fault.message)?;
    let mut swept = 0;
    let in_ledger = jobs::list(&ledger, false).await.map_err(|error| error.to_string())?;
    let living = living();
    for job in in_ledger {
        // Namespaces that are not ours may be another operator's.
        let ours = ctx.namespaces.is_empty() || ctx.namespaces.contains(&job.namespace);
        if job.cluster != ctx.cluster || !ours || living.contains(&job.uid) || exists(ctx, &job).await? {
            continue;
        }
        streams.delete_other_generations(job.uid, None).await.map_err(|error| error.to_string())?;
        while let Removed::Some = remove_from_ledger(&ledger, job.uid, &job.spec.deletion_policy).await? {
            tokio::time::sleep(AGAIN).await;
        }
        swept += 1;
    }
    Ok(swept)
}
