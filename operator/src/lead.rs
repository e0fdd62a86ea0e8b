//! The election, and what the leader does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};
use kube::{
    Api, Client, ResourceExt,
    api::ListParams,
    core::DeserializeGuard,
    runtime::{
        Controller, controller,
        events::{Recorder, Reporter},
        reflector::Store,
        watcher,
    },
};
use kube_lease_manager::LeaseManagerBuilder;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::SigningJob;

use crate::{
    Config, OperatorError,
    apply::Applied,
    cleanup,
    context::{Context, Failures},
    dependencies::Dependencies,
    dereference::{self, Live, OURS},
    fleet::Fleet,
    metrics::Metrics,
    reconcile::{error_policy, reconcile},
    slots::Slots,
    status::Publisher,
    work::Shared,
};

const LEASE: &str = "vaultstream-operator";
/// Jobs provisioned and seeded at once.
const SEEDING: usize = 4;
/// Between two sweeps.
const SWEEP: Duration = Duration::from_secs(600);
/// A renewal is due so long before the Lease ends.
const RENEWAL_MARGIN: Duration = Duration::from_secs(5);

/// Waits to be the leader, then leads until `stop` or until the Lease is lost.
pub(crate) async fn lead(
    config: &Config,
    client: Client,
    dependencies: Dependencies,
    metrics: Metrics,
    ready: &AtomicBool,
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    if !type_is_known(config, &client, stop).await {
        return Ok(());
    }
    // A replica that waits for the Lease has nothing to sync.
    ready.store(true, Ordering::Relaxed);
    let name = config.name.clone().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| LEASE.to_owned());
    let lease = LeaseManagerBuilder::new(client.clone(), LEASE)
        .with_namespace(&config.operator_namespace)
        .with_identity(format!("{name}_{}", Uuid::new_v4()))
        .with_duration(config.lease_duration.as_secs().clamp(5, 60))
        .with_grace(RENEWAL_MARGIN.as_secs().min(config.lease_duration.as_secs() / 3).max(1))
        .build()
        .await
        .map_err(OperatorError::Lease)?;
    let (mut leads, keeping) = lease.watch().await;
    let result = tokio::select! {
        result = with_lease(config, client, dependencies, metrics, &name, &mut leads, stop) => result,
        () = stop.cancelled() => Ok(()),
    };
    // Gives the Lease back, so that another replica leads at once.
    drop(leads);
    let _ = tokio::time::timeout(Duration::from_secs(2), keeping).await;
    result
}

async fn with_lease(
    config: &Config,
    client: Client,
    dependencies: Dependencies,
    metrics: Metrics,
    name: &str,
    leads: &mut watch::Receiver<bool>,
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    if leads.wait_for(|leads| *leads).await.is_err() {
        return Err(OperatorError::Deposed);
    }
    tracing::info!(name, "leading");
    metrics.leading.set(1.0);
    // Losing the Lease drops everything that was under way.
    tokio::select! {
        result = control(config, client, dependencies, metrics.clone(), name, stop) => result,
        _ = leads.wait_for(|leads| !*leads) => {
            metrics.leading.set(0.0);
            Err(OperatorError::Deposed)
        }
    }
}

/// Waits until the API server knows SigningJobs: a controller without its type would only fail in a loop.
async fn type_is_known(config: &Config, client: &Client, stop: &CancellationToken) -> bool {
    let mut told = false;
    loop {
        let apis = dereference::apis::<SigningJob>(client, &config.namespaces);
        let known = match apis.first() {
            Some(api) => api.list_metadata(&ListParams::default().limit(1)).await,
            None => return false,
        };
        match known {
            Ok(_) => return true,
            Err(error) if !told => {
                tracing::warn!(
                    error = crate::chain(&error),
                    "SigningJobs cannot be listed: is the CRD installed? waiting for it"
                );
                told = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => return false,
        }
    }
}

async fn control(
    config: &Config,
    client: Client,
    dependencies: Dependencies,
    metrics: Metrics,
    name: &str,
    stop: &CancellationToken,
) -> Result<(), OperatorError> {
    let system =
        Api::<Namespace>::all(client.clone()).get_metadata("kube-system").await.map_err(OperatorError::Cluster)?;
    let cluster = system.uid().unwrap_or_default();
    let ending = stop.child_token();
    let _end_all = ending.clone().drop_guard();
    let live = Live::watch(&client, &config.namespaces, &ending);
    live.ready().await;
    let slots = Slots::new(usize::try_from(config.active_jobs).unwrap_or(usize::MAX));
    let shared = Shared {
        dependencies: dependencies.clone(),
        slots,
        seeding: Arc::new(Semaphore::new(SEEDING)),
        cluster: cluster.clone(),
    };
    let reporter = Reporter { controller: "vaultstream-operator".to_owned(), instance: Some(name.to_owned()) };
    let context = Arc::new(Context {
        recorder: Recorder::new(client.clone(), reporter),
        client: client.clone(),
        dependencies,
        fleet: Fleet::new(shared, ending.clone()),
        live,
        applied: Applied::default(),
        publisher: Publisher::default(),
        metrics,
        failures: Failures::default(),
        namespaces: config.namespaces.clone(),
        namespace: config.operator_namespace.clone(),
        cluster,
        worker_image: config.worker_image.clone(),
        worker_limit: config.workers,
        finalizer_timeout: *config.finalizer_timeout,
    });
    let mut controllers = Vec::new();
    let mut stores = Vec::new();
    let jobs = dereference::apis::<DeserializeGuard<SigningJob>>(&client, &config.namespaces);
    let children = dereference::apis::<Deployment>(&client, &config.namespaces);
    for (jobs, deployments) in jobs.into_iter().zip(children) {
        let settings =
            controller::Config::default().concurrency(config.reconciles).debounce(Duration::from_millis(100));
        let controller = Controller::new(jobs, watcher::Config::default().timeout(200))
            .owns(deployments, watcher::Config::default().labels(OURS).timeout(200))
            .with_config(settings)
            .graceful_shutdown_on(ending.clone().cancelled_owned());
        stores.push(controller.store());
        controllers.push(controller.run(reconcile, error_policy, Arc::clone(&context)).for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "controller");
            }
        }));
    }
    tokio::select! {
        _ = futures_util::future::join_all(controllers) => Ok(()),
        () = sweep_for_ever(&context, &stores) => Ok(()),
    }
}

/// Removes what deleted jobs left, at start and every ten minutes.
async fn sweep_for_ever(context: &Context, stores: &[Store<DeserializeGuard<SigningJob>>]) {
    for store in stores {
        let _ = store.wait_until_ready().await;
    }
    loop {
        let living = || {
            let jobs = stores.iter().flat_map(Store::state);
            jobs.filter_map(|job| job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok())).collect()
        };
        match cleanup::sweep(context, living).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "removed what deleted jobs had left"),
            Err(why) => tracing::debug!(why, "the sweep has to wait"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}
