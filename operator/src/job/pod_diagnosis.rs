//! Why a job's pods do not run, with the reason that conditions carry. Pure.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ContainerStatus, Pod},
};
use vaultstream_api::Reason;

use crate::fault::Fault;

/// Why a pod does not run, as the kubelet, the worker itself or the scheduler reports.
pub(crate) fn of_pod(pod: &Pod) -> Option<Fault> {
    let status = pod.status.as_ref()?;
    if let Some(fault) = status.container_statuses.iter().flatten().find_map(of_container) {
        return Some(fault);
    }
    let scheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
    if scheduled.is_some_and(|condition| condition.reason.as_deref() == Some("Unschedulable")) {
        return Some(Fault::new(Reason::Unschedulable, "no node has room for another worker, or is allowed to run it"));
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
    if ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled")) {
        let why = "a worker used more memory than spec.workers.template.resources.limits allows, and was killed";
        return Some(Fault::new(Reason::CrashLoop, why));
    }
    let message = ended.filter(|ended| ended.exit_code != 0).and_then(|ended| ended.message.as_deref());
    match message.map(|message| (message, message.split_once(": "))) {
        Some((message, named)) => {
            let named = named.and_then(|(reason, why)| Some((reason.parse().ok()?, why)));
            let (reason, why) = named.unwrap_or((Reason::CrashLoop, message));
            Some(Fault::new(reason, format!("a worker stopped: {why}")))
        }
        None if waiting == Some("CrashLoopBackOff") => {
            Some(Fault::new(Reason::CrashLoop, "workers keep crashing: see the log of one"))
        }
        None => None,
    }
}

/// Why pods were not created.
pub(crate) fn of_deployment(deployment: &Deployment) -> Option<Fault> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure =
        conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let message = failure.message.clone().unwrap_or_default();
    // Messages of the API server's admission plugins: ResourceQuota, and LimitRange ("maximum memory usage per Container").
    let quota = message.contains("exceeded quota") || message.contains(" usage per ");
    let reason = if quota { Reason::Quota } else { Reason::PodsRefused };
    Some(Fault::new(reason, "the namespace refuses another worker: see the Events of its ReplicaSet"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated};

    use super::*;

    fn ended(exit_code: i32, reason: &str, message: Option<&str>) -> ContainerStatus {
        let terminated = ContainerStateTerminated {
            exit_code,
            reason: Some(reason.to_owned()),
            message: message.map(str::to_owned),
            ..ContainerStateTerminated::default()
        };
        let last_state = Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
        ContainerStatus { last_state, ..ContainerStatus::default() }
    }

    #[test]
    fn a_termination_message_names_the_reason_and_without_one_it_is_a_crash_loop() {
        let reason = |status: &ContainerStatus| of_container(status).map(|fault| fault.reason);
        assert_eq!(reason(&ended(1, "Error", Some("WrongKek: another key"))), Some(Reason::WrongKek));
        assert_eq!(reason(&ended(1, "Error", Some("no reason: at all"))), Some(Reason::CrashLoop));
        assert_eq!(reason(&ended(0, "Completed", Some("bye"))), None);
        assert_eq!(reason(&ContainerStatus { ready: true, ..ended(1, "Error", Some("WrongKek: before")) }), None);
    }

    #[test]
    fn a_worker_that_ran_out_of_memory_is_reported_as_that() {
        let fault = of_container(&ended(137, "OOMKilled", None)).unwrap();
        assert_eq!(fault.reason, Reason::CrashLoop);
        assert!(fault.message.contains("memory"), "{}", fault.message);
    }
}
