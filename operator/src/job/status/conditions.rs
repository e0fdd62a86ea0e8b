//! The conditions of a job, each with a reason of the fixed list. Pure.

mod finding;
mod source;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use vaultstream_api::{ConditionType, Difference, Phase, Reason};
use vaultstream_certificates::JobName;
use vaultstream_ledger::anchors::AnchorRow;

use finding::{Finding, no, yes};

use crate::{
    certification::{CertificateState, Uncertified, check_receipt},
    fault::ConditionFault,
    job::status::{inputs::StatusInputs, times::whole_seconds},
    scaling::scaler_selection::{Scaler, ScalerSelection},
};

/// The conditions. The time of the last transition is kept while a condition's status does not change.
pub(super) fn compute(inputs: &StatusInputs<'_>, phase: Phase) -> Vec<Condition> {
    let history = History { old: &inputs.job.status.conditions, generation: inputs.job.generation, now: inputs.now };
    let spec = &inputs.job.spec;
    let wanted = |type_: &ConditionType| match type_ {
        ConditionType::Anchored => !spec.anchors.is_empty(),
        ConditionType::Certified => spec.signing.issuer_ref.is_some(),
        ConditionType::Following => source::has_following(inputs),
        ConditionType::SourceReady => source::has_source(inputs),
        _ => true,
    };
    let types = ConditionType::ALL.into_iter().filter(wanted);
    types.map(|type_| history.condition(type_, finding(type_, inputs, phase))).collect()
}

/// The conditions of a job that is refused as it is. Other conditions are kept.
pub(super) fn refused(history: &History<'_>, why: &ConditionFault) -> Vec<Condition> {
    let kept = |type_: ConditionType| history.old(type_).cloned();
    let finding = |type_| match type_ {
        ConditionType::Ready | ConditionType::Accepted => Some(no(why.reason, why.message.as_str())),
        ConditionType::Stalled => Some(yes(why.reason, why.message.as_str())),
        _ => None,
    };
    let types = ConditionType::ALL.into_iter();
    types
        .filter_map(|type_| finding(type_).map_or_else(|| kept(type_), |new| Some(history.condition(type_, new))))
        .collect()
}

/// The conditions of a job that has ended, with the changes of its spec that came after the end.
pub(super) fn changed_after_end(history: &History<'_>, changes: &[Difference]) -> Vec<Condition> {
    let accepted = match changes {
        [] => yes(Reason::Valid, "the spec was accepted"),
        some => no(Reason::ChangedTooLate, too_late(some)),
    };
    let accepted = history.condition(ConditionType::Accepted, accepted);
    let mut conditions = history.old.to_vec();
    conditions.retain(|condition| condition.type_ != accepted.type_);
    let index = conditions.len().min(1);
    conditions.insert(index, accepted);
    conditions
}

fn too_late(changes: &[Difference]) -> String {
    const CHANGES_LIMIT: usize = 5;
    let shown: Vec<_> = changes.iter().take(CHANGES_LIMIT).map(ToString::to_string).collect();
    let further = match changes.len().saturating_sub(CHANGES_LIMIT) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "the job had ended when its spec was changed: {}{further}. What was signed is kept as it is: create another SigningJob",
        shown.join("; ")
    )
}

/// What conditions were before, and the generation that they describe now.
pub(super) struct History<'a> {
    pub(super) old: &'a [Condition],
    pub(super) generation: i64,
    pub(super) now: jiff::Timestamp,
}

