//! The way of a replica: it waits for the SigningJob type, watches, and leads while it holds the Lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::{Client, api::ListParams};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::SigningJob;

use crate::{
    cluster_id::cluster_id, config::Config, controller::control, job::children::ChildCache, leader::election,
    namespaces::apis, replica::Replica,
};

/// How often something is looked for that does not exist yet.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// This replica leads no longer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the Lease was lost: it was not renewed in time, or another replica took it")]
pub struct Deposed;

/// Waits to be the leader, then leads until `stop` or until the Lease is lost.
pub(crate) async fn lead(mut replica: Replica, ready: &AtomicBool, stop: &CancellationToken) -> Result<(), Deposed> {
    let prepared = tokio::select! {
        prepared = prepare(&replica, stop) => prepared,
        () = stop.cancelled() => return Ok(()),
    };
    let (cluster, children) = prepared;
    ready.store(true, Ordering::Relaxed);
    let config = &replica.config;
    let identity = format!("{}_{}", replica.name(), Uuid::new_v4());
    let duration = Duration::from_secs(config.lease_duration.as_secs().clamp(5, 60));
    let mut election = election::join_election(&replica.client, &config.operator_namespace, identity, duration);
    replica.client = election.client.clone();
    let result = tokio::select! {
        result = with_lease(&replica, cluster, children, &mut election.leads, stop) => result,
        () = stop.cancelled() => Ok(()),
    };
    election.release().await;
    result
}

/// Everything that a replica needs before it may lead: the type, the uid of the cluster, and what exists.
async fn prepare(replica: &Replica, stop: &CancellationToken) -> (String, Arc<ChildCache>) {
    let Replica { config, client, dependencies, backlog, .. } = replica;
    type_is_known(config, client).await;
    let cluster = cluster_id(config.cluster_id.as_deref(), &config.operator_namespace, client).await;
    let children = Arc::new(ChildCache::watch(client, &config.namespaces, stop));
    children.ready().await;
    let of_job = Arc::clone(&children);
    backlog.watch(dependencies.clone(), move |uid| of_job.ready_workers(uid), cluster.clone(), stop.clone());
    (cluster, children)
}

async fn with_lease(
    replica: &Replica,
    cluster: String,
    children: Arc<ChildCache>,
    leads: &mut watch::Receiver<bool>,
    stop: &CancellationToken,
) -> Result<(), Deposed> {
    if leads.wait_for(|leads| *leads).await.is_err() {
        return Err(Deposed);
    }
    tracing::info!(name = replica.name(), "leading");
    replica.metrics.leading.set(1.0);
    // When the Lease is lost, everything under way is dropped.
    tokio::select! {
        () = control(replica, cluster, children, stop) => Ok(()),
        _ = leads.wait_for(|leads| !*leads) => {
            replica.metrics.leading.set(0.0);
            Err(Deposed)
        }
    }
}

/// Waits until the API server knows SigningJobs: a controller without its type would only fail in a loop.
async fn type_is_known(config: &Config, client: &Client) {
    let mut logged = None;
    for api in apis::<SigningJob>(client, &config.namespaces) {
        while let Err(error) = api.list_metadata(&ListParams::default().limit(1)).await {
            let why = what_is_missing(&error);
            if logged.replace(why) != Some(why) {
                tracing::warn!(error = vaultstream_program::chain(&error), "SigningJobs cannot be listed: {why}");
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}

/// What the operator cannot start without, and what to do about it.
fn what_is_missing(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) => match status.code {
            404 => "their type is not installed. Apply the CRD of this release; waiting for it",
            403 => "the operator lacks the right. Apply the chart, or the rights, of this release; waiting for them",
            401 => "the API server does not accept the operator's credentials; trying again",
            _ => "the API server refuses to; trying again",
        },
        _ => "the API server cannot be reached; trying again",
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn the_log_says_what_is_missing() {
        let refused = |code| what_is_missing(&kube::Error::Api(Box::new(Status::failure("no", "No").with_code(code))));
        assert!(refused(404).contains("Apply the CRD"));
        assert!(refused(403).contains("rights"));
        assert!(refused(401).contains("credentials"));
        let silent = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(what_is_missing(&kube::Error::Service(silent.into())).contains("cannot be reached"));
    }
}
