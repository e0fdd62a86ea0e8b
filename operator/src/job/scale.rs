//! The number of workers, written through `/scale`.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use vaultstream_api::ChildNames;

use crate::job::{children::ObservedChildren, validate::ValidJob};

/// The field manager that owns the number of workers.
pub(crate) const SCALE_MANAGER: &str = "vaultstream-scale";

/// The number could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to scale the workers")]
pub(crate) struct ScaleError(#[from] pub(crate) kube::Error);

/// Writes `replicas`, if there is a number to write and the Deployment has another one. Returns whether it was written.
pub(crate) async fn write(
    client: &Client,
    job: &ValidJob,
    observed: &ObservedChildren,
    replicas: Option<u32>,
) -> Result<bool, ScaleError> {
    let present = observed.replicas();
    let Some(replicas) = replicas.filter(|replicas| observed.deployment.is_some() && present != Some(*replicas)) else {
        return Ok(false);
    };
    vaultstream_faults::point("scale-decided");
    let api = Api::<Deployment>::namespaced(client.clone(), job.namespace.as_str());
    let params = PatchParams { field_manager: Some(SCALE_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(serde_json::json!({"spec": {"replicas": replicas}}));
    match api.patch_scale(&ChildNames::of(&job.name).workers, &params, &patch).await {
        Ok(_) => {
            tracing::info!(
                namespace = job.namespace.as_str(),
                job = job.name.as_str(),
                from = present,
                to = replicas,
                "workers"
            );
            Ok(true)
        }
        // Just deleted. The next reconcile sees it.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
