//! Children as they shall be: server-side apply for what is wanted, deletion for what is not. Nothing is written when nothing
//! differs.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, DeploymentSpec},
        autoscaling::v2::HorizontalPodAutoscaler,
        core::v1::{Container, PodSpec, PodTemplateSpec},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vaultstream_api::{ChildNames, ScalingMode};

use crate::{
    build::{Children, ScaledObject},
    dereference::Seen,
    permissions::OPERATOR,
    validate::Valid,
};

const DEPLOYMENT: &str = "Deployment";
const BUDGET: &str = "PodDisruptionBudget";
const AUTOSCALER: &str = "HorizontalPodAutoscaler";
const SCALED_OBJECT: &str = "ScaledObject";
/// Seconds that KEDA's finalizer is waited for.
const KEDA_PATIENCE: i64 = 60;

/// Who owns the number of workers.
pub(crate) const SCALE_MANAGER: &str = "vaultstream-scale";

/// A child could not be made as it shall be.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} the {kind} {name}")]
pub(crate) struct ApplyError {
    action: &'static str,
    kind: &'static str,
    name: String,
    #[source]
    pub(crate) source: kube::Error,
}

/// After so long a child is applied again though nothing has changed: somebody else may have changed it.
const DRIFT: Duration = Duration::from_secs(600);

