//! The objects a job needs just now. Pure: no client, no clock.

mod autoscaler;
mod deployment;
mod disruption;
mod scaled_object;

use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget,
};
use kube::api::ObjectMeta;
use vaultstream_api::names::child_labels;

pub(crate) use scaled_object::ScaledObject;

use crate::{scaling::choice::Scaler, validate::Valid};

/// What shall be there; what is none shall not be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Children {
    pub(crate) deployment: Option<Deployment>,
    pub(crate) disruption_budget: Option<PodDisruptionBudget>,
    pub(crate) autoscaler: Option<HorizontalPodAutoscaler>,
    pub(crate) scaled_object: Option<ScaledObject>,
}

/// How a job at work is to be staffed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staffing<'a> {
    pub(crate) image: &'a str,
    pub(crate) scaler: Scaler,
    /// Most workers it may have, as things are with other jobs.
    pub(crate) most: u32,
    /// Where KEDA reaches the operator.
    pub(crate) scaling_url: Option<&'a str>,
}

/// The children of a job that is at work.
pub(crate) fn children(job: &Valid, staffing: &Staffing<'_>) -> Children {
    let Staffing { image, scaler, most, scaling_url } = *staffing;
    // A scaler never goes below one worker: where there is room for none, it has to wait.
    let scaler = if most == 0 { Scaler::Direct } else { scaler };
    let url = scaling_url.filter(|_| scaler == Scaler::Keda);
    Children {
        deployment: Some(deployment::workers(job, image)),
        disruption_budget: (job.spec.workers.max_replicas > 1).then(|| disruption::budget(job)),
        autoscaler: (scaler == Scaler::Hpa).then(|| autoscaler::autoscaler(job, most)),
        scaled_object: url.map(|url| scaled_object::scaled_object(job, url, most)),
    }
}

/// Fewest and most workers that a scaler may ask for.
fn bounds(job: &Valid, most: u32) -> (i32, i32) {
    let most = job.spec.workers.max_replicas.min(most).max(1);
    let least = job.spec.workers.min_replicas.clamp(1, most);
    let signed = |number| i32::try_from(number).unwrap_or(i32::MAX);
    (signed(least), signed(most))
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
