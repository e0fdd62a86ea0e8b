//! A ledger that has less of a job than it had before: the job fails, and none of its records is signed a second time.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob};

use crate::harness::{Job, Operator, Place, assert_complete_in, condition, generated, until};

/// Twenty seconds of work.
fn slow() -> String {
    let spec = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
                workers: {maxReplicas: 1, maxRecordsPerSecond: 50}";
    generated("job", 1000, spec)
}

/// As a database that was restored to a time before the job began.
async fn lose_the_row(place: &Place) {
    place.site.execute("DELETE FROM vaultstream.keys; DELETE FROM vaultstream.jobs").await;
}

async fn end(operator: Operator) {
    operator.signal(Signal::TERM);
    operator.end_within(Duration::from_secs(10)).await.assert_code(0);
}

/// Waits until the job has failed with a message that says what to do, and its workers and streams are gone.
async fn until_lost(place: &Place, job: &Job) -> SigningJob {
    job.until_phase(Phase::Failed).await;
    let now = job.until_condition(ConditionType::Failed, "True", Reason::LedgerLost).await;
    let message = &condition(&now, ConditionType::Failed).unwrap().message;
    assert!(message.contains("nothing is signed again") && message.contains("create it again"), "{message}");
    for (type_, status) in [(ConditionType::Ready, "False"), (ConditionType::Stalled, "True")] {
        assert_eq!(
            condition(&now, type_).map(|is| (is.status.as_str(), is.reason.as_str())),
            Some((status, "LedgerLost"))
        );
    }
    until("there is an Event", || async { !job.events("LedgerLost").await.is_empty() }).await;
    place.until_no_children().await;
    until("its streams are gone", || async { place.streams_of(job).await.is_empty() }).await;
    now
}

async fn assert_not_created_again(place: &Place) {
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(place.site.number("SELECT count(*) FROM vaultstream.jobs").await, 0, "the row was created again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_row_is_gone_has_failed_until_it_is_created_again() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&slow()).await;
    place.site.until_signed(100).await;
    lose_the_row(&place).await;
    until_lost(&place, &job).await;
    assert_not_created_again(&place).await;
    end(operator).await;
    let _next = place.start_operator().await;
    assert_not_created_again(&place).await;

    job.delete().await;
    job.until_gone(Duration::from_secs(30)).await;
    let again = place.create(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    again.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_finds_no_row_of_a_running_job_creates_none() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&slow()).await;
    place.site.until_signed(50).await;
    job.until_phase(Phase::Signing).await;
    end(operator).await;
    lose_the_row(&place).await;
    let _next = place.start_operator().await;
    until_lost(&place, &job).await;
    assert_not_created_again(&place).await;
}

/// Suspends the job, and waits until its status has every signature.
async fn suspend(place: &Place, job: &Job) -> i64 {
    job.patch(json!({"spec": {"suspend": true}})).await;
    job.until_phase(Phase::Suspended).await;
    place.until_no_children().await;
    let signed = place.site.signed().await;
    let reported = |job: &SigningJob| job.status.as_ref()?.records.as_ref()?.signed;
    job.until("the status has every signature", |job| reported(job) == Some(signed.unsigned_abs())).await;
    signed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_to_an_earlier_time_fails_the_jobs_that_have_signed_since() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let job = place.create(&slow()).await;
    place.site.until_signed(100).await;
    let before = suspend(&place, &job).await;
    end(operator).await;
    place.site.back_up().await;

    let operator = place.start_operator().await;
    job.patch(json!({"spec": {"suspend": false}})).await;
    place.site.until_signed(before + 200).await;
    let after = suspend(&place, &job).await;
    end(operator).await;
    place.site.restore().await;
    assert_eq!(place.site.signed().await, before);

    let _next = place.start_operator().await;
    let failed = until_lost(&place, &job).await;
    let message = &condition(&failed, ConditionType::Failed).unwrap().message;
    assert!(message.contains(&before.to_string()) && message.contains(&after.to_string()), "{message}");
    job.patch(json!({"spec": {"suspend": false}})).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(place.site.signed().await, before, "records were signed again");
    assert_eq!(place.site.text("SELECT state FROM vaultstream.jobs").await, "Failed");
}