/// What was applied last, by hash: an unchanged wish costs no request.
#[derive(Default)]
pub(crate) struct Applied(Mutex<HashMap<(Uuid, &'static str), Wish>>);

struct Wish {
    hash: [u8; 32],
    at: Instant,
}

/// Whether the children are as they shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// KEDA has yet to let its ScaledObject go; the Deployment stays until then.
    WaitingForKeda,
}

impl Applied {
    fn is_news(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) -> bool {
        self.0.lock().map_or(true, |known| {
            known.get(&(uid, kind)).is_none_or(|last| last.hash != hash || last.at.elapsed() > DRIFT)
        })
    }

    fn note(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) {
        if let Ok(mut known) = self.0.lock() {
            known.insert((uid, kind), Wish { hash, at: Instant::now() });
        }
    }

    fn knows(&self, uid: Uuid, kind: &'static str) -> bool {
        self.0.lock().is_ok_and(|known| known.contains_key(&(uid, kind)))
    }

    /// Forgets a job, or a child of it that is gone.
    pub(crate) fn forget(&self, uid: Uuid, kind: Option<&'static str>) {
        if let Ok(mut known) = self.0.lock() {
            known.retain(|(of, child), _| *of != uid || kind.is_some_and(|kind| *child != kind));
        }
    }
}

/// Makes the children so. `seen` tells what is there already. A scaler that is not wanted goes before anything else, and
/// one that is comes last: it never meets a Deployment that is not there.
pub(crate) async fn apply(
    client: &Client,
    applied: &Applied,
    job: &Valid,
    wanted: Children,
    seen: &Seen,
) -> Result<Progress, ApplyError> {
    let names = ChildNames::of(&job.name);
    let Children { deployment, disruption_budget, autoscaler, scaled_object } = wanted;
    // What was applied a moment ago may not have been seen yet.
    let [budget_made, autoscaler_made] = [BUDGET, AUTOSCALER].map(|kind| applied.knows(job.uid, kind));
    let there = [
        (DEPLOYMENT, seen.deployment.is_some()),
        (BUDGET, seen.disruption_budget.is_some()),
        (AUTOSCALER, seen.autoscaler.is_some()),
    ];
    for (kind, there) in there {
        if !there {
            applied.forget(job.uid, Some(kind));
        }
    }
    if autoscaler.is_none() && (seen.autoscaler.is_some() || autoscaler_made) {
        remove::<HorizontalPodAutoscaler>(client, applied, job, AUTOSCALER, &names.scaler).await?;
    }
    let kedas = job.status.scaling_mode == Some(ScalingMode::Keda) || applied.knows(job.uid, SCALED_OBJECT);
    if scaled_object.is_none() && kedas && !remove_scaled_object(client, applied, job, &names.scaler).await? {
        return Ok(Progress::WaitingForKeda);
    }
    match deployment {
        Some(deployment) => {
            if seen.deployment.is_none() {
                create_with_none(client, job, &deployment).await?;
            }
            one(client, applied, job, DEPLOYMENT, deployment).await?;
        }
        None if seen.deployment.is_some() => {
            remove::<Deployment>(client, applied, job, DEPLOYMENT, &names.workers).await?;
        }
        None => {}
    }
    match disruption_budget {
        Some(budget) => one(client, applied, job, BUDGET, budget).await?,
        None if seen.disruption_budget.is_some() || budget_made => {
            remove::<PodDisruptionBudget>(client, applied, job, BUDGET, &names.disruption_budget).await?;
        }
        None => {}
    }
    if let Some(autoscaler) = autoscaler {
        one(client, applied, job, AUTOSCALER, autoscaler).await?;
    }
    if let Some(scaled_object) = scaled_object {
        one(client, applied, job, SCALED_OBJECT, scaled_object).await?;
    }
    Ok(Progress::Done)
}

/// Deletes the ScaledObject; true once it is gone. KEDA's finalizer holds it until KEDA has let go of the Deployment; a KEDA
/// that is away does not hold us up for ever.
async fn remove_scaled_object(client: &Client, applied: &Applied, job: &Valid, name: &str) -> Result<bool, ApplyError> {
    remove::<ScaledObject>(client, applied, job, SCALED_OBJECT, name).await?;
    let api = Api::<ScaledObject>::namespaced(client.clone(), job.namespace.as_str());
    let deleted_at = match api.get_metadata(name).await {
        Ok(left) => left.metadata.deletion_timestamp,
        Err(error) if is_absent(&error) => None,
        Err(source) => {
            return Err(ApplyError { action: "read", kind: SCALED_OBJECT, name: name.to_owned(), source });
        }
    };
    Ok(deleted_at.is_none_or(|at| {
        let waited = jiff::Timestamp::now().as_second() - at.0.as_second();
        waited > KEDA_PATIENCE
    }))
}

/// A Deployment begins with no replicas, owned by whoever scales: applied without a number it would begin with one.
async fn create_with_none(client: &Client, job: &Valid, deployment: &Deployment) -> Result<(), ApplyError> {
    let params = PostParams { field_manager: Some(SCALE_MANAGER.to_owned()), ..PostParams::default() };
    let api = Api::<Deployment>::namespaced(client.clone(), job.namespace.as_str());
    match api.create(&params, &bare(deployment)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(source) => Err(ApplyError { action: "create", kind: DEPLOYMENT, name: deployment.name_any(), source }),
    }
}

/// No more than a Deployment cannot be without: whoever scales would own the rest, too, and what a changed job leaves out
/// would stay.
fn bare(deployment: &Deployment) -> Deployment {
    let whole = deployment.spec.clone().unwrap_or_default();
    let containers = whole.template.spec.into_iter().flat_map(|pod| pod.containers);
    let container = |whole: Container| Container { name: whole.name, image: whole.image, ..Container::default() };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: whole.selector.match_labels.clone(), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: containers.map(container).collect(), ..PodSpec::default() }),
    };
    Deployment {
        metadata: deployment.metadata.clone(),
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: whole.selector,
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

async fn one<K>(
    client: &Client,
    applied: &Applied,
    job: &Valid,
    kind: &'static str,
    object: K,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let name = object.name_any();
    let hash: [u8; 32] = Sha256::digest(serde_json::to_vec(&object).unwrap_or_default()).into();
    if !applied.is_news(job.uid, kind, hash) {
        return Ok(());
    }
    let api = Api::<K>::namespaced(client.clone(), job.namespace.as_str());
    let params = PatchParams::apply(OPERATOR).force();
    api.patch(&name, &params, &Patch::Apply(&object)).await.map_err(|source| ApplyError {
        action: "apply",
        kind,
        name,
        source,
    })?;
    applied.note(job.uid, kind, hash);
    Ok(())
}

async fn remove<K>(
    client: &Client,
    applied: &Applied,
    job: &Valid,
    kind: &'static str,
    name: &str,
) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
{
    applied.forget(job.uid, Some(kind));
    delete_if_there::<K>(client, job.namespace.as_str(), name).await.map_err(|source| ApplyError {
        action: "delete",
        kind,
        name: name.to_owned(),
        source,
    })
}

/// Deletes an object that may be gone, as its type may be.
pub(crate) async fn delete_if_there<K>(client: &Client, namespace: &str, name: &str) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
{
    // The answer may be the object: one whose spec we cannot read is deleted all the same.
    let api = Api::<PartialObjectMeta<K>>::namespaced(client.clone(), namespace);
    if_there(api.delete(name, &DeleteParams::background()).await)
}

/// That there was nothing to change is no failure.
pub(crate) fn if_there<T>(answer: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match answer {
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The object is not there, or its type is not: that is told by a plain text, which the client takes for a failure of another kind.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
