//! What the pods of all workers get, whatever their SigningJob says, and the defaults that it may override.

use std::str::FromStr;

use k8s_openapi::api::core::v1::{EnvVar, PodSecurityContext, SecurityContext, Volume, VolumeMount};
use serde::Deserialize;
use vaultstream_api::WorkerTemplate;

/// Volumes of the operator's own.
pub(crate) const CONNECTION: &str = "connection";
pub(crate) const KEY_SERVICE: &str = "key-service";
pub(crate) const KMS_PLUGIN: &str = "kms-plugin";

/// What cannot be given to workers.
#[derive(Debug, thiserror::Error)]
pub enum WorkerPodsError {
    /// Not JSON, or another field.
    #[error("cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A volume of the operator's own.
    #[error("a volume must have another name than {0}, which is the operator's")]
    OwnVolume(String),
    /// A mount of nothing.
    #[error("{0} is mounted, and there is no such volume")]
    NoVolume(String),
}

/// What the pods of all workers get.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkerPods {
    /// Their account. None is that of the namespace.
    pub(crate) service_account_name: Option<String>,
    pub(crate) image_pull_policy: Option<String>,
    /// Instead of the operator's own ones.
    pub(crate) pod_security_context: Option<PodSecurityContext>,
    pub(crate) security_context: Option<SecurityContext>,
    /// Besides the operator's own, and instead of one that has the same name.
    pub(crate) env: Vec<EnvVar>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) volume_mounts: Vec<VolumeMount>,
    /// For `spec.workers.template` of every SigningJob.
    pub(crate) defaults: WorkerTemplate,
}

impl FromStr for WorkerPods {
    type Err = WorkerPodsError;

    fn from_str(text: &str) -> Result<Self, WorkerPodsError> {
        let pods: Self = serde_json::from_str(text)?;
        let own = |name: &str| [CONNECTION, KEY_SERVICE, KMS_PLUGIN].contains(&name);
        if let Some(taken) = pods.volumes.iter().find(|volume| own(&volume.name)) {
            return Err(WorkerPodsError::OwnVolume(taken.name.clone()));
        }
        let is_there = |name: &str| pods.volumes.iter().any(|volume| volume.name == name);
        if let Some(mount) = pods.volume_mounts.iter().find(|mount| !is_there(&mount.name)) {
            return Err(WorkerPodsError::NoVolume(mount.name.clone()));
        }
        Ok(pods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<WorkerPods>().unwrap_err().to_string()
    }

    #[test]
    fn what_workers_cannot_get_is_refused_by_name() {
        assert!(refusal("{\"serviceAccount\": \"x\"}").contains("serviceAccount"));
        assert!(refusal("{\"volumes\": [{\"name\": \"kms-plugin\"}]}").contains("kms-plugin"));
        assert!(refusal("{\"volumeMounts\": [{\"name\": \"ca\", \"mountPath\": \"/ca\"}]}").contains("no such volume"));
    }

    #[test]
    fn nothing_is_given_by_default() {
        assert_eq!("{}".parse::<WorkerPods>().unwrap(), WorkerPods::default());
    }
}
