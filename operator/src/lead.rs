//! A replica's life: it waits for its type, watches and serves, and leads while it has the Lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::SigningJob;

use crate::{
    Config, OperatorError,
    control::control,
    dependencies::Dependencies,
    dereference::{self, Live},
    lease,
    metrics::Metrics,
    metrics_api::Served,
    permissions::OPERATOR,
    scaling::loads::Loads,
};

/// Between two looks for something that is not there yet.
const PAUSE: Duration = Duration::from_secs(2);

/// What a replica has before it leads.
pub(crate) struct Replica {
    pub(crate) config: Config,
    pub(crate) client: Client,
    pub(crate) dependencies: Dependencies,
    pub(crate) metrics: Metrics,
    pub(crate) loads: Loads,
    /// Our metrics API, where it is served.
    pub(crate) served: Option<Served>,
}

impl Replica {
    /// What it is called in the Lease and in Events.
    pub(crate) fn name(&self) -> String {
        self.config.name.clone().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| OPERATOR.to_owned())
    }
}

/// Waits to be the leader, then leads until `stop` or until the Lease is lost.
pub(crate) async fn lead(
    mut replica: Replica,
    ready: &AtomicBool,
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    let begun = tokio::select! {
        begun = begin(&replica, stop) => begun,
        () = stop.cancelled() => return Ok(()),
    };
    let (cluster, live) = begun;
    ready.store(true, Ordering::Relaxed);
    let config = &replica.config;
    let identity = format!("{}_{}", replica.name(), Uuid::new_v4());
    let duration = Duration::from_secs(config.lease_duration.as_secs().clamp(5, 60));
    let mut election = lease::run_for(&replica.client, &config.operator_namespace, identity, duration);
    replica.client = election.client.clone();
    let result = tokio::select! {
        result = with_lease(&replica, cluster, live, &mut election.leads, stop) => result,
        () = stop.cancelled() => Ok(()),
    };
    election.give_back().await;
    result
}

/// Everything that a replica needs before it may lead: the type, the name of the cluster, and what is there.
async fn begin(replica: &Replica, stop: &CancellationToken) -> (String, Arc<Live>) {
    let Replica { config, client, dependencies, loads, .. } = replica;
    type_is_known(config, client).await;
    let cluster = cluster_id(config, client).await;
    let live = Arc::new(Live::watch(client, &config.namespaces, stop));
    live.ready().await;
    loads.watch(dependencies.clone(), Arc::clone(&live), cluster.clone(), stop.clone());
    (cluster, live)
}

async fn with_lease(
    replica: &Replica,
    cluster: String,
    live: Arc<Live>,
    leads: &mut watch::Receiver<bool>,
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    if leads.wait_for(|leads| *leads).await.is_err() {
        return Err(OperatorError::Deposed);
    }
    tracing::info!(name = replica.name(), "leading");
    replica.metrics.leading.set(1.0);
    // Losing the Lease drops everything that was under way.
    tokio::select! {
        () = control(replica, cluster, live, stop) => Ok(()),
        _ = leads.wait_for(|leads| !*leads) => {
            replica.metrics.leading.set(0.0);
            Err(OperatorError::Deposed)
        }
    }
}

/// Waits until the API server knows SigningJobs: a controller without its type would only fail in a loop.
async fn type_is_known(config: &Config, client: &Client) {
    let mut told = None;
    for api in dereference::apis::<SigningJob>(client, &config.namespaces) {
        while let Err(error) = api.list_metadata(&ListParams::default().limit(1)).await {
            let why = waits_for(&error);
            if told.replace(why) != Some(why) {
                tracing::warn!(error = crate::chain(&error), "SigningJobs cannot be listed: {why}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What the operator cannot begin without, and who can change that.
fn waits_for(error: &kube::Error) -> &'static str {
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

/// What the ledger knows this cluster by.
async fn cluster_id(config: &Config, client: &Client) -> String {
    if let Some(id) = &config.cluster_id {
        return id.clone();
    }
    let mut told = false;
    loop {
        let mut refused = true;
        for name in ["kube-system", &config.operator_namespace] {
            match Api::<Namespace>::all(client.clone()).get_metadata(name).await {
                Ok(namespace) => {
                    if let Some(uid) = namespace.uid() {
                        return uid;
                    }
                    refused = false;
                }
                // Looking after some namespaces only, it may not be allowed to look elsewhere.
                Err(kube::Error::Api(status)) if status.is_forbidden() => {}
                Err(error) => {
                    tracing::warn!(
                        error = crate::chain(&error),
                        name,
                        "the uid of a namespace cannot be read; trying again"
                    );
                    refused = false;
                    break;
                }
            }
        }
        if refused && !told {
            tracing::warn!(
                "the operator may read neither the namespace kube-system nor its own, {}, whose uid names this cluster in the \
                 ledger. Grant `get` on one of them, or set --cluster-id; waiting for it",
                config.operator_namespace
            );
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_is_waited_for_is_told_apart() {
        let answered = |code| waits_for(&kube::Error::Api(Box::new(Status::failure("no", "No").with_code(code))));
        assert!(answered(404).contains("Apply the CRD"));
        assert!(answered(403).contains("rights"));
        assert!(answered(401).contains("credentials"));
        let silent = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(waits_for(&kube::Error::Service(silent.into())).contains("cannot be reached"));
    }
}
