//! The PodDisruptionBudget: a drain may evict half of the workers at a time.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use vaultstream_api::{ChildNames, names::selector_labels};

use crate::job::{build::common::metadata, validate::ValidJob};

pub(super) fn budget(job: &ValidJob) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(job, ChildNames::of(&job.name).disruption_budget),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::String("50%".to_owned())),
            selector: Some(LabelSelector {
                match_labels: Some(selector_labels(&job.name)),
                ..LabelSelector::default()
            }),
            // A worker that is not ready holds no work that an eviction could interrupt.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
