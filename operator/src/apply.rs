//! Children as they shall be: server-side apply for what is wanted, deletion for what is not. Nothing is written when nothing
//! differs.

use std::{collections::HashMap, sync::Mutex};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{apps::v1::Deployment, policy::v1::PodDisruptionBudget},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vaultstream_api::ChildNames;

use crate::{build::Children, dereference::Seen, validate::Valid};

/// Who owns the fields of children.
const MANAGER: &str = "vaultstream-operator";
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

/// What was applied last, by hash: an unchanged wish costs no request.
#[derive(Default)]
pub(crate) struct Applied(Mutex<HashMap<(Uuid, &'static str), [u8; 32]>>);

impl Applied {
    fn is_news(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) -> bool {
        self.0.lock().map_or(true, |known| known.get(&(uid, kind)) != Some(&hash))
    }

    fn note(&self, uid: Uuid, kind: &'static str, hash: [u8; 32]) {
        if let Ok(mut known) = self.0.lock() {
            known.insert((uid, kind), hash);
        }
    }

    /// Forgets a job, or a child of it that is gone.
    pub(crate) fn forget(&self, uid: Uuid, kind: Option<&'static str>) {
        if let Ok(mut known) = self.0.lock() {
            known.retain(|(of, child), _| *of != uid || kind.is_some_and(|kind| *child != kind));
        }
    }
}

/// Makes the children so. `seen` tells what is there already.
pub(crate) async fn apply(
    client: &Client,
    applied: &Applied,
    job: &Valid,
    wanted: Children,
    seen: &Seen,
) -> Result<(), ApplyError> {
    let names = ChildNames::of(&job.name);
    let Children { deployment, disruption_budget } = wanted;
    if seen.deployment.is_none() {
        applied.forget(job.uid, Some("Deployment"));
    }
    match deployment {
        Some(deployment) => {
            if seen.deployment.is_none() {
                create_with_none(client, job, &deployment).await?;
            }
            one(client, applied, job, "Deployment", deployment).await?;
        }
        None if seen.deployment.is_some() => {
            remove::<Deployment>(client, applied, job, "Deployment", &names.workers).await?;
        }
        None => {}
    }
    match disruption_budget {
        Some(budget) => one(client, applied, job, "PodDisruptionBudget", budget).await,
        None if seen.deployment.is_some() => {
            remove::<PodDisruptionBudget>(client, applied, job, "PodDisruptionBudget", &names.disruption_budget).await
        }
        None => Ok(()),
    }
}

/// A Deployment begins with no replicas, owned by whoever scales: applied without a number it would begin with one.
async fn create_with_none(client: &Client, job: &Valid, deployment: &Deployment) -> Result<(), ApplyError> {
    let mut first = deployment.clone();
    if let Some(spec) = &mut first.spec {
        spec.replicas = Some(0);
    }
    let params = PostParams { field_manager: Some(SCALE_MANAGER.to_owned()), ..PostParams::default() };
    match Api::<Deployment>::namespaced(client.clone(), job.namespace.as_str()).create(&params, &first).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(source) => Err(ApplyError { action: "create", kind: "Deployment", name: deployment.name_any(), source }),
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
    let params = PatchParams::apply(MANAGER).force();
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
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + std::fmt::Debug,
{
    applied.forget(job.uid, Some(kind));
    let api = Api::<K>::namespaced(client.clone(), job.namespace.as_str());
    match api.delete(name, &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(source) => Err(ApplyError { action: "delete", kind, name: name.to_owned(), source }),
    }
}
