//! The children and pods of jobs, as they are in the cluster. Read from watches, never fetched.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod, policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        WatchStreamExt, reflector,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{ChildNames, names::JOB_UID_LABEL};

use crate::{
    fault::ConditionFault,
    job::{pod_diagnosis, validate::ValidJob},
    namespaces::apis,
};

/// Every child has this label.
const CHILD_SELECTOR: &str = "app.kubernetes.io/managed-by=vaultstream-operator";
/// Seconds after which the API server ends a watch, and it is opened again.
const WATCH_TIMEOUT_SECONDS: u32 = 200;
/// The delay after a watch failed.
const WATCH_RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// Changes of one kind that a controller may lag behind. It polls its jobs, too, so a lost change is only seen later.
const CHANGES_LIMIT: usize = 1024;

/// The children of all jobs, kept up to date by watches.
pub(crate) struct ChildCache {
    pub(crate) deployments: Children<Deployment>,
    pub(crate) disruption_budgets: Children<PodDisruptionBudget>,
    pub(crate) autoscalers: Children<HorizontalPodAutoscaler>,
    pods: Children<Pod>,
}

/// The children of one kind.
pub(crate) struct Children<K: Resource<DynamicType = ()> + Clone + 'static> {
    stores: Vec<Store<K>>,
    /// Each that was seen new, changed or deleted.
    changes: broadcast::Sender<Arc<K>>,
}

/// The children of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedChildren {
    pub(crate) deployment: Option<Arc<Deployment>>,
    pub(crate) disruption_budget: Option<Arc<PodDisruptionBudget>>,
    pub(crate) autoscaler: Option<Arc<HorizontalPodAutoscaler>>,
    /// Why a pod does not run; `None` when all do.
    pub(crate) pod_fault: Option<ConditionFault>,
    /// Pods that are ready.
    pub(crate) ready: u32,
    /// Pods in any state.
    pub(crate) pods: u32,
}

impl ObservedChildren {
    /// The number of workers that was written last; `None` without a Deployment.
    pub(crate) fn replicas(&self) -> Option<u32> {
        let written = self.deployment.as_ref()?.spec.as_ref()?.replicas?;
        u32::try_from(written).ok()
    }

    /// Whether a child is there, pods not counted.
    pub(crate) fn has_children(&self) -> bool {
        self.deployment.is_some() || self.disruption_budget.is_some() || self.autoscaler.is_some()
    }
}

impl ChildCache {
    /// Starts to watch `namespaces`, or all when the list is empty.
    pub(crate) fn watch(client: &Client, namespaces: &[String], stop: &CancellationToken) -> Self {
        Self {
            deployments: Children::watch(client, namespaces, stop, keep_all),
            disruption_budgets: Children::watch(client, namespaces, stop, keep_all),
            autoscalers: Children::watch(client, namespaces, stop, keep_all),
            pods: Children::watch(client, namespaces, stop, keep_status),
        }
    }

    /// Returns when everything that exists was seen once.
    pub(crate) async fn ready(&self) {
        self.deployments.ready().await;
        self.disruption_budgets.ready().await;
        self.autoscalers.ready().await;
        self.pods.ready().await;
    }

    /// How many workers of a job are ready.
    pub(crate) fn ready_workers(&self, uid: Uuid) -> u32 {
        count(self.pods_of(uid).iter().filter(|pod| is_ready(pod)).count())
    }

    fn pods_of(&self, uid: Uuid) -> Vec<Arc<Pod>> {
        let uid = uid.to_string();
        let pods = self.pods.stores.iter().flat_map(Store::state);
        pods.filter(|pod| pod.labels().get(JOB_UID_LABEL) == Some(&uid) && pod.metadata.deletion_timestamp.is_none())
            .collect()
    }

    /// The children of the job.
    pub(crate) fn observe(&self, job: &ValidJob) -> ObservedChildren {
        let names = ChildNames::of(&job.name);
        let deployment = self.deployments.of(job, &names.workers);
        let disruption_budget = self.disruption_budgets.of(job, &names.disruption_budget);
        let autoscaler = self.autoscalers.of(job, &names.scaler);
        let pods = self.pods_of(job.uid);
        let pod_fault = pods
            .iter()
            .find_map(|pod| pod_diagnosis::of_pod(pod))
            .or_else(|| deployment.as_ref().and_then(|deployment| pod_diagnosis::of_deployment(deployment)));
        let ready = count(pods.iter().filter(|pod| is_ready(pod)).count());
        ObservedChildren { deployment, disruption_budget, autoscaler, pod_fault, ready, pods: count(pods.len()) }
    }
}

