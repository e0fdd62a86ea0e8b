//! Removes what deleted SigningJobs have left in the ledger and in NATS.

use std::collections::HashSet;

use kube::{Api, ResourceExt};
use uuid::Uuid;
use vaultstream_api::SigningJob;
use vaultstream_ledger::{Job, jobs};

use crate::job::{
    cleanup::{RETRY_INTERVAL, Removal, remove_from_ledger},
    context::Context,
};

/// Removes the streams and ledger rows of this cluster whose SigningJob is gone, as their stored policy says, and returns of
/// how many jobs. Jobs of which `known_to_watches` returns the uid exist. About each other one the API server is asked first.
pub(crate) async fn sweep(ctx: &Context, known_to_watches: impl Fn() -> HashSet<Uuid>) -> Result<usize, String> {
    let ledger = ctx.dependencies.ledger().map_err(|fault| fault.message)?;
    let streams = ctx.dependencies.streams().map_err(|fault| fault.message)?;
    let mut swept = 0;
    let in_ledger = jobs::list(&ledger, false).await.map_err(|error| error.to_string())?;
    let known = known_to_watches();
    for job in in_ledger {
        // Other namespaces may be served by another operator.
        let served = ctx.namespaces.is_empty() || ctx.namespaces.contains(&job.namespace);
        if job.cluster != ctx.cluster || !served || known.contains(&job.uid) || exists(ctx, &job).await? {
            continue;
        }
        streams.delete_other_generations(job.uid, None).await.map_err(|error| error.to_string())?;
        while let Removal::Partial = remove_from_ledger(&ledger, job.uid, &job.spec.deletion_policy).await? {
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        swept += 1;
    }
    Ok(swept)
}

/// Ends the task of each job that is gone without a clean-up, because our finalizer was removed by another hand, and asks for
/// a sweep. `known_to_watches` returns the jobs that exist.
pub(crate) async fn end_ghosts(ctx: &Context, known_to_watches: impl Fn() -> HashSet<Uuid>) {
    // In this order: a task starts after the watch has brought its job.
    let mut ghosts = ctx.supervisor.jobs();
    let known = known_to_watches();
    ghosts.retain(|uid| !known.contains(uid));
    for uid in ghosts {
        tracing::info!(%uid, "a SigningJob is gone without a clean-up; its task ends");
        ctx.supervisor.abort(uid).await;
        ctx.applied.forget(uid, None);
        ctx.status_writer.forget(uid);
        ctx.leftovers.notify_one();
    }
}

async fn exists(ctx: &Context, job: &Job) -> Result<bool, String> {
    let api = Api::<SigningJob>::namespaced(ctx.client.clone(), &job.namespace);
    let found = api.get_metadata_opt(&job.name).await.map_err(|error| error.to_string())?;
    Ok(found.and_then(|found| found.uid()).is_some_and(|uid| uid == job.uid.to_string()))
}
