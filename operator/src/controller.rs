//! What the leader runs: the controller of SigningJobs, the polls of the cluster's capabilities and of its SigningJob type, the
//! sweep, and the requests for anchors.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller, WatchStreamExt, controller,
        events::{Recorder, Reporter},
        reflector,
        reflector::Store,
        watcher,
    },
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::SigningJob;
use vaultstream_lifecycle::Settings;

use crate::{
    anchoring,
    backoff::RetryDelays,
    certification::Certifier,
    installed_schema,
    job::{
        apply::AppliedHashes,
        children::ChildCache,
        context::Context,
        reconcile::{error_policy, reconcile},
        status::StatusWriter,
        sweep,
    },
    lifecycle::{
        admission::AdmissionQueue, job_supervisor::JobSupervisor, job_task::TaskResources, limit_queue::LimitQueue,
        requeue::RequeueSender, seeding_turns::SeedingTurns,
    },
    namespaces::apis,
    permissions::OPERATOR,
    replica::Replica,
    scaling::{capabilities, registration, scaler_selection::ClusterCapabilities},
};

/// Jobs provisioned and seeded at the same time.
const SEEDING_LIMIT: usize = 4;
/// Seconds after which the API server ends a watch, and it is opened again.
const WATCH_TIMEOUT_SECONDS: u32 = 200;
/// How long the first poll of the cluster's capabilities is waited for.
const CAPABILITIES_TIMEOUT: Duration = Duration::from_secs(10);
/// Changes of a job within this time cause one reconcile: a phase that is over at once is not written.
const DEBOUNCE_INTERVAL: Duration = Duration::from_millis(250);
/// How often tasks are looked for whose job is gone.
const GHOSTS_INTERVAL: Duration = Duration::from_secs(5);
/// How often the leader sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// The delay after a sweep that failed.
const SWEEP_RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// Runs until `stop`, or until it is dropped.
pub(crate) async fn control(replica: &Replica, cluster: String, children: Arc<ChildCache>, stop: &CancellationToken) {
    let Replica { config, client, .. } = replica;
    let ending = stop.child_token();
    let _end_all = ending.clone().drop_guard();
    let (capabilities_sender, capabilities) = watch::channel(ClusterCapabilities::default());
    let mut polled = capabilities.clone();
    let (requeue, requeued) = RequeueSender::new(&config.namespaces);
    let (missing_field_sender, missing_field) = watch::channel(None);
    installed_schema::check(client, &missing_field_sender).await;
    let cluster_state = (Arc::clone(&children), capabilities, missing_field);
    let context = Arc::new(context(replica, cluster, cluster_state, requeue, &ending));
    let mut controllers = Vec::new();
    let mut stores = Vec::new();
    let jobs = apis::<DeserializeGuard<SigningJob>>(client, &config.namespaces);
    for (jobs, requeued) in jobs.into_iter().zip(requeued) {
        let settings = controller::Config::default().concurrency(config.reconciles).debounce(DEBOUNCE_INTERVAL);
        let (store, writer) = reflector::store();
        let watched = watcher(jobs, watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS)).modify(lighten);
        let controller = Controller::for_stream(reflector(writer, watched).applied_objects(), store.clone())
            .owns_shared_stream(children.deployments.changes())
            .owns_shared_stream(children.disruption_budgets.changes())
            .owns_shared_stream(children.autoscalers.changes())
            .reconcile_on(received(requeued))
            .with_config(settings)
            .graceful_shutdown_on(ending.clone().cancelled_owned());
        stores.push(store);
        controllers.push(controller.run(reconcile, error_policy, Arc::clone(&context)).for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "controller");
            }
        }));
    }
    let _told = replica.metrics.watch_jobs(stores.clone());
    let run = async {
        // Jobs keep the scaler that they get first, so the capabilities have to be known.
        let _ = tokio::time::timeout(CAPABILITIES_TIMEOUT, polled.wait_for(|capabilities| capabilities.known)).await;
        futures_util::future::join_all(controllers).await;
    };
    let authorities = replica.metrics_api.as_ref().map(|served| served.authorities.clone());
    let service = (config.operator_namespace.as_str(), config.metrics_api_service.as_str());
    let served = replica.metrics_api.as_ref().filter(|_| config.namespaces.is_empty());
    let count = |capabilities: &ClusterCapabilities| replica.metrics.set_capabilities(capabilities);
    tokio::select! {
        () = run => {}
        () = sweep_for_ever(&context, &stores) => {}
        () = end_ghosts_for_ever(&context, &stores) => {}
        () = anchoring::anchor_for_ever(&context, &config.connection_dir) => {}
        () = installed_schema::check_for_ever(client, &missing_field_sender) => {}
        () = registration::tell_for_ever(served, context.capabilities.clone(), service, &context.recorder) => {}
        () = capabilities::poll_for_ever(client, config, authorities, &capabilities_sender, count) => {}
    }
}

