//! What the leader does: the controller of SigningJobs, the look at what the cluster offers, and the sweep.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
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
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::SigningJob;
use vaultstream_lifecycle::Settings;

use crate::{
    apply::Applied,
    cleanup,
    context::{Context, Failures},
    dereference::{self, Live, OURS},
    fleet::Fleet,
    lead::Replica,
    permissions::OPERATOR,
    reconcile::{error_policy, reconcile},
    scaling::{choice::Offers, offers},
    schema,
    slots::Slots,
    status::Publisher,
    wake::Wake,
    work::Shared,
};

/// Jobs provisioned and seeded at once.
const SEEDING: usize = 4;
/// How long the first look at what the cluster offers is waited for.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// News of a job are waited for so long before it is looked at: phases that pass in no time are not written.
const SETTLE: Duration = Duration::from_millis(250);
/// Between two counts of jobs.
const COUNT: Duration = Duration::from_secs(5);
/// Between two sweeps.
const SWEEP: Duration = Duration::from_secs(600);
/// After one that Postgres, NATS or the API server did not let end.
const SWEEP_AGAIN: Duration = Duration::from_secs(15);

/// Controls until `stop`, or until it is dropped.
pub(crate) async fn control(replica: &Replica, cluster: String, live: Arc<Live>, stop: &CancellationToken) {
    let Replica { config, client, .. } = replica;
    let ending = stop.child_token();
    let _end_all = ending.clone().drop_guard();
    let (offers_are, offers) = watch::channel(Offers::default());
    let mut looked = offers.clone();
    let (wake, news) = Wake::new(&config.namespaces);
    let (outdated_is, outdated) = watch::channel(None);
    schema::look(client, &outdated_is).await;
    let context = Arc::new(context(replica, cluster, live, wake, (offers, outdated), &ending));
    let mut controllers = Vec::new();
    let mut stores = Vec::new();
    let jobs = dereference::apis::<DeserializeGuard<SigningJob>>(client, &config.namespaces);
    let children = dereference::apis::<Deployment>(client, &config.namespaces);
    for ((jobs, deployments), news) in jobs.into_iter().zip(children).zip(news) {
        let settings = controller::Config::default().concurrency(config.reconciles).debounce(SETTLE);
        let (store, writer) = reflector::store();
        let watched = watcher(jobs, watcher::Config::default().timeout(200)).modify(lighten);
        let controller = Controller::for_stream(reflector(writer, watched).applied_objects(), store.clone())
            .owns(deployments, watcher::Config::default().labels(OURS).timeout(200))
            .reconcile_on(received(news))
            .with_config(settings)
            .graceful_shutdown_on(ending.clone().cancelled_owned());
        stores.push(store);
        controllers.push(controller.run(reconcile, error_policy, Arc::clone(&context)).for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "controller");
            }
        }));
    }
    let begun = async {
        // Jobs keep the scaler they get first: none is chosen blindly.
        let _ = tokio::time::timeout(FIRST_LOOK, looked.wait_for(|offers| offers.known)).await;
        futures_util::future::join_all(controllers).await;
    };
    tokio::select! {
        () = begun => {}
        () = sweep_for_ever(&context, &stores) => {}
        () = count_for_ever(&context, &stores) => {}
        () = schema::watch_for_ever(client, &outdated_is) => {}
        () = offers::watch_for_ever(client, config, replica.served.clone(), &offers_are, &replica.metrics) => {}
    }
}

fn context(
    replica: &Replica,
    cluster: String,
    live: Arc<Live>,
    wake: Wake,
    (offers, outdated): (watch::Receiver<Offers>, watch::Receiver<Option<String>>),
    ending: &CancellationToken,
) -> Context {
    let Replica { config, client, dependencies, metrics, loads, served: _ } = replica;
    let reporter = Reporter { controller: OPERATOR.to_owned(), instance: Some(replica.name()) };
    let shared = Shared {
        dependencies: dependencies.clone(),
        slots: Slots::new(usize::try_from(config.active_jobs).unwrap_or(usize::MAX)),
        seeding: Arc::new(Semaphore::new(SEEDING)),
        cluster: cluster.clone(),
        leftovers: Arc::default(),
        settings: Settings {
            replicas: config.nats_replicas.map(usize::from),
            max_bytes: config.nats_max_bytes,
            max_ack_pending: config.nats_max_ack_pending,
            ..Settings::default()
        },
    };
    Context {
        leftovers: Arc::clone(&shared.leftovers),
        recorder: Recorder::new(client.clone(), reporter),
        client: client.clone(),
        dependencies: dependencies.clone(),
        fleet: Fleet::new(shared, wake, ending.clone()),
        live,
        loads: loads.clone(),
        offers,
        outdated,
        applied: Applied::default(),
        publisher: Publisher::default(),
        metrics: metrics.clone(),
        failures: Failures::default(),
        namespaces: config.namespaces.clone(),
        namespace: config.operator_namespace.clone(),
        cluster,
        worker_image: config.worker_image.clone(),
        scaling_url: config.scaling_url.clone(),
        worker_limit: config.workers,
        finalizer_timeout: *config.finalizer_timeout,
    }
}

/// Who owns which field, and what was applied last, takes more room than the rest of a job, and nobody here asks.
fn lighten(job: &mut DeserializeGuard<SigningJob>) {
    job.managed_fields_mut().clear();
    job.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
}

fn received<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|item| (item, receiver)) })
}

/// Counts jobs by phase, for metrics.
async fn count_for_ever(context: &Context, stores: &[Store<DeserializeGuard<SigningJob>>]) {
    loop {
        let jobs = stores.iter().flat_map(Store::state);
        context.metrics.count_jobs(jobs.filter_map(|job| job.0.as_ref().ok()?.status.as_ref()?.phase));
        tokio::time::sleep(COUNT).await;
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
        let pause = match cleanup::sweep(context, living).await {
            Ok(0) => SWEEP,
            Ok(swept) => {
                tracing::info!(swept, "removed what deleted jobs had left");
                SWEEP
            }
            Err(why) => {
                tracing::debug!(why, "the sweep has to wait");
                SWEEP_AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // A new job waits for the name of one that is gone.
            () = context.leftovers.notified() => {}
        }
    }
}
