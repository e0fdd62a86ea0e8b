//! The children that a job is to have. Pure: no client, no clock.

mod autoscaler;
mod common;
mod deployment;
mod disruption;
mod scaled_object;

use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget,
};

pub(crate) use scaled_object::ScaledObject;

use crate::{job::validate::ValidJob, scaling::scaler_selection::Scaler};

/// The children that are to exist. One that is `None` is to be deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DesiredChildren {
    pub(crate) deployment: Option<Deployment>,
    pub(crate) disruption_budget: Option<PodDisruptionBudget>,
    pub(crate) autoscaler: Option<HorizontalPodAutoscaler>,
    pub(crate) scaled_object: Option<ScaledObject>,
}

/// The workers that a job is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staffing<'a> {
    pub(crate) image: &'a str,
    pub(crate) scaler: Scaler,
    /// The most workers that the job may have beside other jobs.
    pub(crate) max_workers: u32,
    /// Where KEDA reaches the operator.
    pub(crate) scaling_url: Option<&'a str>,
}

/// The children of a job that signs.
pub(crate) fn children(job: &ValidJob, staffing: &Staffing<'_>) -> DesiredChildren {
    let Staffing { image, scaler, max_workers, scaling_url } = *staffing;
    // A scaler never goes below one worker. When the job may have none, there is no scaler.
    let scaler = if max_workers == 0 { Scaler::Direct } else { scaler };
    let url = scaling_url.filter(|_| scaler == Scaler::Keda);
    DesiredChildren {
        deployment: Some(deployment::workers(job, image)),
        disruption_budget: (job.spec.workers.max_replicas > 1).then(|| disruption::budget(job)),
        autoscaler: (scaler == Scaler::Hpa).then(|| autoscaler::autoscaler(job, max_workers)),
        scaled_object: url.map(|url| scaled_object::scaled_object(job, url, max_workers)),
    }
}
