use std::time::Duration;

use bytes::Bytes;
use vaultstream_ledger::batches::{self, Split};
use vaultstream_ledger::commit::{self, CommitError, Committed, Reject};
use vaultstream_ledger::leases::{self, LeaseOutcome};
use vaultstream_ledger::steps::{self, Finish, Step};
use vaultstream_ledger::{BatchNo, JobId, JobState, jobs, progress};

use crate::stage::{MINUTE, Stage, all_signed, generated, segment, segment_of};

#[tokio::test]
async fn a_unit_is_committed_whole_with_its_batches_and_its_keys_counters() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let mut segments: Vec<_> = ranges[..3].iter().map(|range| segment(range, lease.key)).collect();
    let last = segments.last_mut().unwrap();
    *last = segment_of(&ranges[2], lease.key, &[21, 22, 23, 24, 26, 27, 28, 29, 30]);
    last.rows = 10;
    last.rejected = 1;
    last.rejects = vec![Reject { id: 25, reason: "Null".into(), detail: "the payload is NULL".into(), attempts: 0 }];
    let outcome = commit::unit(&stage.ledger, job.id, &lease, &segments, true).await.unwrap();
    assert_eq!(outcome, Committed::Done);

    assert_eq!(stage.stored(&job).await, 29);
    let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((now.total, now.signed, now.rejected, now.backlog, now.changed), (100, 29, 1, 70, 0));
    assert_eq!((now.batches_signed, now.keys_leased, all_signed(&now)), (3, 0, false));
    let rejected = vaultstream_ledger::rejects(&stage.ledger, &job, None, 10).await.unwrap();
    assert_eq!((rejected.len(), rejected[0].id, rejected[0].reason.as_str()), (1, 25, "Null"));
    assert_eq!(stage.ranges(&job).await[0].batch, BatchNo(3));
    // The lease was given back with the commit.
    assert!(matches!(leases::take(&stage.ledger, job.id, lease.key, MINUTE).await.unwrap(), LeaseOutcome::Granted(_)));
}

#[tokio::test]
async fn a_unit_committed_twice_under_its_lease_is_stored_once() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    let segments: Vec<_> = stage.ranges(&job).await[..2].iter().map(|range| segment(range, lease.key)).collect();
    for _ in 0..2 {
        assert_eq!(stage.commit(&job, &lease, &segments).await, Committed::Done);
    }
    assert_eq!(stage.stored(&job).await, 20);
    assert_eq!(progress(&stage.ledger, job.id).await.unwrap().unwrap().signed, 20);
}

#[tokio::test]
async fn signed_batches_are_named_and_nothing_of_the_unit_is_committed() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    let first = stage.lease(&job, keys[0], MINUTE).await;
    let done: Vec<_> = ranges[1..3].iter().map(|range| segment(range, first.key)).collect();
    assert_eq!(stage.commit(&job, &first, &done).await, Committed::Done);

    let second = stage.lease(&job, keys[1], MINUTE).await;
    let mut unit: Vec<_> = ranges[..4].iter().map(|range| segment(range, second.key)).collect();
    let outcome = stage.commit(&job, &second, &unit).await;
    assert_eq!(outcome, Committed::AlreadySigned(vec![BatchNo(1), BatchNo(2)]));
    assert_eq!(stage.stored(&job).await, 20);
    // What is left goes through under the same lease.
    unit.retain(|segment| segment.batch != BatchNo(1) && segment.batch != BatchNo(2));
    assert_eq!(stage.commit(&job, &second, &unit).await, Committed::Done);
    assert_eq!(stage.stored(&job).await, 40);
}

#[tokio::test]
async fn the_fence_refuses_a_wrong_epoch_a_foreign_holder_and_a_retired_key() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 2)).await;
    let range = stage.ranges(&job).await[0];
    let lease = stage.first_lease(&job).await;
    let unit = [segment(&range, lease.key)];

    let mut wrong = lease.clone();
    wrong.epoch += 1;
    assert_eq!(stage.commit(&job, &wrong, &unit).await, Committed::LeaseLost);
    let mut foreign = lease.clone();
    foreign.id = uuid::Uuid::new_v4();
    assert_eq!(stage.commit(&job, &foreign, &unit).await, Committed::LeaseLost);
    let mut other_key = lease.clone();
    other_key.key = stage.keys(&job).await[1];
    assert_eq!(stage.commit(&job, &other_key, &unit).await, Committed::LeaseLost);
    assert!(leases::retire(&stage.ledger, &lease).await.unwrap());
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::LeaseLost);
    assert_eq!(stage.stored(&job).await, 0);
}