/// What is watched and polled in the cluster.
type ClusterState = (Arc<ChildCache>, watch::Receiver<ClusterCapabilities>, watch::Receiver<Option<String>>);

fn context(
    replica: &Replica,
    cluster: String,
    (children, capabilities, missing_field): ClusterState,
    requeue: RequeueSender,
    ending: &CancellationToken,
) -> Context {
    let Replica { config, client, dependencies, metrics, backlog, metrics_api: _ } = replica;
    let reporter = Reporter { controller: OPERATOR.to_owned(), instance: Some(replica.name()) };
    let resources = TaskResources {
        dependencies: dependencies.clone(),
        admission: AdmissionQueue::new(usize::try_from(config.active_jobs).unwrap_or(usize::MAX)),
        seeding: SeedingTurns::new(SEEDING_LIMIT),
        limits: config.limits.ledger_limits(),
        limited: LimitQueue::default(),
        cluster: cluster.clone(),
        leftovers: Arc::default(),
        settings: Settings {
            replicas: config.nats_replicas.map(usize::from),
            max_bytes: config.nats_max_bytes,
            max_ack_pending: config.nats_max_ack_pending,
            ..Settings::default()
        },
        certifier: Certifier::new(client.clone()),
    };
    Context {
        leftovers: Arc::clone(&resources.leftovers),
        recorder: Recorder::new(client.clone(), reporter),
        client: client.clone(),
        dependencies: dependencies.clone(),
        supervisor: JobSupervisor::new(resources, requeue.clone(), ending.clone()),
        allowed_tsas: config.allowed_tsas.clone(),
        requeue,
        children,
        backlog: backlog.clone(),
        capabilities,
        missing_field,
        applied: AppliedHashes::default(),
        status_writer: StatusWriter::default(),
        metrics: metrics.clone(),
        retry_delays: RetryDelays::default(),
        namespaces: config.namespaces.clone(),
        namespace: config.operator_namespace.clone(),
        cluster,
        worker_image: config.worker_image.clone(),
        otlp_endpoint: config.otlp_endpoint.clone(),
        allow_owner: config.allow_owner,
        token_audience: config.worker_token_audience.clone(),
        kms_directory: config.worker_kms_directory.clone(),
        worker_pods: config.worker_pods.clone(),
        scaling_url: config.scaling_url.clone(),
        worker_limit: config.workers,
        finalizer_timeout: *config.finalizer_timeout,
    }
}

/// Removes what takes more memory than the rest of a job and is never read: the owners of fields, and what kubectl applied
/// last.
fn lighten(job: &mut DeserializeGuard<SigningJob>) {
    job.managed_fields_mut().clear();
    job.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
}

fn received<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|item| (item, receiver)) })
}

/// The jobs that the watches know.
fn living(stores: &[Store<DeserializeGuard<SigningJob>>]) -> HashSet<Uuid> {
    let jobs = stores.iter().flat_map(Store::state);
    jobs.filter_map(|job| job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok())).collect()
}

/// Ends the tasks of jobs that went without a clean-up.
async fn end_ghosts_for_ever(context: &Context, stores: &[Store<DeserializeGuard<SigningJob>>]) {
    loop {
        tokio::time::sleep(GHOSTS_INTERVAL).await;
        sweep::end_ghosts(context, || living(stores)).await;
    }
}

/// Removes what deleted jobs left, at start and every ten minutes.
async fn sweep_for_ever(context: &Context, stores: &[Store<DeserializeGuard<SigningJob>>]) {
    for store in stores {
        let _ = store.wait_until_ready().await;
    }
    loop {
        let delay = match sweep::sweep(context, || living(stores)).await {
            Ok(0) => SWEEP_INTERVAL,
            Ok(swept) => {
                tracing::info!(swept, "removed what deleted jobs had left");
                SWEEP_INTERVAL
            }
            Err(why) => {
                tracing::debug!(why, "the sweep failed");
                SWEEP_RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // A new job waits for the name of a deleted one.
            () = context.leftovers.notified() => {}
        }
    }
}
