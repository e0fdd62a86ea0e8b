mod following;
mod proofs;
mod workers;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use vaultstream_api::{ConditionType, Phase, Reason, SigningJobStatus, differences};
use vaultstream_ledger::JobState;

use super::*;
use crate::{
    job::{
        children::ObservedChildren,
        fixtures::{
            after_epoch, assert_snapshot, faulty, from_yaml, load, now, progress, signing_job, snapshot, valid_job,
            with_replicas,
        },
    },
    lifecycle::queue_position::QueuePosition,
    scaling::{
        backlog_cache::JobLoad,
        scaler_selection::{Scaler, ScalerSelection},
    },
};
use proofs::of_every_job;

/// What a status is computed from, owned.
struct Case {
    job: ValidJob,
    snapshot: JobSnapshot,
    observed: ObservedChildren,
    scaler: Option<ScalerSelection>,
    wanted: u32,
    starved: bool,
    rate: u64,
}

impl Case {
    /// A job whose row is in that state, with two workers that are ready.
    fn new(snapshot: JobSnapshot) -> Self {
        let scaler = Some(ScalerSelection { scaler: Scaler::Direct, instead: None });
        Self {
            job: valid_job("{}"),
            snapshot,
            observed: with_replicas(2),
            scaler,
            wanted: 2,
            starved: false,
            rate: 100,
        }
    }

    fn of_job(yaml: &str, snapshot: JobSnapshot) -> Self {
        Self { job: valid_job(yaml), ..Self::new(snapshot) }
    }

    fn status_at(&self, now: Timestamp) -> SigningJobStatus {
        compute(&StatusInputs {
            job: &self.job,
            snapshot: &self.snapshot,
            observed: &self.observed,
            load: Some(&JobLoad { rate: Some(self.rate), ..load(2) }),
            selection: self.scaler.as_ref(),
            wanted: self.wanted,
            starved: self.starved,
            image: Some("image"),
            now,
        })
    }

    fn status(&self) -> SigningJobStatus {
        self.status_at(now())
    }
}

fn queued() -> JobSnapshot {
    JobSnapshot { queued: Some(QueuePosition::Exact(3)), ..snapshot(JobState::Signing) }
}

fn suspended() -> JobSnapshot {
    let mut snapshot = snapshot(JobState::Signing);
    snapshot.job.as_mut().unwrap().suspended = true;
    snapshot
}

fn failed(reason: Option<Reason>, why: Option<&str>) -> JobSnapshot {
    let mut snapshot = snapshot(JobState::Failed);
    let row = snapshot.job.as_mut().unwrap();
    (row.failure_reason, row.failure) = (reason, why.map(str::to_owned));
    snapshot
}

fn seeded(state: JobState) -> JobSnapshot {
    let mut snapshot = snapshot(state);
    snapshot.job.as_mut().unwrap().times.seeded = Some(after_epoch(1));
    snapshot
}

/// A job in each phase.
fn in_each_phase() -> [(Phase, Case); 9] {
    let suspend = "{spec: {suspend: true}}";
    [
        (Phase::Pending, Case::new(JobSnapshot::default())),
        (Phase::Queued, Case::new(queued())),
        (Phase::Seeding, Case::new(snapshot(JobState::Seeding))),
        (Phase::Signing, Case::new(seeded(JobState::Signing))),
        (Phase::Finishing, Case::new(seeded(JobState::Finishing))),
        (Phase::Complete, Case::new(seeded(JobState::Complete))),
        (Phase::Failed, Case::new(failed(Some(Reason::TooManyRejects), Some("12 records were rejected")))),
        (Phase::Suspended, Case::of_job(suspend, suspended())),
        (Phase::Deleting, Case::new(snapshot(JobState::Deleting))),
    ]
}

/// `Type: status reason: message` of each condition.
fn lines(conditions: &[Condition]) -> Vec<String> {
    let line = |condition: &Condition| {
        let Condition { type_, status, reason, message, .. } = condition;
        format!("{type_}: {status} {reason}: {message}")
    };
    conditions.iter().map(line).collect()
}

fn find(status: &SigningJobStatus, type_: ConditionType) -> (&str, &str) {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_.as_str()).unwrap();
    (condition.status.as_str(), condition.reason.as_str())
}

#[test]
fn the_phase_follows_the_row_and_the_queue() {
    for (phase, case) in in_each_phase() {
        assert_eq!(case.status().phase, Some(phase));
    }
    assert_eq!(Case::new(snapshot(JobState::Pending)).status().phase, Some(Phase::Pending));
    let unread = Case::of_job("{status: {phase: Signing}}", JobSnapshot::default());
    assert_eq!(unread.status().phase, Some(Phase::Signing), "unknown before the ledger was read: it is kept");
    assert_eq!(Case::new(faulty(JobState::Signing, Reason::LedgerLost)).status().phase, Some(Phase::Failed));
}

