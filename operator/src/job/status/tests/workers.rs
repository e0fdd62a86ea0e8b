//! The condition WorkersAvailable.

use super::*;
use crate::fault::ConditionFault;

/// The change of the reason is what an Event is published for; it does not go away when the workers do.
#[test]
fn a_withdrawn_backend_is_the_reason_of_workers_available_to_the_end() {
    for (state, status) in [(JobState::Signing, "True"), (JobState::Complete, "False")] {
        let mut case = Case::new(snapshot(state));
        assert_ne!(find(&case.status(), ConditionType::WorkersAvailable).1, "BackendWithdrawn");
        case.snapshot.job.as_mut().unwrap().withdrawn = vec!["native: record 3".to_owned()];
        case.observed.ready = case.wanted;
        let computed = case.status();
        assert_eq!(find(&computed, ConditionType::WorkersAvailable), (status, "BackendWithdrawn"));
        let type_ = ConditionType::WorkersAvailable.as_str();
        let condition = computed.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
        assert!(condition.message.ends_with("; backends withdrawn: native: record 3"), "{}", condition.message);
    }
}

/// What keeps workers from running now is more urgent.
#[test]
fn workers_that_do_not_run_are_told_before_a_withdrawn_backend() {
    let reason = |wanted: u32, fault: bool| {
        let mut case = Case::new(snapshot(JobState::Signing));
        case.snapshot.job.as_mut().unwrap().withdrawn = vec!["native: record 3".to_owned()];
        case.observed.pod_fault = fault.then(|| ConditionFault::new(Reason::ImagePull, "no such image"));
        (case.wanted, case.observed.ready) = (wanted, 0);
        find(&case.status(), ConditionType::WorkersAvailable).1.to_owned()
    };
    assert_eq!(reason(2, true), "ImagePull");
    assert_eq!(reason(1, true), "ImagePull");
    assert_eq!(reason(0, true), "BackendWithdrawn");
    assert_eq!(reason(2, false), "BackendWithdrawn");
}
