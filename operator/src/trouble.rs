//! Why a job's pods do not run, with the reason that conditions carry. Pure.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ContainerStatus, Pod},
};
use vaultstream_api::Reason;

use crate::dependencies::Fault;

/// What the kubelet, the worker itself or the scheduler says about a pod that does not run.
pub(crate) fn of_pod(pod: &Pod) -> Option<Fault> {
    let status = pod.status.as_ref()?;
    if let Some(fault) = status.container_statuses.iter().flatten().find_map(of_container) {
        return Some(fault);
    }
    let scheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
    if scheduled.is_some_and(|condition| condition.reason.as_deref() == Some("Unschedulable")) {
        return Some(Fault::new(Reason::Unschedulable, "no node has room for another worker, or none may take it"));
    }
    None
}

fn of_container(container: &ContainerStatus) -> Option<Fault> {
    if container.ready {
        return None;
    }
    let state = container.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref()).and_then(|waiting| waiting.reason.as_deref());
    if let Some("ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull") = waiting {
        return Some(Fault::new(Reason::ImagePull, format!("the image {} cannot be pulled", container.image)));
    }
    let last = container.last_state.as_ref();
    let ended = [state, last].into_iter().flatten().find_map(|state| state.terminated.as_ref());
    let told = ended.filter(|ended| ended.exit_code != 0).and_then(|ended| ended.message.as_deref());
    match told.map(|told| (told, told.split_once(": "))) {
        Some((told, named)) => {
            let named = named.and_then(|(reason, why)| Some((reason.parse().ok()?, why)));
            let (reason, why) = named.unwrap_or((Reason::CrashLoop, told));
            Some(Fault::new(reason, format!("a worker ended: {why}")))
        }
        None if waiting == Some("CrashLoopBackOff") => {
            Some(Fault::new(Reason::CrashLoop, "workers start and end again and again: see the log of one"))
        }
        None => None,
    }
}

/// Pods that were not even made.
pub(crate) fn of_deployment(deployment: &Deployment) -> Option<Fault> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure =
        conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let message = failure.message.clone().unwrap_or_default();
    let quota = message.contains("exceeded quota") || message.contains("LimitRange");
    let reason = if quota { Reason::Quota } else { Reason::PodsRefused };
    Some(Fault::new(reason, "the namespace refuses another worker: see the Events of its ReplicaSet"))
}
