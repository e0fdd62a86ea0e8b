//! The number of workers, written through `/scale`.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use vaultstream_api::ChildNames;

use crate::{apply::SCALE_MANAGER, dereference::Seen, validate::Valid};

/// The number could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to scale the workers")]
pub(crate) struct ScaleError(#[from] pub(crate) kube::Error);

/// Writes the number, where one is to be written, unless it is there already. True when it was written.
pub(crate) async fn write(
    client: &Client,
    job: &Valid,
    seen: &Seen,
    replicas: Option<u32>,
) -> Result<bool, ScaleError> {
    let present = seen.replicas();
    let Some(replicas) = replicas.filter(|replicas| seen.deployment.is_some() && present != Some(*replicas)) else {
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
        // Just deleted: the next look tells.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
