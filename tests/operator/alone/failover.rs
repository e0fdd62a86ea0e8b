//! How fast another replica acts when the leader is gone.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Job, Operator, Place, generated};

/// Two replicas, with the Lease as long as it is by default. The first one leads.
async fn two(place: &Place) -> (Operator, Operator) {
    let first = place.operator("first").await.start();
    first.until_leading().await;
    let second = place.operator("second").await.start();
    second.until_ready().await;
    (first, second)
}

/// Waits until a leader acts: a new SigningJob has a status.
async fn until_acted(place: &Place, limit: Duration) -> Duration {
    let begun = Instant::now();
    let job: Job = place.create(&generated("after", 20, "batchSize: 20\nkeys: {count: 1}")).await;
    job.within(limit, "another replica acts", |job| job.status.is_some()).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_acts_within_20_seconds_after_the_leader_was_killed() {
    let place = Place::quiet().await;
    let (first, second) = two(&place).await;
    first.signal(Signal::KILL);
    let took = until_acted(&place, Duration::from_secs(20)).await;
    assert!(second.is_leading().await);
    println!("failover after kill -9: {:.1} s", took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_acts_within_2_seconds_after_the_leader_was_told_to_end() {
    let place = Place::quiet().await;
    let (first, second) = two(&place).await;
    let begun = Instant::now();
    first.signal(Signal::TERM);
    let took = until_acted(&place, Duration::from_secs(2)).await;
    assert!(second.is_leading().await);
    first.end_within(Duration::from_secs(5)).await.assert_code(0);
    println!(
        "failover after SIGTERM: {:.1} s, the leader ended after {:.1} s",
        took.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
}