#[test]
fn all_conditions_in_each_phase_are_as_checked_in() {
    let phases = in_each_phase().map(|(phase, case)| (phase.as_str().to_owned(), lines(&case.status().conditions)));
    assert_snapshot("conditions-by-phase.yaml", &BTreeMap::from(phases));
}

#[test]
fn all_conditions_while_something_is_wrong_are_as_checked_in() {
    let signing = || Case::new(seeded(JobState::Signing));
    let pods =
        |reason| ObservedChildren { pod_fault: Some(ConditionFault::new(reason, "why")), ready: 0, ..with_replicas(2) };
    let selected =
        |scaler, instead: Option<&str>| Some(ScalerSelection { scaler, instead: instead.map(str::to_owned) });
    let hpa = |status: &str, reason: &str| {
        let yaml = format!(
            "{{spec: {{maxReplicas: 1, scaleTargetRef: {{kind: Deployment, name: x}}}}, status: {{desiredReplicas: 1, conditions: [{{type: ScalingActive, status: '{status}', reason: {reason}}}]}}}}"
        );
        ObservedChildren { autoscaler: Some(Arc::new(from_yaml(&yaml))), ..with_replicas(2) }
    };
    let scaled_by_hpa = |observed| Case { observed, scaler: selected(Scaler::Hpa, None), ..signing() };
    let cases = [
        ("ledger-unavailable-signing", Case::new(faulty(JobState::Signing, Reason::LedgerUnavailable))),
        ("ledger-unavailable-seeding", Case::new(faulty(JobState::Seeding, Reason::LedgerUnavailable))),
        ("ledger-refused", Case::new(faulty(JobState::Seeding, Reason::LedgerRefused))),
        ("ledger-lost", Case::new(faulty(JobState::Signing, Reason::LedgerLost))),
        ("limit-exceeded", Case { wanted: 0, ..Case::new(faulty(JobState::Pending, Reason::LimitExceeded)) }),
        ("streams-unavailable", Case::new(faulty(JobState::Signing, Reason::StreamsUnavailable))),
        ("source-unavailable", Case::new(faulty(JobState::Seeding, Reason::SourceUnavailable))),
        ("failed-without-reason", Case::new(failed(None, None))),
        ("failed-by-lost-signatures", Case::new(failed(Some(Reason::LedgerLost), Some("fewer signatures")))),
        ("pods-image-pull", Case { observed: pods(Reason::ImagePull), ..signing() }),
        ("pods-image-pull-but-none-wanted", Case { observed: pods(Reason::ImagePull), wanted: 0, ..signing() }),
        ("pods-starting", Case { observed: ObservedChildren { ready: 1, ..with_replicas(2) }, ..signing() }),
        ("starved", Case { starved: true, wanted: 0, ..signing() }),
        ("scaler-unavailable", Case { scaler: selected(Scaler::Direct, Some("no metrics API")), ..signing() }),
        ("scaled-by-keda", Case { scaler: selected(Scaler::Keda, None), ..signing() }),
        ("scaled-by-hpa", scaled_by_hpa(hpa("True", "ValidMetricFound"))),
        ("hpa-cannot-read", scaled_by_hpa(hpa("False", "FailedGetExternalMetric"))),
        ("hpa-switched-off", scaled_by_hpa(hpa("False", "ScalingDisabled"))),
    ];
    let conditions = cases.map(|(name, case)| (name.to_owned(), lines(&case.status().conditions)));
    assert_snapshot("conditions-by-fault.yaml", &BTreeMap::from(conditions));
}

#[test]
fn every_condition_has_a_reason_of_its_own_type() {
    let check = |status: &SigningJobStatus, case: &str| {
        assert_eq!(status.conditions.len(), of_every_job().count(), "{case}");
        for condition in &status.conditions {
            let reason: Reason = condition.reason.parse().unwrap();
            let types = reason.conditions().iter().map(|type_| type_.as_str());
            assert!(types.into_iter().any(|type_| type_ == condition.type_), "{case}: {condition:?}");
        }
    };
    // The faults that stop a job's task.
    let of_tasks = |reason: &&Reason| reason.is_fault() && reason.conditions().contains(&ConditionType::Ready);
    // The faults of pods.
    let of_pods =
        |reason: &&Reason| reason.is_fault() && reason.conditions().contains(&ConditionType::WorkersAvailable);
    for (phase, mut case) in in_each_phase() {
        check(&case.status(), phase.as_str());
        for reason in Reason::ALL.iter().filter(of_pods) {
            case.observed.pod_fault = Some(ConditionFault::new(*reason, "why"));
            check(&case.status(), &format!("{phase}, pods {reason}"));
        }
        for reason in Reason::ALL.iter().filter(of_tasks) {
            case.snapshot.fault = Some(ConditionFault::new(*reason, "why"));
            check(&case.status(), &format!("{phase}, {reason}"));
        }
    }
}

