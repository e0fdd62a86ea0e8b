//! Limits of what a namespace takes of the ledger, and seeding that is stopped in the middle of a statement.

use std::time::{Duration, Instant};

use serde_json::json;
use vaultstream_api::{ConditionType, Phase, Reason};

use crate::harness::{Job, Place, assert_complete_in, condition, generated, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}";

async fn until_limited(job: &Job) -> String {
    let limited = job.until_condition(ConditionType::Ready, "False", Reason::LimitExceeded).await;
    assert_eq!(limited.status.as_ref().unwrap().phase, Some(Phase::Pending));
    condition(&limited, ConditionType::Ready).unwrap().message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_beyond_a_limit_waits_with_the_number_and_starts_by_itself() {
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--tenant-jobs", "1"]).start();
    operator.until_leading().await;
    let slow = format!("{SPEC}\nworkers: {{maxReplicas: 1, maxRecordsPerSecond: 100}}");
    let first = place.create(&generated("first", 1000, &slow)).await;
    first.until_phase(Phase::Signing).await;
    let second = place.create(&generated("second", 100, SPEC)).await;
    let message = until_limited(&second).await;
    assert!(message.starts_with("metadata.namespace: the jobs of the namespace are as many as"), "{message}");
    assert!(message.contains("the limit limits.tenant.jobs allows, which is 1"), "{message}");
    until("there is an Event", || async { !second.events("LimitExceeded").await.is_empty() }).await;
    assert!(second.deployment().await.is_none());
    let made = "SELECT count(*) FROM vaultstream.jobs j WHERE name = 'second' AND to_regclass('vaultstream.records_' || id) IS NOT NULL";
    assert_eq!(place.site.number(made).await, 0);
    // It tries again: no further Event, however often.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(second.events("LimitExceeded").await.len(), 1);

    first.until_complete().await;
    let done = second.until_complete().await;
    assert_eq!(condition(&done, ConditionType::Stalled).unwrap().status, "False");
    assert_complete_in(&place.site, &place.namespace, "second", 100, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_too_large_by_itself_starts_when_the_limit_is_raised() {
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--tenant-generated-records", "150"]).start();
    operator.until_leading().await;
    let large = place.create(&generated("large", 200, SPEC)).await;
    let message = until_limited(&large).await;
    assert!(
        message.contains("takes 200 generated records, and the limit limits.tenant.generatedRecords is 150"),
        "{message}"
    );
    // It holds up no other one.
    let small = place.create(&generated("small", 100, SPEC)).await;
    small.until_complete().await;
    drop(operator);
    let operator = place.operator("operator").await.args(&["--tenant-generated-records", "0"]).start();
    operator.until_leading().await;
    large.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "large", 200, 0).await;
}

/// Has the next statement that seeds a job take very long, and waits for it.
async fn until_it_seeds_for_long(place: &Place, job: &Job) {
    place
        .site
        .execute(
            "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
             CREATE TRIGGER slow AFTER UPDATE OF seeded ON vaultstream.jobs EXECUTE FUNCTION public.slow()",
        )
        .await;
    job.patch(json!({"spec": {"suspend": false}})).await;
    until("a statement seeds", || async { seeding(place).await == 1 }).await;
}

async fn seeding(place: &Place) -> i64 {
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    place.site.number(sleeps).await
}

/// Between the change and the operator's knowledge of it is a watch, and reconciles are debounced.
async fn assert_it_ends_soon(place: &Place, since: Instant) {
    until("the statement is over", || async { seeding(place).await == 0 }).await;
    let took = since.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_seeds_ends_when_its_job_is_suspended_and_when_it_is_deleted() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, &format!("{SPEC}\nsuspend: true"))).await;
    job.until_phase(Phase::Suspended).await;
    until_it_seeds_for_long(&place, &job).await;
    let suspended = Instant::now();
    job.patch(json!({"spec": {"suspend": true}})).await;
    assert_it_ends_soon(&place, suspended).await;
    job.until_phase(Phase::Suspended).await;

    job.patch(json!({"spec": {"suspend": false}})).await;
    until("a statement seeds", || async { seeding(&place).await == 1 }).await;
    let deleted = Instant::now();
    job.delete().await;
    assert_it_ends_soon(&place, deleted).await;
    job.until_gone(Duration::from_secs(30)).await;
}
