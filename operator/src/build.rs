//! The objects a job needs just now. Pure: no client, no clock.

mod deployment;
mod disruption;

use k8s_openapi::api::{apps::v1::Deployment, policy::v1::PodDisruptionBudget};
use kube::api::ObjectMeta;
use vaultstream_api::names::child_labels;

use crate::validate::Valid;

/// What shall be there; what is none shall not be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Children {
    pub(crate) deployment: Option<Deployment>,
    pub(crate) disruption_budget: Option<PodDisruptionBudget>,
}

/// The children of a job that is at work; one that is not has none.
pub(crate) fn children(job: &Valid, image: &str, at_work: bool) -> Children {
    if !at_work {
        return Children::default();
    }
    Children {
        deployment: Some(deployment::workers(job, image)),
        disruption_budget: (job.spec.workers.max_replicas > 1).then(|| disruption::budget(job)),
    }
}

/// Name, labels and owner of a child.
fn metadata(job: &Valid, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(job.namespace.to_string()),
        labels: Some(child_labels(&job.name, &job.uid.to_string())),
        owner_references: Some(vec![job.owner.clone()]),
        ..ObjectMeta::default()
    }
}