#[test]
fn a_transition_has_a_time_and_keeps_it() {
    let first = Case::new(snapshot(JobState::Seeding)).status();
    let mut case = Case::new(seeded(JobState::Signing));
    case.job.status = first.clone();
    let later: Timestamp = "2026-01-01T00:02:00.9Z".parse().unwrap();
    let second = case.status_at(later);
    let since = |status: &SigningJobStatus, type_: ConditionType| {
        let condition = status.conditions.iter().find(|condition| condition.type_ == type_.as_str()).unwrap();
        condition.last_transition_time.0.to_string()
    };
    assert_eq!(since(&first, ConditionType::Seeded), "2026-01-01T00:01:00Z");
    assert_eq!(since(&second, ConditionType::Seeded), "2026-01-01T00:02:00Z", "it became True, at a whole second");
    assert_eq!(since(&second, ConditionType::Ready), "2026-01-01T00:01:00Z", "it was True before");
    assert!(second.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
}

#[test]
fn figures_are_those_of_the_ledger_and_absent_before_the_batches_are_planned() {
    let mut case = Case::new(seeded(JobState::Signing));
    case.snapshot.progress = Some(progress(699, 1, 300));
    let status = case.status();
    let records = status.records.unwrap();
    assert_eq!((records.total, records.signed, records.rejected), (Some(1000), Some(699), Some(1)));
    assert_eq!((records.backlog, records.changed, status.percent_done), (Some(300), Some(0), Some(70)));
    let keys = status.keys.unwrap();
    assert_eq!((keys.active, keys.retired), (Some(100), Some(1)));
    case.snapshot.progress.as_mut().unwrap().batches = None;
    let status = case.status();
    let records = status.records.unwrap();
    assert_eq!((records.total, records.signed, records.backlog), (None, Some(699), None));
    assert_eq!(status.percent_done, None);
}

#[test]
fn figures_that_are_unknown_keep_their_value() {
    let yaml =
        "{status: {percentDone: 41, records: {signed: 41}, workerImage: old, startTime: '2026-01-01T00:00:30Z'}}";
    let case = Case::of_job(yaml, JobSnapshot { job: None, ..faulty(JobState::Signing, Reason::LedgerUnavailable) });
    let status = case.status();
    assert_eq!((status.percent_done, status.records), (Some(41), case.job.status.records.clone()));
    assert_eq!(status.start_time, case.job.status.start_time);
}

#[test]
fn percent_done_is_a_hundred_only_when_nothing_is_left() {
    let percent = |signed, rejected, backlog| {
        let mut case = Case::new(seeded(JobState::Signing));
        case.snapshot.progress = Some(progress(signed, rejected, backlog));
        case.status().percent_done
    };
    assert_eq!(percent(999_999, 0, 1), Some(99));
    assert_eq!(percent(999_999, 1, 0), Some(100));
    assert_eq!(percent(0, 0, 5), Some(0));
    assert_eq!(percent(0, 0, 0), Some(100), "there is nothing to sign");
}

#[test]
fn rate_and_estimate_are_shown_while_the_job_signs() {
    let estimate_at = |rate, state, backlog| {
        let mut case = Case { rate, ..Case::new(seeded(state)) };
        case.snapshot.progress = Some(progress(0, 0, backlog));
        let status = case.status();
        (status.rate_per_second, status.estimated_completion_time.map(|at| at.0.to_string()))
    };
    let estimate = |state, backlog| estimate_at(100, state, backlog);
    assert_eq!(estimate(JobState::Signing, 6_000), (Some(100), Some("2026-01-01T00:02:00Z".to_owned())));
    assert_eq!(estimate(JobState::Signing, 0), (Some(100), None));
    assert_eq!(estimate_at(0, JobState::Signing, 6_000), (Some(0), None), "nothing is signed at the moment");
    assert_eq!(estimate(JobState::Finishing, 6_000), (None, None));
}

#[test]
fn times_and_receipt_are_those_of_the_ledger() {
    let mut case = Case::new(seeded(JobState::Signing));
    let receipt = |case: &mut Case, state| {
        let row = case.snapshot.job.as_mut().unwrap();
        row.state = state;
        row.times.finished = Some(after_epoch(1_767_225_660));
        (row.receipt, row.merkle_root) = (Some("receipt".to_owned()), Some(vec![0xab; 32]));
        case.status()
    };
    let running = receipt(&mut case, JobState::Signing);
    assert_eq!((running.completion_time, running.receipt), (None, None));
    assert_eq!(running.start_time.unwrap().0.to_string(), "2026-01-01T00:00:00Z");
    let complete = receipt(&mut case, JobState::Complete);
    assert_eq!(complete.completion_time.unwrap().0.to_string(), "2026-01-01T00:01:00Z");
    let summary = complete.receipt.unwrap();
    assert_eq!(summary.merkle_root, "ab".repeat(32));
    assert_eq!(summary.digest, to_hex(&Sha256::digest("receipt").into()));
    let lost = Case::new(faulty(JobState::Signing, Reason::LedgerLost)).status();
    assert_eq!(lost.completion_time, Some(Time(now())), "the ledger cannot say when");
}

#[test]
fn the_children_are_described() {
    let mut case = Case::new(seeded(JobState::Signing));
    let status = case.status();
    assert_eq!((status.replicas, status.worker_image.as_deref()), (Some(2), Some("image")));
    assert_eq!(status.scaling_mode, Some(vaultstream_api::ScalingMode::Direct));
    let labels: BTreeMap<_, _> =
        status.selector.as_deref().unwrap().split(',').filter_map(|l| l.split_once('=')).collect();
    assert_eq!(labels.len(), selector_labels(&case.job.name).len());
    assert_eq!(labels["vaultstream.dev/job"], "invoices");
    case.scaler = None;
    assert_eq!(case.status().scaling_mode, None);
}

#[test]
fn the_observed_generation_of_an_ended_job_is_the_one_that_was_signed() {
    let observed = |state, written| {
        let mut case = Case::new(snapshot(state));
        case.snapshot.job.as_mut().unwrap().spec_generation = written;
        case.status().observed_generation
    };
    assert_eq!(observed(JobState::Signing, 2), Some(3));
    assert_eq!(observed(JobState::Complete, 2), Some(2));
    assert_eq!(observed(JobState::Complete, 9), Some(3), "an operator that led before may have seen a later one");
    assert_eq!(observed(JobState::Complete, 0), Some(3), "an earlier version did not write it");
}

#[test]
fn a_refused_job_says_why_and_keeps_what_was_true_before() {
    let mut job = signing_job("{}");
    let why = ConditionFault::new(Reason::InvalidSpec, "spec.batchSize must not be 0");
    let new = refused(&job, &why, now());
    assert_eq!((new.phase, new.observed_generation), (Some(Phase::Pending), Some(3)));
    let expected = [
        "Ready: False InvalidSpec: spec.batchSize must not be 0",
        "Accepted: False InvalidSpec: spec.batchSize must not be 0",
        "Stalled: True InvalidSpec: spec.batchSize must not be 0",
    ];
    assert_eq!(lines(&new.conditions), expected);
    job.status = Some(Case::new(seeded(JobState::Signing)).status());
    let old = refused(&job, &why, now());
    assert_eq!(old.phase, Some(Phase::Signing));
    assert_eq!(find(&old, ConditionType::Seeded), ("True", "Planned"));
    assert_eq!(find(&old, ConditionType::Stalled), ("True", "InvalidSpec"));
    assert_eq!(old.conditions.len(), of_every_job().count());
}

#[test]
fn a_change_after_the_end_is_named_and_reverting_it_is_accepted() {
    let mut job = valid_job("{spec: {batchSize: 100, keys: {count: 7}}}");
    job.status = Case::new(seeded(JobState::Complete)).status();
    job.generation = 4;
    let changes = differences(&valid_job("{}").spec, &job.spec);
    assert_eq!(changes.len(), 2, "{changes:?}");
    let changed = changed_after_end(&job, &changes, now());
    assert_eq!(changed.observed_generation, Some(4));
    assert_eq!(find(&changed, ConditionType::Accepted), ("False", "ChangedTooLate"));
    let accepted = lines(&changed.conditions).remove(1);
    assert!(accepted.contains("spec.batchSize") && accepted.contains("spec.keys.count"), "{accepted}");
    assert_eq!(find(&changed, ConditionType::Complete), ("True", "Finished"));
    job.status = changed;
    let reverted = changed_after_end(&job, &[], now());
    assert_eq!(find(&reverted, ConditionType::Accepted), ("True", "Valid"));
    let types: Vec<_> = reverted.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(types, of_every_job().map(ConditionType::as_str).collect::<Vec<_>>(), "in the usual order");
}

#[test]
fn a_message_names_five_changes_and_counts_the_others() {
    let job = valid_job(
        "{spec: {batchSize: 100, keys: {count: 7}, concurrency: {records: 2, signers: 2}, retry: {maxAttempts: 9}, workers: {maxReplicas: 3}, autoscaling: {targetBacklog: 9}}}",
    );
    let changes = differences(&valid_job("{}").spec, &job.spec);
    assert_eq!(changes.len(), 7, "{changes:?}");
    let changed = changed_after_end(&job, &changes, now());
    let message = &changed.conditions[0].message;
    assert!(message.contains("; and 2 more"), "{message}");
    assert!(message.contains(&changes[4].path) && !message.contains(&changes[5].path), "{message}");
}
