use std::time::Duration;

use vaultstream_api::{DeletionPolicy, Retention};
use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::steps::{self, Deleted, Step};
use vaultstream_ledger::{JobState, jobs};

use crate::stage::{Stage, generated, seed_chunk, segment};

const DELETE: DeletionPolicy = DeletionPolicy { signatures: Retention::Delete, records: Retention::Delete };
const RETAIN: DeletionPolicy = DeletionPolicy { signatures: Retention::Retain, records: Retention::Retain };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_parents_stops_no_job_from_being_made_signed_or_deleted_later() {
    let stage = Stage::new().await;
    let old = stage.signing(generated(100, 10, 1)).await;
    let reader = stage.sql().await;
    reader
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vaultstream.records; SELECT count(*) FROM vaultstream.signatures")
        .await
        .unwrap();

    // Somebody deletes a job: it has to wait for the reader, and says so instead of queueing.
    let deleting = {
        let (ledger, id) = (stage.ledger.clone(), old.id);
        tokio::spawn(async move { steps::delete(&ledger, id, &DELETE).await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Meanwhile others are made and signed.
    let new = loop {
        let job = stage.pending(generated(100, 10, 1)).await;
        if steps::provision(&stage.ledger, job.id).await.unwrap() == Step::Done(()) {
            while stage.job(job.id).await.state == JobState::Seeding {
                seed_chunk(&stage.ledger, job.id, 1000).await.unwrap();
            }
            break stage.job(job.id).await;
        }
    };
    let lease = stage.first_lease(&new).await;
    let unit = [segment(&stage.ranges(&new).await[0], lease.key)];
    let began = std::time::Instant::now();
    assert_eq!(stage.commit(&new, &lease, &unit).await, Committed::Done);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // Another reader of the parent comes through, too.
    assert_eq!(stage.number("SELECT count(*) FROM vaultstream.signatures").await, 10);
    assert_eq!(deleting.await.unwrap(), Step::Done(Deleted::More));

    reader.batch_execute("COMMIT").await.unwrap();
    while steps::delete(&stage.ledger, old.id, &DELETE).await.unwrap() != Step::Done(Deleted::Done) {}
    assert!(jobs::by_id(&stage.ledger, old.id).await.unwrap().is_none());
    let left = format!("SELECT count(*) FROM pg_class WHERE relname IN ('records_{0}', 'signatures_{0}')", old.id);
    assert_eq!(stage.number(&left).await, 0);
    for table in ["keys", "batches", "rejects"] {
        assert_eq!(
            stage.number(&format!("SELECT count(*) FROM vaultstream.{table} WHERE job_id = {}", old.id)).await,
            0
        );
    }
    assert_eq!(stage.stored(&new).await, 10);
    assert_eq!(steps::delete(&stage.ledger, old.id, &DELETE).await.unwrap(), Step::Gone);
}

#[tokio::test]
async fn what_is_retained_stays_readable_and_the_name_is_free() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    let unit = [segment(&stage.ranges(&job).await[0], lease.key)];
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(steps::delete(&stage.ledger, job.id, &RETAIN).await.unwrap(), Step::Done(Deleted::Done));
    assert_eq!(stage.stored(&job).await, 10);
    assert!(jobs::live(&stage.ledger, "test", "default", &job.name).await.unwrap().is_none());
    let newest = jobs::newest(&stage.ledger, "default", &job.name).await.unwrap().unwrap();
    assert_eq!((newest.id, newest.live, newest.state), (job.id, false, JobState::Deleting));
    // It signs no more.
    let unit = [segment(&stage.ranges(&job).await[0], lease.key)];
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::JobGone);
}

#[tokio::test]
async fn records_may_go_while_signatures_stay() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(100, 10, 1)).await;
    let policy = DeletionPolicy { signatures: Retention::Retain, records: Retention::Delete };
    assert_eq!(steps::delete(&stage.ledger, job.id, &policy).await.unwrap(), Step::Done(Deleted::Done));
    assert_eq!(stage.stored(&job).await, 0);
    assert_eq!(stage.number(&format!("SELECT count(*) FROM pg_class WHERE relname = 'records_{}'", job.id)).await, 0);
    assert_eq!(stage.number(&format!("SELECT count(*) FROM vaultstream.keys WHERE job_id = {}", job.id)).await, 2);
}

#[tokio::test]
async fn a_row_of_another_job_does_not_fit_into_a_partition() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let sql = format!("INSERT INTO vaultstream.records_{} (job_id, id, payload) VALUES (4711, 99, '')", job.id);
    assert!(stage.sql().await.batch_execute(&sql).await.is_err());
}
