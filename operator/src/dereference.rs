//! What is in the cluster for a job: its children and its pods. Read from watches, never fetched.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod, policy::v1::PodDisruptionBudget,
    },
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
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{ChildNames, names::JOB_UID_LABEL};

use crate::{dependencies::Fault, trouble, validate::Valid};

/// What every child carries.
pub(crate) const OURS: &str = "app.kubernetes.io/managed-by=vaultstream-operator";

/// The children of all jobs, kept up to date by watches.
pub(crate) struct Live {
    deployments: Vec<Store<Deployment>>,
    disruption_budgets: Vec<Store<PodDisruptionBudget>>,
    autoscalers: Vec<Store<HorizontalPodAutoscaler>>,
    pods: Vec<Store<Pod>>,
}

/// The children of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) deployment: Option<Arc<Deployment>>,
    pub(crate) disruption_budget: Option<Arc<PodDisruptionBudget>>,
    pub(crate) autoscaler: Option<Arc<HorizontalPodAutoscaler>>,
    /// Why pods do not run, if any does not.
    pub(crate) trouble: Option<Fault>,
    /// Pods that run and are ready.
    pub(crate) ready: u32,
    /// Pods of whatever state.
    pub(crate) pods: u32,
}

impl Seen {
    /// The number of workers that was written last; none without a Deployment.
    pub(crate) fn replicas(&self) -> Option<u32> {
        let written = self.deployment.as_ref()?.spec.as_ref()?.replicas?;
        u32::try_from(written).ok()
    }
}

impl Live {
    /// Begins to watch; `namespaces` empty means all.
    pub(crate) fn watch(client: &Client, namespaces: &[String], stop: &CancellationToken) -> Self {
        Self {
            deployments: apis(client, namespaces).into_iter().map(|api| follow(api, stop.clone())).collect(),
            disruption_budgets: apis(client, namespaces).into_iter().map(|api| follow(api, stop.clone())).collect(),
            autoscalers: apis(client, namespaces).into_iter().map(|api| follow(api, stop.clone())).collect(),
            pods: apis(client, namespaces).into_iter().map(|api| follow(api, stop.clone())).collect(),
        }
    }

    /// Returns when everything that is there was seen once.
    pub(crate) async fn ready(&self) {
        all_ready(&self.deployments).await;
        all_ready(&self.disruption_budgets).await;
        all_ready(&self.autoscalers).await;
        all_ready(&self.pods).await;
    }

    /// A job's workers that are ready.
    pub(crate) fn ready_workers(&self, uid: Uuid) -> u32 {
        count(self.pods_of(uid).iter().filter(|pod| is_ready(pod)).count())
    }

    fn pods_of(&self, uid: Uuid) -> Vec<Arc<Pod>> {
        let uid = uid.to_string();
        let pods = self.pods.iter().flat_map(Store::state);
        pods.filter(|pod| pod.labels().get(JOB_UID_LABEL) == Some(&uid) && pod.metadata.deletion_timestamp.is_none())
            .collect()
    }

    /// The children of the job.
    pub(crate) fn of(&self, job: &Valid) -> Seen {
        let names = ChildNames::of(&job.name);
        let deployment = find(&self.deployments, &names.workers, job);
        let disruption_budget = find(&self.disruption_budgets, &names.disruption_budget, job);
        let autoscaler = find(&self.autoscalers, &names.scaler, job);
        let pods = self.pods_of(job.uid);
        let trouble = pods
            .iter()
            .find_map(|pod| trouble::of_pod(pod))
            .or_else(|| deployment.as_ref().and_then(|deployment| trouble::of_deployment(deployment)));
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        Seen { deployment, disruption_budget, autoscaler, trouble, ready: count(ready), pods: count(pods.len()) }
    }
}

async fn all_ready<K: Resource<DynamicType = ()> + Clone + 'static>(stores: &[Store<K>]) {
    for store in stores {
        let _ = store.wait_until_ready().await;
    }
}

/// A child by its name, unless it belongs to an older job of that name.
fn find<K>(stores: &[Store<K>], name: &str, job: &Valid) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let name = ObjectRef::new(name).within(job.namespace.as_str());
    let found = stores.iter().find_map(|store| store.get(&name))?;
    (found.labels().get(JOB_UID_LABEL) == Some(&job.uid.to_string())).then_some(found)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// One Api for the whole cluster, or one for each namespace.
pub(crate) fn apis<K>(client: &Client, namespaces: &[String]) -> Vec<Api<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespaces {
        [] => vec![Api::all(client.clone())],
        some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    }
}

fn follow<K>(api: Api<K>, stop: CancellationToken) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let config = watcher::Config::default().labels(OURS).timeout(200);
    let stream = watcher(api, config).default_backoff().modify(|object| object.managed_fields_mut().clear());
    tokio::spawn(async move {
        let mut stream = std::pin::pin!(reflector(writer, stream));
        let mut told = false;
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(Ok(_)) => told = false,
                    Some(Err(error)) => {
                        let what = K::plural(&());
                        let refused = is_refused(&error);
                        if refused && !told {
                            tracing::warn!(%error, "the operator may not list and watch {what}: apply the rights of its release; waiting for them");
                        } else {
                            tracing::debug!(%error, "the watch of {what} failed; it is opened again");
                        }
                        told |= refused;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    None => return,
                },
                () = stop.cancelled() => return,
            }
        }
    });
    store
}

/// The API server knows us, and says no.
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
