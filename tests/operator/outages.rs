//! The network between the cluster and its dependencies is cut. Conditions say so, workers are not removed, nothing is lost,
//! and everything continues by itself afterwards.

use std::time::{Duration, Instant};

use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use vaultstream_api::{ConditionType, Phase, Reason};

use crate::harness::{Job, Place, assert_complete_in, condition, generated, of_table, until};

const RECORDS: i64 = 2000;

/// Slow enough to be cut off in the middle: ten seconds with two workers.
fn slow(policy: &str) -> String {
    generated(
        "job",
        RECORDS.unsigned_abs(),
        &format!(
            "batchSize: 20\nkeys: {{count: 4, lease: {{records: 100, duration: 5s}}}}\n\
             workers: {{minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 100}}\ndeletionPolicy: {{{policy}}}"
        ),
    )
}

const KEEP: &str = "signatures: Retain, records: Retain";
const FORGET: &str = "signatures: Delete, records: Delete";

/// Both workers are wanted all of the time.
async fn assert_not_scaled_in(job: &Job, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        assert_eq!(job.replicas().await, Some(2), "{}", job.describe().await);
        let phase = job.get().await.status.unwrap().phase;
        assert_eq!(phase, Some(Phase::Signing), "{}", job.describe().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn survives_in_mid_job(postgres: bool, nats: bool, reason: Reason) {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&slow(KEEP)).await;
    place.site.until_signed(200).await;
    if postgres {
        place.postgres.cut().await;
    }
    if nats {
        place.nats.cut().await;
    }
    job.until_condition(ConditionType::Ready, "False", reason).await;
    job.until_condition(ConditionType::Scaling, "Unknown", reason).await;
    // It is written after the conditions.
    until("there is an Event", || async { !job.events(reason.as_str()).await.is_empty() }).await;
    // Longer than a figure of the ledger is used.
    assert_not_scaled_in(&job, Duration::from_secs(18)).await;
    if postgres {
        place.postgres.restore().await;
    }
    if nats {
        place.nats.restore().await;
    }
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_a_ledger_that_is_away_in_the_middle() {
    survives_in_mid_job(true, false, Reason::LedgerUnavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_streams_that_are_away_in_the_middle() {
    survives_in_mid_job(false, true, Reason::StreamsUnavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_both_away_in_the_middle() {
    survives_in_mid_job(true, true, Reason::LedgerUnavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_created_while_both_are_away_says_so_and_begins_when_they_are_back() {
    let place = Place::new().await;
    place.postgres.cut().await;
    place.nats.cut().await;
    let operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    job.until_condition(ConditionType::Ready, "False", Reason::LedgerUnavailable).await;
    job.until_condition(ConditionType::Seeded, "False", Reason::LedgerUnavailable).await;
    assert_eq!(operator.get("/readyz").await.unwrap().0, 200, "an outage made the operator unready");
    place.postgres.restore().await;
    job.until_condition(ConditionType::Ready, "False", Reason::StreamsUnavailable).await;
    assert_eq!(place.children().await, Vec::<String>::new());
    place.nats.restore().await;
    let job_now = job.until_complete().await;
    assert_eq!(condition(&job_now, ConditionType::Ready).unwrap().reason, Reason::Finished.as_str());
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
}

/// Another session locks the table while its batches are to be planned, and Postgres is cut off, too. Neither is a fault of the
/// table.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_while_it_is_planned_is_waited_for_and_not_blamed() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    place.create_papers(1..=100).await;
    let mut other = place.site.sql().await;
    let altering = other.transaction().await.unwrap();
    altering.batch_execute("LOCK TABLE papers IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let job = place.create(&of_table("job", "papers", "batchSize: 20\nkeys: {count: 2}")).await;
    job.until_phase(Phase::Seeding).await;
    assert_not_blamed(&job, Duration::from_secs(12)).await;
    place.postgres.cut().await;
    assert_not_blamed(&job, Duration::from_secs(5)).await;
    place.postgres.restore().await;
    assert_not_blamed(&job, Duration::from_secs(5)).await;
    altering.rollback().await.unwrap();
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
    for reason in ["SourceUnusable", "SourceUnavailable"] {
        assert_eq!(job.events(reason).await, Vec::<String>::new());
    }
}

async fn assert_not_blamed(job: &Job, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        let status = job.get().await.status.unwrap_or_default();
        let blamed = status.conditions.iter().any(|condition| condition.reason.starts_with("Source"));
        assert!(!blamed, "{}", job.describe().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A leader that starts in mid-job and has read nothing yet leaves the workers as they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_starts_without_its_dependencies_removes_no_worker() {
    let place = Place::new().await;
    let first = place.start_operator().await;
    let job = place.create(&slow(KEEP)).await;
    place.site.until_signed(100).await;
    first.signal(rustix::process::Signal::TERM);
    first.end_within(Duration::from_secs(5)).await.assert_code(0);
    place.postgres.cut().await;
    place.nats.cut().await;
    let _second = place.start_operator().await;
    assert_not_scaled_in(&job, Duration::from_secs(10)).await;
    job.until_condition(ConditionType::Ready, "False", Reason::LedgerUnavailable).await;
    place.postgres.restore().await;
    place.nats.restore().await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
}

async fn left_behind(place: &Place, namespace: &str) -> usize {
    let events = Api::<Event>::namespaced(place.client.clone(), namespace);
    events.list(&ListParams::default().fields("reason=LeftBehind")).await.unwrap().items.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_deleted_while_both_are_away_goes_in_time_and_is_swept_later() {
    let place = Place::apart().await;
    let operator = place.operator("operator").await.args(&["--finalizer-timeout", "5s"]).start();
    operator.until_leading().await;
    let job = place.create(&slow(FORGET)).await;
    place.site.until_signed(100).await;
    place.postgres.cut().await;
    place.nats.cut().await;
    job.delete().await;
    let begun = Instant::now();
    job.until_gone(Duration::from_secs(15)).await;
    assert!(begun.elapsed() >= Duration::from_secs(4), "it gave up before its deadline");
    for namespace in [&place.namespace, &place.operator_namespace] {
        until("an Event says what was left", || async { left_behind(&place, namespace).await == 1 }).await;
    }
    place.until_no_children().await;
    assert_eq!(place.site.number("SELECT count(*) FROM vaultstream.jobs WHERE live").await, 1, "nothing was left");

    operator.signal(rustix::process::Signal::TERM);
    operator.end_within(Duration::from_secs(5)).await.assert_code(0);
    place.postgres.restore().await;
    place.nats.restore().await;
    let _next = place.start_operator().await;
    until("the sweep has removed it", || async {
        place.site.number("SELECT count(*) FROM vaultstream.jobs").await == 0
    })
    .await;
    until("its streams are gone", || async { place.streams_of(&job).await.is_empty() }).await;
    assert_eq!(place.site.number("SELECT count(*) FROM vaultstream.signatures").await, 0);
}

/// What it left is removed by the same leader, at the latest when a new job needs the name.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_free_again_after_a_deletion_that_left_something() {
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--finalizer-timeout", "5s"]).start();
    operator.until_leading().await;
    let old = place.create(&slow(KEEP)).await;
    place.site.until_signed(100).await;
    place.postgres.cut().await;
    place.nats.cut().await;
    old.delete().await;
    old.until_gone(Duration::from_secs(15)).await;
    place.postgres.restore().await;
    place.nats.restore().await;
    let new = place.create(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    new.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
    until("the old one's streams are gone", || async { place.streams_of(&old).await.is_empty() }).await;
    let kept = format!(
        "SELECT count(*) FROM vaultstream.signatures s JOIN vaultstream.jobs j ON j.id = s.job_id WHERE j.uid = '{}'",
        old.uid
    );
    assert!(place.site.number(&kept).await >= 100, "retained signatures are gone");
}
