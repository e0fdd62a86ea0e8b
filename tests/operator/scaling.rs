//! The mode Direct: the operator itself writes the number of workers.

use crate::harness::{Place, assert_complete_in, generated, until};

/// Three workers at first, fewer as the backlog shrinks, none at the end.
#[tokio::test(flavor = "multi_thread")]
async fn workers_follow_the_backlog_up_and_down() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let spec = "batchSize: 50\nkeys: {count: 6, lease: {records: 200, duration: 5s}}\n\
                workers: {maxReplicas: 3, maxRecordsPerSecond: 100}\nautoscaling: {mode: Direct, targetBacklog: 1000}";
    let job = place.create(&generated("job", 3000, spec)).await;
    until("three workers are wanted", || async { job.replicas().await == Some(3) }).await;
    until("two workers are wanted", || async { job.replicas().await == Some(2) }).await;
    until("one worker is wanted", || async { job.replicas().await == Some(1) }).await;
    job.until_complete().await;
    place.until_no_children().await;
    assert_complete_in(&place.site, &place.namespace, "job", 3000, 0).await;
}
