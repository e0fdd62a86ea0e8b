//! Events of a SigningJob: what is announced, and how.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Resource,
    runtime::events::{Event, EventType, Recorder},
};
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob, SigningJobStatus};

use crate::fault::ConditionFault;

/// The longest note, in characters: the API takes 1,024 bytes.
const NOTE_LIMIT: usize = 900;

/// Publishes an Event. A failure is logged and nothing else: Events are no part of the job.
pub(crate) async fn announce(recorder: &Recorder, job: &SigningJob, type_: EventType, reason: &str, note: &str) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note.chars().take(NOTE_LIMIT).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &job.object_ref(&())).await {
        tracing::debug!(%error, "an Event was refused");
    }
}

/// The phase, if it is new. Pending is not announced: every job begins with it.
pub(crate) fn new_phase(old: &SigningJobStatus, new: &SigningJobStatus) -> Option<Phase> {
    new.phase.filter(|phase| old.phase != Some(*phase) && *phase != Phase::Pending)
}

/// The fault that these conditions show, if it is new. The first condition with one counts.
pub(crate) fn new_fault(
    old: &SigningJobStatus,
    new: &SigningJobStatus,
    types: &[ConditionType],
) -> Option<ConditionFault> {
    fault(new, types).filter(|new| fault(old, types).as_ref() != Some(new))
}

fn fault(status: &SigningJobStatus, types: &[ConditionType]) -> Option<ConditionFault> {
    types.iter().find_map(|type_| {
        let condition = condition(status, *type_)?;
        let reason: Reason = condition.reason.parse().ok()?;
        // Why a job failed is announced with the phase.
        let announced = reason.is_fault() && reason != Reason::TooManyRejects;
        announced.then(|| ConditionFault::new(reason, condition.message.clone()))
    })
}

/// The condition of this type.
pub(crate) fn condition(status: &SigningJobStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::from_yaml;

    fn status(phase: &str, ready: &str, message: &str) -> SigningJobStatus {
        from_yaml(&format!(
            "{{phase: {phase}, conditions: [{{type: Ready, status: 'False', reason: {ready}, message: '{message}', \
             lastTransitionTime: '2026-01-01T00:00:00Z'}}]}}"
        ))
    }

    #[test]
    fn a_phase_is_announced_when_it_is_new_and_not_pending() {
        let phase = |old: &str, new: &str| {
            new_phase(&status(old, "Progressing", ""), &status(new, "Progressing", "")).map(Phase::as_str)
        };
        assert_eq!(phase("Seeding", "Signing"), Some("Signing"));
        assert_eq!(phase("Signing", "Signing"), None);
        assert_eq!(phase("Suspended", "Pending"), None);
        assert_eq!(new_phase(&SigningJobStatus::default(), &SigningJobStatus::default()), None);
    }

    #[test]
    fn a_fault_is_announced_when_its_reason_or_message_is_new() {
        let fault = |old: (&str, &str), new: (&str, &str)| {
            new_fault(&status("Signing", old.0, old.1), &status("Signing", new.0, new.1), &[ConditionType::Ready])
                .map(|fault| fault.reason)
        };
        let healthy = ("Progressing", "");
        assert_eq!(fault(healthy, ("LedgerUnavailable", "a")), Some(Reason::LedgerUnavailable));
        assert_eq!(fault(("LedgerUnavailable", "a"), ("LedgerUnavailable", "a")), None);
        assert_eq!(fault(("LedgerUnavailable", "a"), ("LedgerUnavailable", "b")), Some(Reason::LedgerUnavailable));
        assert_eq!(fault(("LedgerUnavailable", "a"), healthy), None);
        assert_eq!(fault(healthy, ("TooManyRejects", "a")), None, "announced with the phase");
    }

    #[test]
    fn of_several_faults_that_of_the_whole_job_is_announced() {
        let both = "{conditions: [
            {type: Scaling, status: Unknown, reason: ScalerUnavailable, message: a, lastTransitionTime: '2026-01-01T00:00:00Z'},
            {type: Ready, status: 'False', reason: LedgerUnavailable, message: b, lastTransitionTime: '2026-01-01T00:00:00Z'}]}";
        let fault =
            new_fault(&SigningJobStatus::default(), &from_yaml(both), &[ConditionType::Ready, ConditionType::Scaling])
                .unwrap();
        assert_eq!((fault.reason, fault.message.as_str()), (Reason::LedgerUnavailable, "b"));
    }
}
