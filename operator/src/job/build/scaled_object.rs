//! The ScaledObject, by which KEDA follows a job's backlog through our read-only port. It has no `fallback`: while KEDA cannot
//! read the backlog, the number of workers is kept.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use vaultstream_api::ChildNames;

use crate::{
    job::{
        build::common::{bounds, metadata},
        validate::ValidJob,
    },
    scaling::keda,
};

/// The fields of KEDA's ScaledObject that the operator sets, as [KEDA documents
/// it](https://keda.sh/docs/latest/reference/scaledobject-spec/).
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
    scale_target_ref: ScaleTarget,
    /// In seconds.
    polling_interval: u32,
    min_replica_count: i32,
    max_replica_count: i32,
    triggers: Vec<Trigger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    advanced: Option<Advanced>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ScaleTarget {
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

/// `url` is the address of our port, as KEDA reaches it. `max_workers` bounds maxReplicaCount.
pub(super) fn scaled_object(job: &ValidJob, url: &str, max_workers: u32) -> ScaledObject {
    let names = ChildNames::of(&job.name);
    let (min, max) = bounds(job, max_workers);
    let pairs = [
        ("url", format!("{}{}", url.trim_end_matches('/'), keda::path(job.namespace.as_str(), job.name.as_str()))),
        ("valueLocation", keda::FIELD.to_owned()),
        ("targetValue", "1".to_owned()),
    ];
    let behavior = job.spec.autoscaling.behavior.clone();
    ScaledObject {
        metadata: metadata(job, names.scaler),
        spec: ScaledObjectSpec {
            scale_target_ref: ScaleTarget { name: names.workers },
            polling_interval: 5,
            min_replica_count: min,
            max_replica_count: max,
            triggers: vec![Trigger {
                kind: "metrics-api".to_owned(),
                metadata: pairs.map(|(key, value)| (key.to_owned(), value)).into(),
            }],
            advanced: behavior
                .map(|behavior| Advanced { horizontal_pod_autoscaler_config: AutoscalerConfig { behavior } }),
        },
    }
}