#[tokio::test]
async fn the_fence_refuses_a_lease_that_has_expired_even_when_no_other_worker_took_it() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 1)).await;
    let range = stage.ranges(&job).await[0];
    let mut lease = stage.first_lease(&job).await;
    stage
        .sql()
        .await
        .batch_execute(
            "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 ms' WHERE holder IS NOT NULL",
        )
        .await
        .unwrap();
    // The worker's own clock may believe what it likes.
    lease.expires = lease.expires.plus(MINUTE);
    assert_eq!(stage.commit(&job, &lease, &[segment(&range, lease.key)]).await, Committed::LeaseLost);
    assert_eq!(stage.stored(&job).await, 0);
}

#[tokio::test]
async fn the_receipt_key_never_signs_records() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let range = stage.ranges(&job).await[0];
    let key = vaultstream_ledger::steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    let lease = stage.lease(&job, key, MINUTE).await;
    assert_eq!(stage.commit(&job, &lease, &[segment(&range, key)]).await, Committed::LeaseLost);
}

#[tokio::test]
async fn a_key_signs_no_more_than_it_may() {
    let stage = Stage::new().await;
    let mut spec = generated(100, 10, 1);
    spec.keys.max_signatures = Some(25);
    let job = stage.signing(spec).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let two: Vec<_> = ranges[..2].iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &two).await, Committed::Done);
    let third = [segment(&ranges[2], lease.key)];
    assert_eq!(stage.commit(&job, &lease, &third).await, Committed::KeySpent { left: 5 });
    assert_eq!(stage.stored(&job).await, 20);
}

#[tokio::test]
async fn a_job_that_ended_or_is_gone_takes_no_unit() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 1)).await;
    let range = stage.ranges(&job).await[0];
    let lease = stage.first_lease(&job).await;
    let unit = [segment(&range, lease.key)];
    let sql = stage.sql().await;
    sql.batch_execute(&format!("DROP TABLE vaultstream.signatures_{} CASCADE", job.id)).await.unwrap();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::JobGone);
    let job = stage.signing(generated(100, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    let unit = [segment(&stage.ranges(&job).await[0], lease.key)];
    sql.batch_execute("UPDATE vaultstream.jobs SET state = 'Failed'").await.unwrap();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::JobGone);
    assert_eq!(commit::unit(&stage.ledger, JobId(77), &lease, &unit, false).await.unwrap(), Committed::JobGone);
}

#[tokio::test]
async fn a_unit_that_contradicts_itself_never_reaches_the_server() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20, 10, 1)).await;
    let range = stage.ranges(&job).await[0];
    let lease = stage.first_lease(&job).await;
    let good = segment(&range, lease.key);
    let mut short = good.clone();
    short.copy = Bytes::copy_from_slice(&good.copy[..good.copy.len() - 1]);
    let mut counts = good.clone();
    counts.rejected = 1;
    for unit in [vec![short], vec![counts], vec![good.clone(), good]] {
        let error = commit::unit(&stage.ledger, job.id, &lease, &unit, false).await.unwrap_err();
        assert!(matches!(error, CommitError::Malformed(_)), "{error}");
    }
    assert_eq!(stage.stored(&job).await, 0);
}

