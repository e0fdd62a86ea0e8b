//! The conditions of a job, all nine, each with a reason of the fixed list. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use vaultstream_api::{ConditionType, Difference, Phase, Reason};

use super::{Facts, whole_seconds};
use crate::{
    dependencies::Fault,
    scaling::choice::{Choice, Scaler},
};

/// A condition's status, reason and message.
type Verdict = (Option<bool>, Reason, String);

fn yes(reason: Reason, message: impl Into<String>) -> Verdict {
    (Some(true), reason, message.into())
}

fn no(reason: Reason, message: impl Into<String>) -> Verdict {
    (Some(false), reason, message.into())
}

/// The conditions, with the time of the last transition kept while the status does not change.
pub(super) fn compute(facts: &Facts<'_>, phase: Phase) -> Vec<Condition> {
    let history = History { old: &facts.job.status.conditions, generation: facts.job.generation, now: facts.now };
    ConditionType::ALL.into_iter().map(|type_| history.condition(type_, verdict(type_, facts, phase))).collect()
}

/// The conditions of a job that cannot be worked on as it is; what was true of it before stays.
pub(super) fn refused(history: &History<'_>, why: &Fault) -> Vec<Condition> {
    let kept = |type_: ConditionType| history.old(type_).cloned();
    let verdict = |type_| match type_ {
        ConditionType::Ready | ConditionType::Accepted => Some(no(why.reason, why.message.as_str())),
        ConditionType::Stalled => Some(yes(why.reason, why.message.as_str())),
        _ => None,
    };
    let types = ConditionType::ALL.into_iter();
    types
        .filter_map(|type_| verdict(type_).map_or_else(|| kept(type_), |new| Some(history.condition(type_, new))))
        .collect()
}

/// The conditions of a job that has ended, with what became of changes of its spec that came after the end.
pub(super) fn compared(history: &History<'_>, changes: &[Difference]) -> Vec<Condition> {
    let accepted = match changes {
        [] => yes(Reason::Valid, "the spec was accepted"),
        some => no(Reason::ChangedTooLate, too_late(some)),
    };
    let accepted = history.condition(ConditionType::Accepted, accepted);
    let mut conditions = history.old.to_vec();
    conditions.retain(|condition| condition.type_ != accepted.type_);
    let place = conditions.len().min(1);
    conditions.insert(place, accepted);
    conditions
}

fn too_late(changes: &[Difference]) -> String {
    const TOLD: usize = 5;
    let told: Vec<_> = changes.iter().take(TOLD).map(ToString::to_string).collect();
    let further = match changes.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "the job had ended when its spec was changed: {}{further}. What was signed is kept as it is: create another SigningJob",
        told.join("; ")
    )
}

/// What conditions were before, and what they speak of now.
pub(super) struct History<'a> {
    pub(super) old: &'a [Condition],
    pub(super) generation: i64,
    pub(super) now: jiff::Timestamp,
}

impl History<'_> {
    fn old(&self, type_: ConditionType) -> Option<&Condition> {
        self.old.iter().find(|old| old.type_ == type_.as_str())
    }

    fn condition(&self, type_: ConditionType, (status, reason, message): Verdict) -> Condition {
        let status = match status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let since = self.old(type_).filter(|old| old.status == status).map(|old| old.last_transition_time.clone());
        Condition {
            type_: type_.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message,
            observed_generation: Some(self.generation),
            last_transition_time: since.unwrap_or_else(|| whole_seconds(self.now)),
        }
    }
}

fn verdict(type_: ConditionType, facts: &Facts<'_>, phase: Phase) -> Verdict {
    match type_ {
        ConditionType::Ready => ready(facts, phase),
        ConditionType::Accepted => accepted(facts),
        ConditionType::Seeded => seeded(facts, phase),
        ConditionType::WorkersAvailable => workers_available(facts, phase),
        ConditionType::Scaling => scaling(facts, phase),
        ConditionType::Stalled => stalled(facts, phase),
        ConditionType::Complete => match phase {
            Phase::Complete => yes(Reason::Finished, "every record is signed, or rejected within the allowance"),
            Phase::Failed => no(Reason::Finished, "the job failed"),
            _ => no(Reason::Progressing, "the job has not ended"),
        },
        ConditionType::Failed => match phase {
            Phase::Failed => {
                let Fault { reason, message } = failure(facts);
                yes(reason, message)
            }
            _ => no(Reason::Progressing, "the job has not failed"),
        },
        ConditionType::Suspended => match facts.job.spec.suspend {
            true => yes(Reason::SuspendRequested, "spec.suspend is true"),
            false => no(Reason::NotSuspended, "spec.suspend is false"),
        },
    }
}

/// Why a job failed.
fn failure(facts: &Facts<'_>) -> Fault {
    if let Some(lost) = facts.view.lost() {
        return lost.clone();
    }
    let row = facts.view.job.as_ref();
    let message = row.and_then(|row| row.failure.clone()).unwrap_or_else(|| "the job failed".to_owned());
    Fault::new(row.and_then(|row| row.failure_reason).unwrap_or(Reason::TooManyRejects), message)
}