impl History<'_> {
    fn old(&self, type_: ConditionType) -> Option<&Condition> {
        self.old.iter().find(|old| old.type_ == type_.as_str())
    }

    fn condition(&self, type_: ConditionType, (status, reason, message): Finding) -> Condition {
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

fn finding(type_: ConditionType, inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    match type_ {
        ConditionType::Ready => ready(inputs, phase),
        ConditionType::Accepted => accepted(inputs),
        ConditionType::Seeded => seeded(inputs, phase),
        ConditionType::WorkersAvailable => workers_available(inputs, phase),
        ConditionType::Scaling => scaling(inputs, phase),
        ConditionType::Stalled => stalled(inputs, phase),
        ConditionType::Complete => match phase {
            Phase::Complete => yes(Reason::Finished, "every record is signed, or rejected within the allowance"),
            Phase::Failed => no(Reason::Finished, "the job failed"),
            _ => no(Reason::Progressing, "the job has not ended"),
        },
        ConditionType::Failed => match phase {
            Phase::Failed => {
                let ConditionFault { reason, message } = failure(inputs);
                yes(reason, message)
            }
            _ => no(Reason::Progressing, "the job has not failed"),
        },
        ConditionType::Suspended if inputs.job.spec.suspend => yes(Reason::SuspendRequested, "spec.suspend is true"),
        ConditionType::Suspended => no(Reason::NotSuspended, "spec.suspend is false"),
        ConditionType::Anchored => before_anchors(inputs, phase),
        ConditionType::Certified => certified(inputs, phase),
        ConditionType::Following => source::following(inputs, phase),
        ConditionType::SourceReady => source::source_ready(inputs, phase),
    }
}

/// How far the certificate of the receipt key is.
fn certified(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let receipt = inputs.snapshot.job.as_ref().and_then(|row| {
        let (namespace, name) = (inputs.job.namespace.as_str(), inputs.job.name.as_str());
        let name = JobName { cluster: &row.cluster, namespace, name, uid: inputs.job.uid };
        Some(check_receipt(row.receipt.as_deref()?, &name))
    });
    match (receipt, phase, &inputs.snapshot.certificate) {
        (Some(Ok(())), ..) => yes(Reason::CertificateIssued, "the receipt has a certificate of its key"),
        (Some(Err(Uncertified::Missing)), ..) => {
            no(Reason::CertificateMissing, "the receipt was made without a certificate")
        }
        (Some(Err(Uncertified::Unsuitable(why))), ..) => no(Reason::CertificateUnsuitable, why),
        (None, Phase::Failed, _) => no(Reason::NoReceipt, "the job failed without a receipt"),
        (.., None) => no(Reason::Progressing, "the job waits for no certificate yet"),
        (.., Some(CertificateState::Pending(what))) => no(Reason::CertificatePending, what.as_str()),
        (.., Some(CertificateState::Failed(fault))) => no(fault.reason, fault.message.as_str()),
        (.., Some(CertificateState::Issued)) => {
            no(Reason::CertificatePending, "the certificate is there, and a worker makes the receipt")
        }
    }
}

/// What is known of anchors before the job's end is looked at: authorities are asked from then on.
fn before_anchors(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let receipt = inputs.snapshot.job.as_ref().is_some_and(|row| row.receipt.is_some());
    match phase {
        _ if receipt => no(Reason::NotConfirmed, "timestamping authorities are being asked to confirm the receipt"),
        Phase::Failed => no(Reason::NoReceipt, "the job failed without a receipt"),
        _ => no(Reason::Progressing, "the job has no receipt yet"),
    }
}

/// The conditions of a job that has ended, with what is known of its anchors. The authorities `allowed` may be asked.
pub(super) fn anchored(history: &History<'_>, anchors: &[AnchorRow], allowed: &[String]) -> Vec<Condition> {
    let anchored = history.condition(ConditionType::Anchored, confirmed(anchors, allowed));
    let mut conditions = history.old.to_vec();
    conditions.retain(|condition| condition.type_ != anchored.type_);
    conditions.push(anchored);
    conditions
}

fn confirmed(anchors: &[AnchorRow], allowed: &[String]) -> Finding {
    let told = |anchors: &[&AnchorRow]| anchors.iter().map(|anchor| anchor.tsa.as_str()).collect::<Vec<_>>().join(", ");
    let pending: Vec<&AnchorRow> = anchors.iter().filter(|anchor| anchor.token.is_none()).collect();
    let refused: Vec<&AnchorRow> = pending.iter().copied().filter(|anchor| !allowed.contains(&anchor.tsa)).collect();
    if anchors.is_empty() {
        return no(Reason::NoReceipt, "the job has no receipt that could be confirmed");
    }
    if !refused.is_empty() {
        let message = format!("the operator's settings do not allow to ask {}", told(&refused));
        return no(Reason::TsaNotAllowed, message);
    }
    if pending.is_empty() {
        let all: Vec<&AnchorRow> = anchors.iter().collect();
        return yes(Reason::Confirmed, format!("the receipt was confirmed by {}", told(&all)));
    }
    let why = |anchor: &&AnchorRow| {
        let why = anchor.last_error.as_deref().unwrap_or("it is being asked");
        format!("{}: {why}", anchor.tsa)
    };
    no(Reason::NotConfirmed, pending.iter().map(why).collect::<Vec<_>>().join("; "))
}

/// Why a job failed.
fn failure(inputs: &StatusInputs<'_>) -> ConditionFault {
    if let Some(lost) = inputs.snapshot.lost() {
        return lost.clone();
    }
    let row = inputs.snapshot.job.as_ref();
    let message = row.and_then(|row| row.failure.clone()).unwrap_or_else(|| "the job failed".to_owned());
    ConditionFault::new(row.and_then(|row| row.failure_reason).unwrap_or(Reason::TooManyRejects), message)
}

fn ready(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    match (phase, &inputs.snapshot.fault) {
        (Phase::Complete, _) => yes(Reason::Finished, "the job is done"),
        (Phase::Failed, _) => {
            let ConditionFault { reason, message } = failure(inputs);
            no(reason, message)
        }
        (_, Some(fault)) => no(fault.reason, fault.message.clone()),
        (Phase::Suspended, None) => no(Reason::SuspendRequested, "the job is suspended"),
        (Phase::Queued, None) => yes(Reason::Queued, "the job is waiting for its turn"),
        (_, None) => match source::fault(inputs, phase) {
            Some(ConditionFault { reason, message }) => no(reason, message),
            None => yes(Reason::Progressing, "the job is being worked on"),
        },
    }
}

fn accepted(inputs: &StatusInputs<'_>) -> Finding {
    match &inputs.snapshot.fault {
        Some(fault) if fault.reason.conditions().contains(&ConditionType::Accepted) => {
            no(fault.reason, fault.message.clone())
        }
        _ => yes(Reason::Valid, "the spec was accepted"),
    }
}

fn seeded(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let planned = inputs.snapshot.job.as_ref().is_some_and(|row| row.times.seeded.is_some());
    match (&inputs.snapshot.fault, planned || phase.is_final()) {
        _ if inputs.snapshot.lost().is_some() => no(Reason::LedgerLost, "the ledger no longer has a row of this job"),
        (_, true) => yes(Reason::Planned, "all records and batches are in the ledger"),
        (Some(fault), false) if fault.reason.conditions().contains(&ConditionType::Seeded) => {
            no(fault.reason, fault.message.clone())
        }
        _ => no(Reason::Seeding, "the records are being made or planned"),
    }
}

/// A withdrawn backend is told as long as the job is there, also when it has no workers any more.
fn workers_available(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let (status, reason, message) = workers(inputs, phase);
    match inputs.snapshot.job.as_ref().map(|row| row.withdrawn.as_slice()) {
        None | Some([]) => (status, reason, message),
        Some(_) if inputs.observed.pod_fault.is_some() && status == Some(false) && inputs.wanted > 0 => {
            (status, reason, message)
        }
        Some(withdrawn) => {
            let message = format!("{message}; backends withdrawn: {}", withdrawn.join("; "));
            (status, Reason::BackendWithdrawn, message)
        }
    }
}

fn workers(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    match (&inputs.observed.pod_fault, inputs.wanted) {
        _ if phase.is_final() || matches!(phase, Phase::Queued | Phase::Suspended) => {
            no(Reason::NoWorkersWanted, "no workers are needed")
        }
        (_, 0) => no(Reason::NoWorkersWanted, "no workers are needed"),
        (Some(fault), _) => no(fault.reason, fault.message.clone()),
        (None, wanted) if inputs.observed.ready >= wanted => yes(Reason::WorkersReady, "all wanted workers are ready"),
        _ => no(Reason::WorkersStarting, "workers are starting"),
    }
}

fn scaling(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    match (phase, inputs.snapshot.queued, &inputs.snapshot.fault) {
        (Phase::Queued, Some(position), _) => no(Reason::Queued, position.to_string()),
        (Phase::Signing | Phase::Finishing, _, Some(fault))
            if fault.reason.conditions().contains(&ConditionType::Scaling) =>
        {
            (None, fault.reason, format!("the number of workers is left as it is: {}", fault.message))
        }
        (Phase::Signing | Phase::Finishing, ..) if inputs.starved => {
            no(Reason::Queued, "other jobs use all workers that the operator may start")
        }
        (Phase::Signing | Phase::Finishing, ..) => match inputs.selection {
            Some(ScalerSelection { instead: Some(why), .. }) => {
                no(Reason::ScalerUnavailable, format!("the operator scales the workers itself: {why}"))
            }
            Some(ScalerSelection { scaler: Scaler::Hpa, .. }) => autoscaled(inputs),
            Some(ScalerSelection { scaler: Scaler::Keda, .. }) => {
                yes(Reason::ScaledByKeda, "a ScaledObject scales the workers")
            }
            _ => yes(Reason::ScaledDirectly, "the operator scales the workers"),
        },
        _ => no(Reason::NotSigning, "nothing to scale: the job is not signing"),
    }
}

/// What the HorizontalPodAutoscaler reports of itself.
fn autoscaled(inputs: &StatusInputs<'_>) -> Finding {
    let status = inputs.observed.autoscaler.as_ref().and_then(|autoscaler| autoscaler.status.as_ref());
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

fn stalled(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let needs_a_person = |fault: &&ConditionFault| fault.reason.conditions().contains(&ConditionType::Stalled);
    if phase == Phase::Failed {
        return match failure(inputs) {
            fault if needs_a_person(&&fault) => yes(fault.reason, fault.message),
            _ => no(Reason::Healthy, "nothing needs attention"),
        };
    }
    let of_source = source::fault(inputs, phase);
    let of_certificate = match &inputs.snapshot.certificate {
        Some(CertificateState::Failed(fault)) => Some(fault),
        _ => None,
    };
    let of_job = inputs.snapshot.fault.as_ref().or(of_source.as_ref()).or(of_certificate);
    let of_pods = inputs.observed.pod_fault.as_ref();
    match of_job.filter(needs_a_person).or(of_pods.filter(needs_a_person)) {
        Some(fault) if inputs.wanted > 0 || of_job.is_some() => yes(fault.reason, fault.message.clone()),
        _ if phase == Phase::Signing && inputs.snapshot.rejects_exceeded => {
            yes(Reason::RejectsAboveLimit, above_limit(inputs))
        }
        _ => no(Reason::Healthy, "nothing needs attention"),
    }
}

/// Without the number of rejects, which would be written with each further one: `status.records` has it.
fn above_limit(inputs: &StatusInputs<'_>) -> String {
    format!(
        "more records were rejected than spec.maxRejected allows, which is {}; signing goes on. Raise spec.maxRejected, or mend \
         what the rejects name and have those tried again that no checkpoint covers: as it is, the job will fail when it ends",
        inputs.job.spec.max_rejected
    )
}
