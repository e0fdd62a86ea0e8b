//! The conditions and figures of a job's table, and of a job that follows it.

use std::time::Duration;

use vaultstream_ledger::{FollowState, LastCheckpoint, Progress, SourceFault};

use super::*;
use crate::{
    fault::ConditionFault,
    job::fixtures::{following, table},
};

const FOLLOWS: &str = "{spec: {source: {generate: null, table: {name: orders, payload: body}}, follow: {}}}";
const TABLE: &str = "{spec: {source: {generate: null, table: {name: orders, payload: body}}}}";

/// A job that follows, in that state of the ledger, at second 100.
fn follows(state: JobState) -> Case {
    let mut case = Case::of_job(FOLLOWS, seeded(state));
    let row = case.snapshot.job.as_mut().unwrap();
    row.spec = case.job.spec.clone();
    row.follow = Some(following(FollowState::Following));
    let lag = Some(Duration::from_millis(1_234));
    case.snapshot.progress = Some(Progress { lag, waiting: Some(3), at: after_epoch(100), ..progress(700, 5, 20) });
    case
}

fn with_source_fault(mut case: Case) -> Case {
    let fault =
        SourceFault { reason: Reason::SourceUnusable, why: "the trigger is disabled".to_owned(), passes: false };
    case.snapshot.job.as_mut().unwrap().source_fault = Some(fault);
    case
}

fn of_table(state: JobState) -> Case {
    let mut case = Case::of_job(TABLE, seeded(state));
    case.snapshot.job.as_mut().unwrap().spec.source = table();
    case
}

fn suspended(mut case: Case) -> Case {
    case.snapshot.job.as_mut().unwrap().suspended = true;
    case
}

fn queued(mut case: Case) -> Case {
    case.snapshot.queued = Some(QueuePosition::Exact(3));
    case
}

fn in_follow_state(state: FollowState) -> Case {
    let mut case = follows(JobState::Signing);
    case.snapshot.job.as_mut().unwrap().follow = Some(following(state));
    case
}

/// Jobs that follow, at some point of their lives.
fn cases() -> Vec<(&'static str, Case)> {
    let planning = || {
        let mut case = follows(JobState::Seeding);
        case.snapshot.job.as_mut().unwrap().times.seeded = None;
        case
    };
    let mut silent = follows(JobState::Signing);
    silent.snapshot.progress.as_mut().unwrap().at = after_epoch(151);
    let mut ledger_away = follows(JobState::Signing);
    ledger_away.snapshot.fault = Some(ConditionFault::new(Reason::LedgerUnavailable, "why"));
    let mut unreadable = of_table(JobState::Signing);
    unreadable.snapshot.fault = Some(ConditionFault::new(Reason::SourceUnavailable, "why"));
    let mut rejecting = follows(JobState::Signing);
    rejecting.snapshot.rejects_exceeded = true;
    let mut failed = of_table(JobState::Failed);
    let row = failed.snapshot.job.as_mut().unwrap();
    (row.failure_reason, row.failure) = (Some(Reason::SourceUnusable), Some("the table was changed".to_owned()));
    vec![
        ("follows-planning", planning()),
        ("follows-signing", follows(JobState::Signing)),
        ("follows-silent", silent),
        ("follows-ledger-unavailable", ledger_away),
        ("follows-source-fault", with_source_fault(follows(JobState::Signing))),
        ("follows-rejects-above-limit", rejecting),
        ("follows-suspended", suspended(follows(JobState::Signing))),
        ("follows-queued", queued(follows(JobState::Signing))),
        ("follows-ending", in_follow_state(FollowState::Ending)),
        ("follows-ended", in_follow_state(FollowState::Ended)),
        ("follows-complete", follows(JobState::Complete)),
        ("table-unread", Case::of_job(TABLE, JobSnapshot::default())),
        ("table-signing", of_table(JobState::Signing)),
        ("table-source-fault", unreadable),
        ("table-suspended", suspended(of_table(JobState::Signing))),
        ("table-failed-by-source", failed),
        ("table-complete", of_table(JobState::Complete)),
    ]
}

