//! Why a job's pods do not run, with the reason that conditions carry. Pure.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ContainerStatus, Pod},
};
use vaultstream_api::Reason;

use crate::fault::ConditionFault;

/// Why a pod does not run, as the kubelet, the worker itself or the scheduler reports.
pub(crate) fn of_pod(pod: &Pod) -> Option<ConditionFault> {
    let status = pod.status.as_ref()?;
    if let Some(fault) = status.container_statuses.iter().flatten().find_map(of_container) {
        return Some(fault);
    }
    let scheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
    if scheduled.is_some_and(|condition| condition.reason.as_deref() == Some("Unschedulable")) {
        return Some(ConditionFault::new(
            Reason::Unschedulable,
            "no node has room for another worker, or is allowed to run it",
        ));
    }
    None
}

fn of_container(container: &ContainerStatus) -> Option<ConditionFault> {
    if container.ready {
        return None;
    }
    let state = container.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref()).and_then(|waiting| waiting.reason.as_deref());
    if let Some("ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull") = waiting {
        return Some(ConditionFault::new(Reason::ImagePull, format!("the image {} cannot be pulled", container.image)));
    }
    let last = container.last_state.as_ref();
    let ended = [state, last].into_iter().flatten().find_map(|state| state.terminated.as_ref());
    if ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled")) {
        let why = "a worker used more memory than spec.workers.template.resources.limits allows, and was killed";
        return Some(ConditionFault::new(Reason::CrashLoop, why));
    }
    let message = ended.filter(|ended| ended.exit_code != 0).and_then(|ended| ended.message.as_deref());
    match message.map(|message| (message, message.split_once(": "))) {
        Some((message, named)) => {
            let named = named.and_then(|(reason, why)| Some((reason.parse().ok()?, why)));
            let (reason, why) = named.unwrap_or((Reason::CrashLoop, message));
            Some(ConditionFault::new(reason, format!("a worker stopped: {why}")))
        }
        None if waiting == Some("CrashLoopBackOff") => {
            Some(ConditionFault::new(Reason::CrashLoop, "workers keep crashing: see the log of one"))
        }
        None => None,
    }
}

/// Why pods were not created.
pub(crate) fn of_deployment(deployment: &Deployment) -> Option<ConditionFault> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure =
        conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let message = failure.message.clone().unwrap_or_default();
    // Messages of the API server's admission plugins: ResourceQuota, and LimitRange ("maximum memory usage per Container").
    let quota = message.contains("exceeded quota") || message.contains(" usage per ");
    let reason = if quota { Reason::Quota } else { Reason::PodsRefused };
    Some(ConditionFault::new(reason, "the namespace refuses another worker: see the Events of its ReplicaSet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::from_yaml;

    /// The reason of a pod whose only container has that status.
    fn of_status(container: &str) -> Option<ConditionFault> {
        let yaml = format!("{{status: {{containerStatuses: [{container}]}}}}");
        of_pod(&from_yaml(&yaml))
    }

    /// A container that is not ready, with these states.
    fn with_states(states: &str) -> Option<ConditionFault> {
        of_status(&format!(
            "{{name: worker, image: registry/worker, imageID: '', ready: false, restartCount: 1, {states}}}"
        ))
    }

    fn reason(fault: Option<ConditionFault>) -> Option<Reason> {
        fault.map(|fault| fault.reason)
    }

    fn ended(exit_code: i32, message: &str) -> Option<ConditionFault> {
        with_states(&format!("lastState: {{terminated: {{exitCode: {exit_code}, message: '{message}'}}}}"))
    }

    #[test]
    fn a_termination_message_names_the_reason_and_without_one_it_is_a_crash_loop() {
        let named = ended(1, "WrongKek: another key").unwrap();
        assert_eq!((named.reason, named.message.as_str()), (Reason::WrongKek, "a worker stopped: another key"));
        let other = ended(1, "no reason: at all").unwrap();
        assert_eq!((other.reason, other.message.as_str()), (Reason::CrashLoop, "a worker stopped: no reason: at all"));
        assert_eq!(reason(ended(1, "without a colon")), Some(Reason::CrashLoop));
        assert_eq!(reason(ended(0, "bye")), None);
        let now = "state: {terminated: {exitCode: 1, message: 'WrongKek: now'}}, lastState: {terminated: {exitCode: 1, message: 'CrashLoop: before'}}";
        assert_eq!(reason(with_states(now)), Some(Reason::WrongKek), "the present end is newer than the last one");
    }

    #[test]
    fn a_worker_that_is_ready_has_no_fault_whatever_happened_before() {
        let before = "lastState: {terminated: {exitCode: 1, message: 'WrongKek: before'}}";
        let ready = format!("{{name: worker, image: x, imageID: '', ready: true, restartCount: 1, {before}}}");
        assert_eq!(of_status(&ready), None);
        assert_eq!(with_states("state: {running: {}}"), None, "it is starting");
    }

    #[test]
    fn a_worker_that_ran_out_of_memory_is_reported_as_that() {
        let fault = with_states("lastState: {terminated: {exitCode: 137, reason: OOMKilled}}").unwrap();
        assert_eq!(fault.reason, Reason::CrashLoop);
        assert!(fault.message.contains("memory"), "{}", fault.message);
    }

    #[test]
    fn what_a_container_waits_for_is_reported() {
        let waiting = |reason: &str| with_states(&format!("state: {{waiting: {{reason: {reason}}}}}"));
        for pull in ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"] {
            let fault = waiting(pull).unwrap();
            assert_eq!(fault.reason, Reason::ImagePull);
            assert!(fault.message.contains("registry/worker"), "{}", fault.message);
        }
        assert_eq!(reason(waiting("CrashLoopBackOff")), Some(Reason::CrashLoop));
        assert_eq!(waiting("ContainerCreating"), None);
    }

    #[test]
    fn a_pod_without_a_node_is_unschedulable() {
        let pod = |condition: &str| of_pod(&from_yaml(&format!("{{status: {{conditions: [{condition}]}}}}")));
        let refused = "{type: PodScheduled, status: 'False', reason: Unschedulable}";
        assert_eq!(reason(pod(refused)), Some(Reason::Unschedulable));
        assert_eq!(pod("{type: PodScheduled, status: 'False', reason: SchedulingGated}"), None);
        assert_eq!(pod("{type: Ready, status: 'False', reason: Unschedulable}"), None);
        assert_eq!(of_pod(&Pod::default()), None);
    }

    #[test]
    fn pods_that_were_not_created_are_over_quota_or_refused() {
        let deployment = |status: &str, message: &str| {
            let condition = format!("{{type: ReplicaFailure, status: '{status}', message: '{message}'}}");
            reason(of_deployment(&from_yaml(&format!("{{status: {{conditions: [{condition}]}}}}"))))
        };
        assert_eq!(deployment("True", "forbidden: exceeded quota: pods"), Some(Reason::Quota));
        assert_eq!(deployment("True", "maximum memory usage per Container is 1Mi"), Some(Reason::Quota));
        assert_eq!(deployment("True", "violates PodSecurity"), Some(Reason::PodsRefused));
        assert_eq!(deployment("False", "exceeded quota"), None);
        assert_eq!(of_deployment(&Deployment::default()), None);
    }
}
