//! Rejects that are tried again.

use serde_json::json;
use vaultstream_api::{ConditionType, SigningJob};

use crate::harness::{Operator, Place, assert_complete_in, condition, of_table, until};

const RETRY: &str = "vaultstream.dev/retry-rejects";
/// Batches of one record, so that a reject affects no other record. Slow enough to be changed in mid-job.
const SPEC: &str = "batchSize: 1\nmaxPayloadBytes: 10\nmaxRejected: 1\nkeys: {count: 2, lease: {records: 5, duration: 5s}}\n\
                    workers: {maxReplicas: 1, maxRecordsPerSecond: 10}";

async fn place() -> (Place, Operator) {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    place.create_papers(1..=100).await;
    place.site.execute("UPDATE papers SET body = 'much too long for this' WHERE id = 5").await;
    (place, operator)
}

fn rejected(job: &SigningJob) -> Option<u64> {
    job.status.as_ref()?.records.as_ref()?.rejected
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_tried_again_while_the_job_signs() {
    let (place, _operator) = place().await;
    let job = place.create(&of_table("job", "papers", SPEC)).await;
    job.until("a record is rejected", |job| rejected(job) == Some(1)).await;
    place.site.execute("UPDATE papers SET body = 'short' WHERE id = 5").await;
    job.patch(json!({"metadata": {"annotations": {RETRY: "true"}}})).await;
    job.until("the annotation is removed", |job| {
        !job.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(RETRY))
    })
    .await;
    until("an Event says so", || async { job.events("RejectsRetried").await.len() == 1 }).await;
    let done = job.until_complete().await;
    assert_eq!(rejected(&done), Some(0), "{}", job.describe().await);
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_final_and_a_retry_is_refused_with_an_event() {
    let (place, _operator) = place().await;
    let job = place.create(&of_table("job", "papers", SPEC)).await;
    let done = job.until_complete().await;
    assert_eq!(rejected(&done), Some(1));
    job.patch(json!({"metadata": {"annotations": {RETRY: "true"}}})).await;
    until("an Event says so", || async { job.events("RetryRefused").await.len() == 1 }).await;
    let after = job.get().await;
    assert!(!after.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(RETRY)));
    assert!(condition(&after, ConditionType::Complete).is_some_and(|complete| complete.status == "True"));
    assert_eq!(rejected(&after), Some(1));
}