fn ready(facts: &Facts<'_>, phase: Phase) -> Verdict {
    match (phase, &facts.view.fault) {
        (Phase::Complete, _) => yes(Reason::Finished, "the job is done"),
        (Phase::Failed, _) => {
            let Fault { reason, message } = failure(facts);
            no(reason, message)
        }
        (_, Some(fault)) => no(fault.reason, fault.message.clone()),
        (Phase::Suspended, None) => no(Reason::SuspendRequested, "the job is suspended"),
        (Phase::Queued, None) => yes(Reason::Queued, "the job is waiting for its turn"),
        (_, None) => yes(Reason::Progressing, "the job is being worked on"),
    }
}

fn accepted(facts: &Facts<'_>) -> Verdict {
    match &facts.view.fault {
        Some(fault) if fault.reason.conditions().contains(&ConditionType::Accepted) => {
            no(fault.reason, fault.message.clone())
        }
        _ => yes(Reason::Valid, "the spec was accepted"),
    }
}

fn seeded(facts: &Facts<'_>, phase: Phase) -> Verdict {
    let planned = facts.view.job.as_ref().is_some_and(|row| row.times.seeded.is_some());
    match (&facts.view.fault, planned || phase.is_final()) {
        _ if facts.view.lost().is_some() => no(Reason::LedgerLost, "the ledger no longer has a row of this job"),
        (_, true) => yes(Reason::Planned, "all records and batches are in the ledger"),
        (Some(fault), false) if fault.reason.conditions().contains(&ConditionType::Seeded) => {
            no(fault.reason, fault.message.clone())
        }
        _ => no(Reason::Seeding, "the records are being made or planned"),
    }
}

fn workers_available(facts: &Facts<'_>, phase: Phase) -> Verdict {
    match (&facts.seen.trouble, facts.wanted) {
        _ if phase.is_final() || matches!(phase, Phase::Queued | Phase::Suspended) => {
            no(Reason::NoWorkersWanted, "no workers are needed")
        }
        (_, 0) => no(Reason::NoWorkersWanted, "no workers are needed"),
        (Some(fault), _) => no(fault.reason, fault.message.clone()),
        (None, wanted) if facts.seen.ready >= wanted => yes(Reason::WorkersReady, "all wanted workers are ready"),
        _ => no(Reason::WorkersStarting, "workers are starting"),
    }
}

fn scaling(facts: &Facts<'_>, phase: Phase) -> Verdict {
    match (phase, facts.view.queued, &facts.view.fault) {
        (Phase::Queued, Some(place), _) => no(Reason::Queued, place.to_string()),
        (Phase::Signing | Phase::Finishing, _, Some(fault))
            if fault.reason.conditions().contains(&ConditionType::Scaling) =>
        {
            (None, fault.reason, format!("the number of workers is left as it is: {}", fault.message))
        }
        (Phase::Signing | Phase::Finishing, ..) if facts.starved => {
            no(Reason::Queued, "other jobs use all workers that the operator may start")
        }
        (Phase::Signing | Phase::Finishing, ..) => match facts.scaler {
            Some(Choice { instead: Some(why), .. }) => {
                no(Reason::ScalerUnavailable, format!("the operator scales the workers itself: {why}"))
            }
            Some(Choice { scaler: Scaler::Hpa, .. }) => autoscaled(facts),
            Some(Choice { scaler: Scaler::Keda, .. }) => yes(Reason::ScaledByKeda, "a ScaledObject scales the workers"),
            _ => yes(Reason::ScaledDirectly, "the operator scales the workers"),
        },
        _ => no(Reason::NotSigning, "nothing to scale: the job is not signing"),
    }
}

/// What the HorizontalPodAutoscaler says of itself.
fn autoscaled(facts: &Facts<'_>) -> Verdict {
    let status = facts.seen.autoscaler.as_ref().and_then(|autoscaler| autoscaler.status.as_ref());
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let active = conditions.and_then(|all| all.iter().find(|condition| condition.type_ == "ScalingActive"));
    match active {
        Some(active) if active.status == "False" && active.reason.as_deref() != Some("ScalingDisabled") => (
            None,
            Reason::ScalerUnavailable,
            "the HorizontalPodAutoscaler cannot read the backlog: see its conditions".to_owned(),
        ),
        _ => yes(Reason::ScaledByHpa, "a HorizontalPodAutoscaler scales the workers"),
    }
}

fn stalled(facts: &Facts<'_>, phase: Phase) -> Verdict {
    let needs_a_person = |fault: &&Fault| fault.reason.conditions().contains(&ConditionType::Stalled);
    if phase == Phase::Failed {
        return match failure(facts) {
            fault if needs_a_person(&&fault) => yes(fault.reason, fault.message),
            _ => no(Reason::Healthy, "nothing needs attention"),
        };
    }
    match facts.view.fault.as_ref().filter(needs_a_person).or(facts.seen.trouble.as_ref().filter(needs_a_person)) {
        Some(fault) if facts.wanted > 0 || facts.view.fault.is_some() => yes(fault.reason, fault.message.clone()),
        _ => no(Reason::Healthy, "nothing needs attention"),
    }
}