#[tokio::test]
async fn a_record_that_was_signed_twice_keeps_its_job_from_completing() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    assert_eq!(stage.commit(&job, &lease, &[segment(&ranges[0], lease.key)]).await, Committed::Done);
    let reopen = "UPDATE vaultstream.batches SET state = 'planned', merkle_root = NULL, lease = NULL WHERE batch = 0";
    let error = stage.sql().await.batch_execute(reopen).await.unwrap_err();
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("VS009"), "{error}");

    // Somebody with the rights of the owner damages the ledger all the same.
    let damage = format!("SET session_replication_role = replica; {reopen}");
    stage.sql().await.batch_execute(&damage).await.unwrap();
    let unit: Vec<_> = ranges.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(stage.stored(&job).await, 30);
    let twice = steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    assert!(
        matches!(&twice, Step::Done(Finish::SignedTwice { record }) if record.contains("(record_id)")),
        "{twice:?}"
    );
    assert_eq!(jobs::by_id(&stage.ledger, job.id).await.unwrap().unwrap().state, JobState::Signing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_that_overlap_in_reversed_order_cannot_deadlock() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20_000, 10, 8)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    let before = deadlocks(&stage).await;
    for round in 0..20 {
        let part = &ranges[round * 100..(round + 1) * 100];
        let mut tasks = Vec::new();
        for (lane, key) in keys[..4].iter().enumerate() {
            let lease = stage.lease(&job, *key, MINUTE).await;
            let mut segments: Vec<_> = part.iter().map(|range| segment(range, *key)).collect();
            if lane % 2 == 1 {
                segments.reverse();
            }
            let (ledger, id) = (stage.ledger.clone(), job.id);
            tasks.push(tokio::spawn(async move { commit::unit(&ledger, id, &lease, &segments, true).await }));
        }
        let mut done = 0;
        for task in tasks {
            match task.await.unwrap().unwrap() {
                Committed::Done => done += 1,
                Committed::AlreadySigned(batches) => assert_eq!(batches.len(), 100),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(done, 1);
        stage.sql().await.batch_execute("UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL").await.unwrap();
    }
    assert_eq!(deadlocks(&stage).await, before);
    assert_eq!(stage.stored(&job).await, 20_000);
}

async fn deadlocks(stage: &Stage) -> i64 {
    tokio::time::sleep(Duration::from_millis(1200)).await;
    stage.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await
}

#[tokio::test]
async fn a_batch_that_was_split_is_refused_with_its_new_range_and_its_tail_is_published() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let split = batches::split(&stage.ledger, job.id, BatchNo(1), 15, 4).await.unwrap();
    assert_eq!(split, Split::Done(BatchNo(3)));
    assert_eq!(batches::split(&stage.ledger, job.id, BatchNo(1), 15, 4).await.unwrap(), Split::Already);
    assert!(batches::split(&stage.ledger, job.id, BatchNo(1), 11, 0).await.is_err());

    let unit: Vec<_> = ranges.iter().map(|range| segment(range, lease.key)).collect();
    let Committed::RangeChanged(changed) = stage.commit(&job, &lease, &unit).await else { panic!() };
    assert_eq!((changed.len(), changed[0].batch, changed[0].first, changed[0].last), (1, BatchNo(1), 11, 14));
    assert_eq!(stage.stored(&job).await, 0);

    let now = stage.ranges(&job).await;
    assert_eq!(stage.job(job.id).await.batches, Some(4));
    assert_eq!((now[1].rows, now[3].first, now[3].last, now[3].rows), (4, 15, 20, 6));
    let unit: Vec<_> = now.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(batches::split(&stage.ledger, job.id, BatchNo(3), 17, 2).await.unwrap(), Split::Signed);
    let progress = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((progress.changed, progress.signed, all_signed(&progress)), (0, 30, true));
}

#[tokio::test]
async fn rejects_are_tried_again_where_nothing_else_was_signed_with_them() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let reject = |id| Reject { id, reason: "SigningFailed".into(), detail: String::new(), attempts: 5 };
    let rejecting = |range, ids: &[i64], rejects: std::ops::RangeInclusive<i64>| {
        let mut segment = segment_of(range, lease.key, ids);
        segment.rows = 10;
        segment.rejects = rejects.map(reject).collect();
        segment.rejected = segment.rejects.len() as i64;
        segment
    };
    let mixed = rejecting(&ranges[0], &[1, 2, 3, 4, 5, 6, 7, 8, 9], 10..=10);
    let alone = rejecting(&ranges[1], &[], 11..=20);
    assert_eq!(stage.commit(&job, &lease, &[mixed, alone]).await, Committed::Done);
    let figures = async || {
        let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
        (now.signed, now.rejected, now.backlog, now.batches_signed, now.changed)
    };
    assert_eq!(figures().await, (9, 11, 10, 2, 0));

    assert_eq!(steps::retry_rejects(&stage.ledger, job.id).await.unwrap(), Step::Done(10));
    assert_eq!(figures().await, (9, 1, 20, 1, 0));
    assert_eq!(stage.number("SELECT count(*) FROM vaultstream.rejects").await, 1);
    assert_eq!(steps::retry_rejects(&stage.ledger, job.id).await.unwrap(), Step::Done(0));

    let next = stage.first_lease(&job).await;
    let rest: Vec<_> = ranges[1..].iter().map(|range| segment(range, next.key)).collect();
    assert_eq!(stage.commit(&job, &next, &rest).await, Committed::Done);
    assert_eq!(figures().await, (29, 1, 0, 3, 0));
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    assert_eq!(steps::retry_rejects(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Finishing));
}
