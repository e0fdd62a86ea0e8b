//! The ScaledObject that lets KEDA follow a job's backlog through our read-only port. Without a `fallback`: what KEDA cannot
//! read changes no number of workers.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use vaultstream_api::ChildNames;

use super::metadata;
use crate::{scaling::keda, validate::Valid};

/// What we set of KEDA's ScaledObject, as [KEDA documents it](https://keda.sh/docs/latest/reference/scaledobject-spec/).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource)]
#[kube(
    group = "keda.sh",
    version = "v1alpha1",
    kind = "ScaledObject",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScaledObjectSpec {
    scale_target_ref: Target,
    /// Seconds between two questions.
    polling_interval: u32,
    min_replica_count: i32,
    max_replica_count: i32,
    triggers: Vec<Trigger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    advanced: Option<Advanced>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    #[serde(rename = "type")]
    kind: String,
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advanced {
    horizontal_pod_autoscaler_config: AutoscalerConfig,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AutoscalerConfig {
    behavior: HorizontalPodAutoscalerBehavior,
}

/// `url` is where KEDA reaches our port.
pub(super) fn scaled_object(job: &Valid, url: &str, most: u32) -> ScaledObject {
    let names = ChildNames::of(&job.name);
    let (least, most) = super::bounds(job, most);
    let pairs = [
        ("url", format!("{}{}", url.trim_end_matches('/'), keda::path(job.namespace.as_str(), job.name.as_str()))),
        ("valueLocation", keda::FIELD.to_owned()),
        ("targetValue", "1".to_owned()),
    ];
    let behavior = job.spec.autoscaling.behavior.clone();
    ScaledObject {
        metadata: metadata(job, names.scaler),
        spec: ScaledObjectSpec {
            scale_target_ref: Target { name: names.workers },
            polling_interval: 5,
            min_replica_count: least,
            max_replica_count: most,
            triggers: vec![Trigger {
                kind: "metrics-api".to_owned(),
                metadata: pairs.map(|(key, value)| (key.to_owned(), value)).into(),
            }],
            advanced: behavior
                .map(|behavior| Advanced { horizontal_pod_autoscaler_config: AutoscalerConfig { behavior } }),
        },
    }
}
