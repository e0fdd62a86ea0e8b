//! Keys are erased in the transaction that ends their job, and nothing can be signed or made with them afterwards.

use std::time::Duration;

use vaultstream_api::{DeletionPolicy, KeyRetention, Reason, Retention, SigningJobSpec};
use vaultstream_ledger::commit::{self, Committed};
use vaultstream_ledger::data_keys::{self, JobDataKey, StoredDataKey};
use vaultstream_ledger::leases::{self, LeaseOutcome, Material, Stored, Wrapping};
use vaultstream_ledger::steps::{self, Deleted, Finish, ReceiptStored, Step};
use vaultstream_ledger::{Job, JobState, jobs, verify};

use crate::stage::{MINUTE, Stage, generated, material, segment};

/// Wrapped keys of the job that are left, its data key among them.
async fn wrapped(stage: &Stage, job: &Job) -> i64 {
    stage
        .number(&format!(
            "SELECT (SELECT count(wrapped_key) + count(kek_id) FROM vaultstream.keys WHERE job_id = {0})
                  + (SELECT count(wrapped_key) + count(kek_id) FROM vaultstream.data_keys WHERE job_id = {0})",
            job.id
        ))
        .await
}

/// A receipt key, and three more.
fn spec(retain: KeyRetention) -> SigningJobSpec {
    let mut spec = generated(20, 10, 3);
    spec.keys.retain = retain;
    spec
}

/// Signs everything with one key.
async fn sign(stage: &Stage, job: &Job) {
    let lease = stage.first_lease(job).await;
    let unit: Vec<_> = stage.ranges(job).await.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(job, &lease, &unit).await, Committed::Done);
}

