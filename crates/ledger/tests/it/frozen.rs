//! Sessions whose client stopped in the middle of its commit.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use vaultstream_ledger::commit::{self, Committed};
use vaultstream_ledger::leases::{self, LeaseOutcome};
use vaultstream_ledger::{BatchRange, Job, JobId, Lease};

use crate::stage::{MINUTE, Stage, generated, segment};

/// A client that passed its fence, began its COPY, and neither reads nor writes any more.
async fn frozen_in_copy(stage: &Stage, job: &Job, lease: &Lease, range: &BatchRange) -> Client {
    let client = stage.sql().await;
    client
        .batch_execute(&format!(
            "BEGIN; SET LOCAL application_name = 'vs:{}'; SET LOCAL statement_timeout = '500ms'; \
             SET LOCAL idle_in_transaction_session_timeout = '500ms'; \
             SELECT vaultstream.fence_unit({}, ARRAY[{}::bigint], ARRAY[{}::bigint], ARRAY[{}::bigint], {}, {}, '{}', 1)",
            lease.id, job.id, range.batch, range.first, range.last, lease.key, lease.epoch, lease.id
        ))
        .await
        .unwrap();
    let copy =
        format!("COPY vaultstream.signatures_{} (record_id, key_id, signature) FROM STDIN (FORMAT binary)", job.id);
    let sink: tokio_postgres::CopyInSink<bytes::Bytes> = client.copy_in(&copy).await.unwrap();
    // Never finished, never dropped: that is what a stopped process looks like to the server.
    std::mem::forget(sink);
    client
}

async fn sessions(stage: &Stage, lease: &Lease) -> i64 {
    stage.number(&format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vs:{}'", lease.id)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_frozen_in_its_copy_is_ended_after_its_lease_and_another_commits() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    let frozen_lease = stage.lease(&job, keys[0], Duration::from_millis(1500)).await;
    let frozen = frozen_in_copy(&stage, &job, &frozen_lease, &ranges[0]).await;
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(
        sessions(&stage, &frozen_lease).await,
        1,
        "Postgres ended the session by itself: this test shows nothing"
    );

    let lease = stage.lease(&job, keys[1], MINUTE).await;
    let unit: Vec<_> = ranges[..3].iter().map(|range| segment(range, lease.key)).collect();
    let began = Instant::now();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(sessions(&stage, &frozen_lease).await, 0);
    assert_eq!(stage.stored(&job).await, 30);
    drop(frozen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_frozen_session_is_leased_again_after_its_lease() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 1)).await;
    let range = stage.ranges(&job).await[0];
    let key = stage.keys(&job).await[0];
    let old = stage.lease(&job, key, Duration::from_millis(1500)).await;
    let frozen = frozen_in_copy(&stage, &job, &old, &range).await;

    // While the lease lasts, no session waits for it and none ends it.
    let LeaseOutcome::HeldFor(left) = leases::take(&stage.ledger, job.id, key, MINUTE).await.unwrap() else { panic!() };
    assert!(left > Duration::ZERO && left <= Duration::from_millis(1500), "{left:?}");
    assert_eq!(sessions(&stage, &old).await, 1);
    tokio::time::sleep(left + Duration::from_millis(50)).await;
    let mut tries = 0;
    let lease = loop {
        match leases::take(&stage.ledger, job.id, key, MINUTE).await.unwrap() {
            LeaseOutcome::Granted(lease) => break lease,
            LeaseOutcome::HeldFor(_) if tries < 50 => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other:?}"),
        }
        tries += 1;
    };
    assert_eq!(lease.epoch, old.epoch + 1);
    assert_eq!(stage.commit(&job, &lease, &[segment(&range, key)]).await, Committed::Done);
    assert_eq!(stage.commit(&job, &old, &[segment(&range, key)]).await, Committed::AlreadySigned(vec![range.batch]));
    drop(frozen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_session_is_left_alone_while_its_lease_lasts() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    let slow_lease = stage.lease(&job, keys[0], MINUTE).await;
    let slow = frozen_in_copy(&stage, &job, &slow_lease, &ranges[0]).await;
    let lease = stage.lease(&job, keys[1], Duration::from_secs(5)).await;
    let unit = [segment(&ranges[0], lease.key)];
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::LeaseLost);
    assert_eq!(leases::end_expired(&stage.ledger, job.id).await.unwrap(), 0);
    assert_eq!(leases::end_expired(&stage.ledger, JobId(4711)).await.unwrap(), 0);
    assert_eq!(sessions(&stage, &slow_lease).await, 1);
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_dropped_halfway_leaves_no_transaction_in_the_pool() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20_000, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let unit: Vec<_> = ranges.iter().map(|range| segment(range, lease.key)).collect();
    let mut cut = 0;
    for step in 0..40 {
        let patience = Duration::from_micros(300 * step);
        if tokio::time::timeout(patience, commit::unit(&stage.ledger, job.id, &lease, &unit, false)).await.is_err() {
            cut += 1;
        }
        // Whatever connection comes next is in no transaction.
        stage.ledger.ping().await.unwrap();
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        let mut left = 1;
        for _ in 0..100 {
            left = stage.number(sql).await;
            if left == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(left, 0);
    }
    assert!(cut > 3, "only {cut} commits were cut");
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(stage.stored(&job).await, 20_000);
}