#[test]
fn conditions_of_a_table_are_as_checked_in() {
    let told = |(name, case): (&str, Case)| {
        let types =
            [ConditionType::Ready, ConditionType::Stalled, ConditionType::Following, ConditionType::SourceReady];
        let conditions = case.status().conditions;
        let told = conditions.into_iter().filter(|found| types.iter().any(|type_| type_.as_str() == found.type_));
        (name.to_owned(), lines(&told.collect::<Vec<_>>()))
    };
    assert_snapshot("conditions-of-tables.yaml", &cases().into_iter().map(told).collect::<BTreeMap<_, _>>());
}

#[test]
fn every_reason_belongs_to_its_condition() {
    for (name, case) in cases() {
        for condition in case.status().conditions {
            let reason: Reason = condition.reason.parse().unwrap();
            let mut types = reason.conditions().iter().map(|type_| type_.as_str());
            assert!(types.any(|type_| type_ == condition.type_), "{name}: {condition:?}");
        }
    }
}

#[test]
fn only_a_job_that_follows_has_the_condition_and_keeps_it_until_its_end() {
    let has = |case: &Case, type_: ConditionType| {
        case.status().conditions.iter().any(|condition| condition.type_ == type_.as_str())
    };
    assert!(!has(&of_table(JobState::Signing), ConditionType::Following));
    let mut ending = in_follow_state(FollowState::Ending);
    ending.job = valid_job(TABLE);
    assert!(has(&ending, ConditionType::Following), "`follow` was removed from the spec");
    assert!(has(&Case::of_job(FOLLOWS, JobSnapshot::default()), ConditionType::Following), "nothing was read yet");
    let generated = Case::new(seeded(JobState::Signing));
    assert!(!has(&generated, ConditionType::Following) && !has(&generated, ConditionType::SourceReady));
}

#[test]
fn a_planner_is_silent_after_a_minute_by_the_ledgers_clock() {
    let following = |at, read| {
        let mut case = follows(JobState::Signing);
        case.snapshot.progress.as_mut().unwrap().at = after_epoch(at);
        case.snapshot.job.as_mut().unwrap().follow.as_mut().unwrap().read = read;
        find(&case.status(), ConditionType::Following).1.to_owned()
    };
    assert_eq!(following(150, Some(after_epoch(90))), "FollowsTable");
    assert_eq!(following(151, Some(after_epoch(90))), "PlannerSilent");
    assert_eq!(following(61, None), "FollowsTable", "planned a minute ago");
    assert_eq!(following(62, None), "PlannerSilent", "and nothing was read since");
}

#[test]
fn a_job_that_follows_has_a_lag_and_no_end() {
    let status = follows(JobState::Signing).status();
    assert_eq!((status.percent_done, status.estimated_completion_time), (None, None));
    assert_eq!(status.records.unwrap().backlog, Some(20));
    let following = status.following.unwrap();
    assert_eq!(following.lag.unwrap().to_string(), "1.2s");
    assert_eq!((following.waiting, following.found_by_reconciling), (Some(3), Some(4)));
    assert_eq!(following.last_reconciled.unwrap().0.as_second(), 60);
    let mut ended = in_follow_state(FollowState::Ended);
    let row = ended.snapshot.job.as_mut().unwrap();
    row.spec.follow = None;
    let status = ended.status();
    assert!(status.percent_done.is_some() && status.estimated_completion_time.is_some(), "no row is added any more");
    assert_eq!(of_table(JobState::Signing).status().following, None);
    let mut unread = follows(JobState::Signing);
    unread.job.status = follows(JobState::Signing).status();
    unread.snapshot = JobSnapshot::default();
    assert!(unread.status().following.is_some(), "unknown: it keeps its value");
    assert_eq!(follows(JobState::Complete).status().following, None, "nothing is late any more");
}

#[test]
fn the_last_checkpoint_is_shown() {
    let mut case = follows(JobState::Signing);
    assert_eq!(case.status().checkpoint, None);
    case.snapshot.checkpoint = Some(LastCheckpoint {
        number: 7,
        digest: [0xab; 32],
        merkle_root: [0xcd; 32],
        batches: 12,
        records: 700,
        made: after_epoch(95),
    });
    let shown = case.status().checkpoint.unwrap();
    assert_eq!((shown.number, shown.batches, shown.records, shown.time.0.as_second()), (7, 12, 700, 95));
    assert_eq!((shown.digest, shown.merkle_root), ("ab".repeat(32), "cd".repeat(32)));
}