/// Makes the job Complete.
async fn finish(stage: &Stage, job: &Job) {
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    let key = steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    let lease = stage.lease(job, key, MINUTE).await;
    let stored = steps::store_receipt(&stage.ledger, &lease, "the receipt", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    assert_ne!(wrapped(stage, job).await, 0, "the receipt is there, and the job not Complete");
    assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
}

#[tokio::test]
async fn nothing_that_is_wrapped_survives_the_transaction_that_completes_a_job() {
    let stage = Stage::new().await;
    let job = stage.signing(spec(KeyRetention::Erase)).await;
    let other = stage.signing(spec(KeyRetention::Erase)).await;
    sign(&stage, &other).await;
    let before = wrapped(&stage, &other).await;
    // A worker is paused here, with a lease and a unit.
    let held = stage.lease(&job, stage.keys(&job).await[1], MINUTE).await;
    let unit = [segment(&stage.ranges(&job).await[0], held.key)];
    sign(&stage, &job).await;
    finish(&stage, &job).await;
    assert_eq!(wrapped(&stage, &job).await, 0);
    assert_eq!(wrapped(&stage, &other).await, before, "another job's keys were erased");
    assert_eq!(data_keys::of_job(&stage.ledger, job.id).await.unwrap(), JobDataKey::Erased);
    // Public keys stay, each with the time of its erasure.
    let times = format!(
        "SELECT count(*) FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id WHERE job_id = {} \
         AND public_key IS NOT NULL AND erased_at BETWEEN j.finished_at - interval '1 minute' AND j.finished_at + interval '1 minute'",
        job.id
    );
    assert_eq!(stage.number(&times).await, 3);
    assert_eq!(verify::public_keys(&stage.ledger, job.id).await.unwrap().len(), 3);

    // It wakes up, and asks for every key, the one that was never made among them.
    let late = commit::unit(&stage.ledger, job.id, &held, &unit, false).await.unwrap();
    assert_eq!(late, Committed::AlreadySigned(vec![unit[0].batch]));
    let all = stage.sql().await.query("SELECT id FROM vaultstream.keys WHERE job_id = $1", &[&job.id.0]).await.unwrap();
    assert_eq!(all.len(), 4);
    for row in &all {
        let outcome = leases::take(&stage.ledger, job.id, vaultstream_ledger::KeyId(row.get(0)), MINUTE).await.unwrap();
        assert!(matches!(outcome, LeaseOutcome::Retired), "{outcome:?}");
    }
    assert_eq!(leases::store_material(&stage.ledger, &held, &material("late"), None).await.unwrap(), Stored::LeaseLost);
    assert_eq!(data_keys::store(&stage.ledger, job.id, b"late", "kek").await.unwrap(), StoredDataKey::Over);
    assert_eq!(wrapped(&stage, &job).await, 0);
}

#[tokio::test]
async fn keys_of_a_job_without_a_data_key_are_erased_too() {
    let stage = Stage::new().await;
    let job = stage.signing(spec(KeyRetention::Erase)).await;
    stage.without_data_key(&job).await;
    let key = stage.keys(&job).await[0];
    stage.ledger.insert_kek_canary("kek", b"canary").await.unwrap();
    for key in [key, steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap()] {
        let LeaseOutcome::Granted(lease) = leases::take(&stage.ledger, job.id, key, MINUTE).await.unwrap() else {
            panic!("not granted")
        };
        let direct = Material { wrapping: Wrapping::Kek("kek".to_owned()), ..material(&format!("public {key}")) };
        assert_eq!(leases::store_material(&stage.ledger, &lease, &direct, None).await.unwrap(), Stored::Stored);
        leases::release(&stage.ledger, &lease).await.unwrap();
    }
    sign(&stage, &job).await;
    finish(&stage, &job).await;
    assert_eq!(wrapped(&stage, &job).await, 0);
}

#[tokio::test]
async fn a_failed_job_s_keys_are_erased_as_failed_is_final() {
    let stage = Stage::new().await;
    let job = stage.signing(spec(KeyRetention::Erase)).await;
    sign(&stage, &job).await;
    assert_eq!(steps::fail(&stage.ledger, job.id, Reason::LedgerLost, "why").await.unwrap(), Step::Done(()));
    assert_eq!(wrapped(&stage, &job).await, 0);
}

#[tokio::test]
async fn kept_keys_stay_until_the_job_is_deleted_or_its_name_is_given_away() {
    let keep_signatures = DeletionPolicy { signatures: Retention::Retain, records: Retention::Delete };
    for deleted in [true, false] {
        let stage = Stage::new().await;
        let job = stage.signing(spec(KeyRetention::Keep)).await;
        sign(&stage, &job).await;
        finish(&stage, &job).await;
        assert_eq!(wrapped(&stage, &job).await, 2 + 2, "two keys, and the data key with its kek_id");
        if deleted {
            while steps::delete(&stage.ledger, job.id, &keep_signatures).await.unwrap() != Step::Done(Deleted::Done) {}
        } else {
            jobs::retire(&stage.ledger, job.id).await.unwrap();
        }
        assert_eq!(wrapped(&stage, &job).await, 0);
        assert_eq!(verify::public_keys(&stage.ledger, job.id).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_job_that_is_deleted_before_its_end_loses_its_keys_with_the_first_step() {
    let stage = Stage::new().await;
    let job = stage.signing(spec(KeyRetention::Keep)).await;
    sign(&stage, &job).await;
    let everything = DeletionPolicy { signatures: Retention::Delete, records: Retention::Delete };
    let sql = format!("UPDATE vaultstream.jobs SET state = 'Deleting' WHERE id = {}", job.id);
    stage.sql().await.batch_execute(&sql).await.unwrap();
    assert_eq!(wrapped(&stage, &job).await, 0);
    while steps::delete(&stage.ledger, job.id, &everything).await.unwrap() != Step::Done(Deleted::Done) {}
    assert_eq!(stage.number("SELECT count(*) FROM vaultstream.data_keys").await, 0);
}

/// A worker that is frozen in its commit holds the lock of its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_ends_although_a_frozen_worker_holds_the_lock_of_a_key() {
    let stage = Stage::new().await;
    let job = stage.signing(spec(KeyRetention::Erase)).await;
    let lease = stage.lease(&job, stage.keys(&job).await[0], Duration::from_millis(500)).await;
    let frozen = stage.sql().await;
    let lock = format!(
        "BEGIN; SET LOCAL application_name = 'vs:{}'; SELECT 1 FROM vaultstream.keys WHERE id = {} FOR NO KEY UPDATE",
        lease.id, lease.key
    );
    frozen.batch_execute(&lock).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut outcome = steps::fail(&stage.ledger, job.id, Reason::LedgerLost, "why").await.unwrap();
    for _ in 0..5 {
        if outcome != Step::Busy {
            break;
        }
        outcome = steps::fail(&stage.ledger, job.id, Reason::LedgerLost, "why").await.unwrap();
    }
    assert_eq!(outcome, Step::Done(()));
    assert_eq!(stage.job(job.id).await.state, JobState::Failed);
    assert_eq!(wrapped(&stage, &job).await, 0);
    assert!(frozen.batch_execute("COMMIT").await.is_err(), "the frozen session was not ended");
}
