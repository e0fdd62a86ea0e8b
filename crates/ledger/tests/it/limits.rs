//! What jobs may take of the ledger, counted in the ledger.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::{DeletionPolicy, Retention, SigningJobSpec};
use vaultstream_ledger::limits::{Allowance, LedgerLimits, LimitExceeded, Quantity};
use vaultstream_ledger::steps::{self, Seeding, Step, StepError};
use vaultstream_ledger::{Job, JobState, Ledger, NewJob, jobs};

use crate::stage::{Stage, Unseeded, generated, of_table, seed_chunk};

fn of_tenant(tenant: Allowance) -> LedgerLimits {
    LedgerLimits { tenant, ..LedgerLimits::default() }
}

fn records(limit: u64) -> LedgerLimits {
    of_tenant(Allowance { generated_records: Some(limit), ..Allowance::default() })
}

/// A job of that namespace, of which nothing is made yet.
async fn pending_in(stage: &Stage, namespace: &str, spec: SigningJobSpec) -> Job {
    let uid = Uuid::new_v4();
    let (cluster, namespace, name) = ("test".to_owned(), namespace.to_owned(), format!("job-{uid}"));
    jobs::ensure(&stage.ledger, &NewJob { uid, cluster, namespace, name, spec, generation: 1 }).await.unwrap().job
}

/// Begins the job unless a limit is in the way.
async fn begin(ledger: &Ledger, job: &Job) -> Result<(), LimitExceeded> {
    loop {
        match steps::provision(ledger, job.id).await {
            Ok(Step::Done(())) => return Ok(()),
            // Others begin at the same time.
            Ok(Step::Busy) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(StepError::Limit(exceeded)) => return Err(exceeded),
            other => panic!("{other:?}"),
        }
    }
}

async fn seed(ledger: &Ledger, job: &Job) {
    while let Step::Done(Seeding::More { .. }) = seed_chunk(ledger, job.id, 1000).await.unwrap() {}
}

async fn set_state(stage: &Stage, job: &Job, state: JobState) {
    let sql = format!("UPDATE vaultstream.jobs SET state = '{state}' WHERE id = {}", job.id);
    stage.sql().await.batch_execute(&sql).await.unwrap();
}

/// All of them wait until one may make its partitions. Whatever they counted before, each has to count those that began meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_jobs_that_begin_at_the_same_moment_no_more_begin_than_the_limit_allows() {
    let stage = Stage::new().await;
    let ledger = stage.ledger.with_limits(of_tenant(Allowance { jobs: Some(3), ..Allowance::default() }));
    let mut other = stage.sql().await;
    let held = other.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE vaultstream.signatures IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    let mut begun = Vec::new();
    for _ in 0..8 {
        let (ledger, job) = (ledger.clone(), stage.pending(generated(10, 10, 1)).await);
        begun.push(tokio::spawn(async move { begin(&ledger, &job).await }));
    }
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    // On a busy machine not all of them wait at one time.
    for _ in 0..500 {
        if stage.number(waiting).await >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    held.commit().await.unwrap();
    let begun: Vec<_> = futures_util::future::join_all(begun).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 3, "{begun:?}");
    let at_work = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Seeding'";
    assert_eq!(stage.number(at_work).await, 3);
    let pending = "SELECT count(*) FROM vaultstream.jobs j WHERE state = 'Pending' \
                     AND to_regclass('vaultstream.records_' || j.id) IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM vaultstream.keys k WHERE k.job_id = j.id)";
    assert_eq!(stage.number(pending).await, 5, "nothing was made for the others");
}

#[tokio::test]
async fn records_of_a_finished_job_count_until_they_are_deleted() {
    let stage = Stage::new().await;
    let ledger = stage.ledger.with_limits(records(150));
    let first = stage.pending(generated(100, 10, 1)).await;
    begin(&ledger, &first).await.unwrap();
    seed(&ledger, &first).await;
    let second = stage.pending(generated(100, 10, 1)).await;
    let exceeded = begin(&ledger, &second).await.unwrap_err();
    let LimitExceeded { quantity, own, others, limit, .. } = exceeded;
    assert_eq!((quantity, own, others, limit), (Quantity::GeneratedRecords, 100, 100, 150));
    assert_eq!(stage.job(second.id).await.state, JobState::Pending);

    set_state(&stage, &first, JobState::Complete).await;
    assert_eq!(begin(&ledger, &second).await, Err(exceeded), "they are still there");
    let keep = DeletionPolicy { records: Retention::Retain, signatures: Retention::Retain };
    while let Step::Done(steps::Deleted::More) = steps::delete(&ledger, first.id, &keep).await.unwrap() {}
    assert_eq!(begin(&ledger, &second).await, Err(exceeded), "the SigningJob is gone, and they are retained");
    let policy = DeletionPolicy { records: Retention::Delete, ..keep };
    while let Step::Done(steps::Deleted::More) = steps::delete(&ledger, first.id, &policy).await.unwrap() {}
    begin(&ledger, &second).await.unwrap();
}