impl<K> Children<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    fn watch(client: &Client, namespaces: &[String], stop: &CancellationToken, lighten: fn(&mut K)) -> Self {
        let (changes, _) = broadcast::channel(CHANGES_LIMIT);
        let watch = |api| watch_one(api, changes.clone(), stop.clone(), lighten);
        Self { stores: apis(client, namespaces).into_iter().map(watch).collect(), changes }
    }

    async fn ready(&self) {
        for store in &self.stores {
            let _ = store.wait_until_ready().await;
        }
    }

    /// Children from now on, each time one is seen new, changed or deleted.
    pub(crate) fn changes(&self) -> impl Stream<Item = Arc<K>> + Send + use<K> {
        stream::unfold(self.changes.subscribe(), |mut changes| async move {
            loop {
                match changes.recv().await {
                    Ok(child) => return Some((child, changes)),
                    Err(broadcast::error::RecvError::Lagged(lost)) => {
                        tracing::debug!(lost, "changes of {} came too fast", K::plural(&()));
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
    }

    /// A child by its name, unless it belongs to an older job of that name.
    fn of(&self, job: &ValidJob, name: &str) -> Option<Arc<K>> {
        let name = ObjectRef::new(name).within(job.namespace.as_str());
        let found = self.stores.iter().find_map(|store| store.get(&name))?;
        (found.labels().get(JOB_UID_LABEL) == Some(&job.uid.to_string())).then_some(found)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn keep_all<K>(_: &mut K) {}

/// Of a pod its status is read, and the labels by which it is found. What it runs, with which volumes and variables, is not kept.
fn keep_status(pod: &mut Pod) {
    pod.spec = None;
    pod.annotations_mut().clear();
}

fn watch_one<K>(
    api: Api<K>,
    changes: broadcast::Sender<Arc<K>>,
    stop: CancellationToken,
    lighten: fn(&mut K),
) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let config = watcher::Config::default().labels(CHILD_SELECTOR).timeout(WATCH_TIMEOUT_SECONDS);
    let events = watcher(api, config).default_backoff().modify(move |object| {
        object.managed_fields_mut().clear();
        lighten(object);
    });
    tokio::spawn(async move {
        let mut objects = std::pin::pin!(reflector(writer, events).touched_objects());
        let mut refusal_logged = false;
        loop {
            tokio::select! {
                object = objects.next() => match object {
                    Some(Ok(object)) => {
                        refusal_logged = false;
                        // It fails while nothing subscribes: only a leader does.
                        let _ = changes.send(Arc::new(object));
                    }
                    Some(Err(error)) => {
                        let what = K::plural(&());
                        let refused = is_refused(&error);
                        if refused && !refusal_logged {
                            tracing::warn!(%error, "the operator may not list and watch {what}: apply the rights of its release; waiting for them");
                        } else {
                            tracing::debug!(%error, "the watch of {what} failed; it is opened again");
                        }
                        refusal_logged |= refused;
                        tokio::time::sleep(WATCH_RETRY_INTERVAL).await;
                    }
                    None => return,
                },
                () = stop.cancelled() => return,
            }
        }
    });
    store
}

/// Whether the API server knows the operator, and forbids the watch.
fn is_refused(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status)) => status.is_forbidden(),
        WatchError(status) => status.is_forbidden(),
        _ => false,
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"))
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use vaultstream_api::Reason;

    use super::*;
    use crate::job::fixtures::{from_yaml, valid_job};

    const UID: &str = "0d9b2f6c-0000-4000-8000-000000000001";

    /// A cache whose watches have seen these objects.
    fn cache(deployments: &[Deployment], pods: &[Pod]) -> ChildCache {
        ChildCache {
            deployments: filled(deployments),
            disruption_budgets: filled(&[]),
            autoscalers: filled(&[]),
            pods: filled(pods),
        }
    }

    fn filled<K: Resource<DynamicType = ()> + Clone + 'static>(objects: &[K]) -> Children<K> {
        let (store, mut writer) = reflector::store();
        objects.iter().for_each(|object| writer.apply_watcher_event(&Event::Apply(object.clone())));
        Children { stores: vec![store], changes: broadcast::channel(CHANGES_LIMIT).0 }
    }

    fn deployment(name: &str, uid: &str, replicas: i32) -> Deployment {
        let metadata = format!("{{name: {name}, namespace: default, labels: {{{JOB_UID_LABEL}: {uid}}}}}");
        from_yaml(&format!("{{metadata: {metadata}, spec: {{replicas: {replicas}, selector: {{}}, template: {{}}}}}}"))
    }

    fn pod(name: &str, further: &str, ready: &str, status: &str) -> Pod {
        let metadata = format!("{{name: {name}, namespace: default, labels: {{{JOB_UID_LABEL}: {UID}}}{further}}}");
        let conditions = format!("conditions: [{{type: Ready, status: '{ready}'}}]");
        from_yaml(&format!("{{metadata: {metadata}, status: {{{conditions}{status}}}}}"))
    }

    #[test]
    fn a_pod_is_ready_by_that_condition_and_no_other() {
        let of = |conditions: &str| is_ready(&from_yaml(&format!("{{status: {{conditions: {conditions}}}}}")));
        assert!(of("[{type: Initialized, status: 'False'}, {type: Ready, status: 'True'}]"));
        assert!(!of("[{type: Initialized, status: 'True'}, {type: Ready, status: 'False'}]"));
        assert!(!of("[]") && !is_ready(&Pod::default()));
    }

    #[test]
    fn any_child_but_a_pod_is_one_that_has_to_go_at_the_end() {
        let none = ObservedChildren { pods: 1, ready: 1, ..ObservedChildren::default() };
        assert!(!none.has_children());
        for one in [
            ObservedChildren { deployment: Some(Arc::default()), ..none.clone() },
            ObservedChildren { disruption_budget: Some(Arc::default()), ..none.clone() },
            ObservedChildren { autoscaler: Some(Arc::default()), ..none.clone() },
        ] {
            assert!(one.has_children());
        }
    }

    #[test]
    fn a_deployment_is_the_jobs_if_it_has_its_name_and_its_uid() {
        let job = valid_job("{}");
        let replicas = |deployment| cache(&[deployment], &[]).observe(&job).replicas();
        assert_eq!(replicas(deployment("vs-invoices", UID, 2)), Some(2));
        assert_eq!(
            replicas(deployment("vs-invoices", "0d9b2f6c-0000-4000-8000-000000000002", 2)),
            None,
            "an older job"
        );
        assert_eq!(replicas(deployment("vs-other", UID, 2)), None);
    }

    #[test]
    fn pods_are_counted_unless_they_are_being_deleted_and_ready_ones_apart() {
        let terminating = ", deletionTimestamp: '2026-01-01T00:00:00Z'";
        let pods = [
            pod("ready", "", "True", ""),
            pod("starting", "", "False", ""),
            pod("terminating", terminating, "True", ""),
        ];
        let cache = cache(&[], &pods);
        let observed = cache.observe(&valid_job("{}"));
        assert_eq!((observed.pods, observed.ready, observed.pod_fault), (2, 1, None));
        assert_eq!(cache.ready_workers(UID.parse().unwrap()), 1);
        assert_eq!(cache.ready_workers(Uuid::nil()), 0);
    }

    #[test]
    fn of_a_pod_only_the_status_is_kept_and_the_labels_by_which_it_is_found() {
        let mut seen = pod("a", ", annotations: {example.com/a: b}", "True", "");
        seen.spec = from_yaml::<Pod>("{spec: {containers: [{name: worker, image: x}]}}").spec;
        let kept = pod("a", "", "True", "");
        keep_status(&mut seen);
        seen.metadata.annotations = seen.metadata.annotations.filter(|annotations| !annotations.is_empty());
        assert_eq!(seen, kept);
    }

    #[test]
    fn the_fault_of_a_pod_is_shown_before_that_of_the_deployment() {
        let refused = "{status: {conditions: [{type: ReplicaFailure, status: 'True', message: no}]}}";
        let mut deployment = deployment("vs-invoices", UID, 2);
        deployment.status = from_yaml::<Deployment>(refused).status;
        let waiting = ", containerStatuses: [{name: worker, image: x, imageID: '', ready: false, restartCount: 0, \
                       state: {waiting: {reason: ErrImagePull}}}]";
        let job = valid_job("{}");
        let fault =
            |pods: &[Pod]| cache(std::slice::from_ref(&deployment), pods).observe(&job).pod_fault.map(|it| it.reason);
        assert_eq!(fault(&[pod("a", "", "False", waiting)]), Some(Reason::ImagePull));
        assert_eq!(fault(&[pod("a", "", "True", "")]), Some(Reason::PodsRefused));
    }

    #[test]
    fn a_watch_is_refused_when_the_server_forbids_it_however_it_says_so() {
        use kube::core::Status;
        let status = |code, reason: &str| Box::new(Status::failure("no", reason).with_code(code));
        let forbidden = || status(403, "Forbidden");
        let gone = || status(410, "Expired");
        for (error, refused) in [
            (watcher::Error::InitialListFailed(kube::Error::Api(forbidden())), true),
            (watcher::Error::WatchStartFailed(kube::Error::Api(forbidden())), true),
            (watcher::Error::WatchFailed(kube::Error::Api(forbidden())), true),
            (watcher::Error::WatchError(forbidden()), true),
            (watcher::Error::WatchFailed(kube::Error::Api(gone())), false),
            (watcher::Error::WatchError(gone()), false),
            (watcher::Error::NoResourceVersion, false),
        ] {
            assert_eq!(is_refused(&error), refused, "{error:?}");
        }
    }

    #[tokio::test]
    async fn changes_of_children_reach_a_subscriber_and_the_newest_ones_one_that_lags() {
        let cache = cache(&[], &[]);
        let mut changes = Box::pin(cache.deployments.changes());
        let send = |replicas| drop(cache.deployments.changes.send(Arc::new(deployment("vs-invoices", UID, replicas))));
        let replicas = |deployment: Option<Arc<Deployment>>| deployment?.spec.as_ref()?.replicas;
        send(1);
        assert_eq!(replicas(changes.next().await), Some(1));
        let sent = i32::try_from(CHANGES_LIMIT).unwrap() + 5;
        (1..=sent).for_each(send);
        assert_eq!(replicas(changes.next().await), Some(6), "the five oldest are lost");
        drop(cache);
    }
}
