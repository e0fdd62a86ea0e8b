//! `spec.autoscaling`: what the number of workers follows.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel::optional_duration_between;
use crate::duration::GoDuration;
use crate::word::words;
use crate::{defaults, limits, pod};

/// What the number of workers follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = optional_duration_between("targetDrain", Autoscaling::SHORTEST_DRAIN, Autoscaling::LONGEST_DRAIN),
    validation = optional_duration_between("targetLag", Autoscaling::SHORTEST_LAG, Autoscaling::LONGEST_LAG),
)]
pub struct Autoscaling {
    /// What scales the workers. HPA: a HorizontalPodAutoscaler on the operator's external metrics. KEDA: a ScaledObject. Direct: the
    /// operator itself. Auto: the first of these that the cluster offers.
    #[serde(default)]
    pub mode: ScalingMode,

    /// Records of backlog for each worker.
    #[serde(default = "defaults::target_backlog")]
    #[schemars(range(min = 1, max = limits::MAX_TARGET_BACKLOG))]
    pub target_backlog: u64,

    /// When the backlog should be gone, counted from the start, 1s to 720h. If given it decides instead of targetBacklog
    /// as soon as the workers' rate was measured. With follow, which has no end, it is counted anew at each moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_drain: Option<GoDuration>,

    /// How old the oldest row may be that is not signed, 100ms to 24h and longer than follow.maxDelay. Workers are added while it is
    /// older, beside those for the backlog. Only with follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_lag: Option<GoDuration>,

    /// How fast to scale up and down; handed to the HorizontalPodAutoscaler or ScaledObject as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::scaling_behavior")]
    pub behavior: Option<HorizontalPodAutoscalerBehavior>,
}

impl Autoscaling {
    pub(crate) const SHORTEST_DRAIN: &'static str = "1s";
    pub(crate) const LONGEST_DRAIN: &'static str = "720h";
    pub(crate) const SHORTEST_LAG: &'static str = "100ms";
    pub(crate) const LONGEST_LAG: &'static str = "24h";
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self {
            mode: ScalingMode::default(),
            target_backlog: defaults::target_backlog(),
            target_drain: None,
            target_lag: None,
            behavior: None,
        }
    }
}

/// What scales the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ScalingMode {
    /// The first of the others that the cluster offers.
    #[default]
    Auto,
    /// A HorizontalPodAutoscaler.
    #[serde(rename = "HPA")]
    Hpa,
    /// A KEDA ScaledObject.
    #[serde(rename = "KEDA")]
    Keda,
    /// The operator.
    Direct,
}

words!(ScalingMode { Auto => "Auto", Hpa => "HPA", Keda => "KEDA", Direct => "Direct" });