#[tokio::test]
async fn jobs_that_have_ended_make_room_for_jobs_keys_and_batches() {
    let stage = Stage::new().await;
    let limits = Allowance { jobs: Some(1), keys: Some(6), batches: Some(10), ..Allowance::default() };
    let ledger = stage.ledger.with_limits(of_tenant(limits));
    let first = stage.pending(generated(100, 10, 5)).await;
    begin(&ledger, &first).await.unwrap();
    seed(&ledger, &first).await;
    let second = stage.pending(generated(100, 10, 5)).await;
    assert_eq!(begin(&ledger, &second).await.unwrap_err().quantity, Quantity::Jobs);
    let without_jobs = Allowance { jobs: None, ..limits };
    let ledger_without_jobs = stage.ledger.with_limits(of_tenant(without_jobs));
    assert_eq!(begin(&ledger_without_jobs, &second).await.unwrap_err().quantity, Quantity::Keys);
    set_state(&stage, &first, JobState::Failed).await;
    begin(&ledger, &second).await.unwrap();
}

#[tokio::test]
async fn a_namespace_is_counted_by_itself_and_the_cluster_as_a_whole() {
    let stage = Stage::new().await;
    let spec = || generated(100, 10, 1);
    let ledger = stage.ledger.with_limits(records(100));
    let first = pending_in(&stage, "one", spec()).await;
    begin(&ledger, &first).await.unwrap();
    let second = pending_in(&stage, "two", spec()).await;
    begin(&ledger, &second).await.unwrap();
    assert!(begin(&ledger, &pending_in(&stage, "one", spec()).await).await.is_err());

    let cluster = Allowance { generated_bytes: Some(3 * 3_200 - 1), ..Allowance::default() };
    let ledger = stage.ledger.with_limits(LedgerLimits { cluster, ..LedgerLimits::default() });
    let third = pending_in(&stage, "three", spec()).await;
    let exceeded = begin(&ledger, &third).await.unwrap_err();
    assert_eq!((exceeded.quantity, exceeded.own, exceeded.others), (Quantity::GeneratedBytes, 3_200, 6_400));
}

/// Five million keys would be made one by one, and all of them be in the receipt.
#[tokio::test]
async fn a_key_for_each_record_is_beyond_the_limit_before_anything_is_made() {
    let stage = Stage::new().await;
    let limits = Allowance { keys: Some(200_000), ..Allowance::default() };
    let mut spec = generated(5_000_000, 1, 1);
    spec.keys.max_signatures = Some(1);
    let job = stage.pending(spec).await;
    let exceeded = begin(&stage.ledger.with_limits(of_tenant(limits)), &job).await.unwrap_err();
    assert_eq!((exceeded.quantity, exceeded.own), (Quantity::Keys, 5_000_002));
    assert!(exceeded.to_string().contains("5000002 keys, and the limit limits.tenant.keys is 200000"), "{exceeded}");
}

/// How many rows a table has is known when it is planned.
#[tokio::test]
async fn a_table_is_planned_up_to_the_limit_and_on_from_there_once_there_is_room() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let table = "CREATE TABLE letters (id bigint PRIMARY KEY, body text);
                 INSERT INTO letters SELECT n, 'letter' FROM generate_series(1, 100) n";
    sql.batch_execute(table).await.unwrap();
    let limited =
        |batches| stage.ledger.with_limits(of_tenant(Allowance { batches: Some(batches), ..Allowance::default() }));
    let job = stage.pending(of_table("letters", 10)).await;
    let ledger = limited(7);
    begin(&ledger, &job).await.unwrap();
    let exceeded = loop {
        match seed_chunk(&ledger, job.id, 30).await {
            Ok(Step::Done(Seeding::More { .. })) => {}
            Err(Unseeded::Step(StepError::Limit(exceeded))) => break exceeded,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((exceeded.quantity, exceeded.own, exceeded.limit), (Quantity::Batches, 9, 7));
    assert_eq!(stage.job(job.id).await.batches, Some(6), "what was within it is kept");
    seed(&limited(10), &job).await;
    let job = stage.job(job.id).await;
    assert_eq!((job.state, job.batches, job.total), (JobState::Signing, Some(10), Some(100)));
}
