//! Finishing, failing, and what a job remembers.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_ledger::certificates::{self, Asked, NewRequest};
use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::jobs::{self, EnsureError};
use vaultstream_ledger::steps::{self, Finish, ReceiptStored, Step};
use vaultstream_ledger::{JobState, NewJob, active_jobs, progress, verify};
use vaultstream_signing::Backend;

use crate::stage::{MINUTE, Stage, generated, segment};

#[tokio::test]
async fn a_job_goes_from_its_last_batch_to_complete_with_its_receipt() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let two: Vec<_> = ranges[..2].iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &two).await, Committed::Done);
    let unsigned = Step::Done(Finish::Unsigned { batches: 1 });
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), unsigned);
    for backend in [Backend::Native, Backend::Reference, Backend::Native] {
        jobs::record_backend(&stage.ledger, job.id, backend).await.unwrap();
    }
    let last = [segment(&ranges[2], lease.key)];
    assert_eq!(stage.commit(&job, &lease, &last).await, Committed::Done);
    let key = steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    let early = stage.lease(&job, key, MINUTE).await;
    let stored = steps::store_receipt(&stage.ledger, &early, "too early", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::LeaseLost);
    for _ in 0..2 {
        assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    }
    // Nothing is signed any more, but what was committed is still known to be.
    assert_eq!(stage.commit(&job, &lease, &last).await, Committed::Done);
    assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Finishing));

    let stored = steps::store_receipt(&stage.ledger, &lease, "not ours", &[9; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::LeaseLost, "only the receipt key signs it");
    let stored = steps::store_receipt(&stage.ledger, &early, "the receipt", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    let again = stage.lease(&job, key, MINUTE).await;
    let stored = steps::store_receipt(&stage.ledger, &again, "another", &[2; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    for _ in 0..2 {
        assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    }
    let job = stage.job(job.id).await;
    assert_eq!(
        (job.state, job.receipt.as_deref(), job.backends.clone()),
        (JobState::Complete, Some("the receipt"), vec![Backend::Native, Backend::Reference])
    );
    assert_eq!(job.merkle_root, Some(vec![1; 32]));
    let times = job.times;
    assert!(times.created <= times.seeded.unwrap() && times.seeded <= times.signed && times.signed <= times.finished);
    assert_eq!(
        steps::fail(&stage.ledger, job.id, Reason::TooManyRejects, "too late").await.unwrap(),
        Step::WrongState(JobState::Complete)
    );
    assert_eq!(verify::completeness(&stage.ledger, &job, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_failed_job_keeps_its_sentence() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    assert_eq!(
        steps::fail(&stage.ledger, job.id, Reason::TooManyRejects, "3 records were rejected").await.unwrap(),
        Step::Done(())
    );
    assert_eq!(steps::fail(&stage.ledger, job.id, Reason::LedgerLost, "another reason").await.unwrap(), Step::Done(()));
    let job = stage.job(job.id).await;
    assert_eq!((job.state, job.failure.as_deref()), (JobState::Failed, Some("3 records were rejected")));
    assert_eq!(job.failure_reason, Some(Reason::TooManyRejects));
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Failed));
    assert_eq!(steps::raise_generation(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Failed));
}

#[tokio::test]
async fn publishing_begins_anew_with_every_generation() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(50, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    assert_eq!(steps::raise_generation(&stage.ledger, job.id).await.unwrap(), Step::Done(1));
    assert_eq!(steps::mark_published(&stage.ledger, job.id, 1, 3).await.unwrap(), 3);
    assert_eq!(steps::mark_published(&stage.ledger, job.id, 1, 2).await.unwrap(), 3, "never backwards");
    let lease = stage.first_lease(&job).await;
    stage.commit(&job, &lease, &[segment(&ranges[1], lease.key)]).await;
    let numbers =
        |ranges: Vec<vaultstream_ledger::BatchRange>| ranges.iter().map(|range| range.batch.0).collect::<Vec<_>>();
    assert_eq!(numbers(steps::unsigned_published(&stage.ledger, job.id).await.unwrap()), [0, 2]);
    assert_eq!(numbers(steps::next_to_publish(&stage.ledger, job.id, 3, 10).await.unwrap()), [3, 4]);
    assert_eq!(numbers(steps::next_to_publish(&stage.ledger, job.id, 0, 2).await.unwrap()), [0, 2]);

    assert_eq!(steps::raise_generation(&stage.ledger, job.id).await.unwrap(), Step::Done(2));
    assert_eq!(stage.job(job.id).await.published, 0);
    // A paused former leader marks what it published in streams that are gone.
    assert_eq!(steps::mark_published(&stage.ledger, job.id, 1, 5).await.unwrap(), 0);
    assert_eq!(steps::unsigned_published(&stage.ledger, job.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_name_has_one_live_job_and_a_job_keeps_what_it_was_made_of() {
    let stage = Stage::new().await;
    let new = NewJob {
        uid: Uuid::new_v4(),
        cluster: "test".to_owned(),
        namespace: "default".to_owned(),
        name: "invoices".to_owned(),
        spec: generated(30, 10, 1),
        generation: 1,
    };
    let first = jobs::ensure(&stage.ledger, &new).await.unwrap();
    assert!(first.created);
    let mut changed = new.clone();
    changed.spec.suspend = true;
    changed.spec.workers.max_replicas = 7;
    let second = jobs::ensure(&stage.ledger, &changed).await.unwrap();
    assert!(!second.created && second.job.id == first.job.id && second.job.suspended);
    assert_eq!(second.job.spec.workers.max_replicas, 7);

    changed.spec.batch_size = 11;
    let Err(EnsureError::Immutable { field }) = jobs::ensure(&stage.ledger, &changed).await else { panic!() };
    assert_eq!(field.path(), "spec.batchSize");
    let other = NewJob { uid: Uuid::new_v4(), ..new.clone() };
    let Err(EnsureError::Gone) = jobs::adopt(&stage.ledger, &other).await else { panic!("a job was made") };
    let Err(EnsureError::NameTaken { uid, .. }) = jobs::ensure(&stage.ledger, &other).await else { panic!() };
    assert_eq!(uid, new.uid);

    jobs::retire(&stage.ledger, first.job.id).await.unwrap();
    let third = jobs::ensure(&stage.ledger, &other).await.unwrap();
    assert!(third.created);
    assert_eq!(jobs::live(&stage.ledger, "test", "default", "invoices").await.unwrap().unwrap().id, third.job.id);
    assert_eq!(jobs::list(&stage.ledger, false).await.unwrap().len(), 1);
    assert_eq!(jobs::list(&stage.ledger, true).await.unwrap().len(), 2);
    assert_eq!(jobs::by_uid(&stage.ledger, new.uid).await.unwrap().unwrap().id, first.job.id);
}

#[tokio::test]
async fn an_older_generation_of_a_spec_changes_nothing_and_says_so() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(30, 10, 1)).await;
    let mut newer = job.spec.clone();
    newer.suspend = true;
    let changed = jobs::update_spec(&stage.ledger, job.id, &newer, 3).await.unwrap();
    assert!(changed.suspended && changed.spec_generation == 3);

    let refused = jobs::update_spec(&stage.ledger, job.id, &job.spec, 2).await.unwrap_err();
    assert!(matches!(refused, EnsureError::Outdated { given: 2, stored: 3 }), "{refused}");
    assert!(refused.to_string().contains("nothing was changed"), "{refused}");
    let kept = stage.job(job.id).await;
    assert!(kept.suspended && kept.spec == newer && kept.spec_generation == 3);
    // As after an answer that was lost.
    jobs::update_spec(&stage.ledger, job.id, &newer, 3).await.unwrap();
}

/// The former leader has read the row already when its successor writes.
#[tokio::test]
async fn an_older_generation_that_comes_to_write_last_changes_nothing_either() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(30, 10, 1)).await;
    let mut sql = stage.sql().await;
    let successor = sql.transaction().await.unwrap();
    successor
        .execute("UPDATE vaultstream.jobs SET suspended = true, spec_generation = 4 WHERE id = $1", &[&job.id.0])
        .await
        .unwrap();
    let (ledger, spec) = (stage.ledger.clone(), job.spec.clone());
    let former = tokio::spawn(async move { jobs::update_spec(&ledger, job.id, &spec, 3).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%spec_generation%' \
                   AND datname = current_database()";
    while stage.number(waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    successor.commit().await.unwrap();
    let refused = former.await.unwrap().unwrap_err();
    assert!(matches!(refused, EnsureError::Outdated { given: 3, stored: 4 }), "{refused}");
    assert!(stage.job(job.id).await.suspended);
}

#[tokio::test]
async fn all_jobs_at_work_come_in_one_answer() {
    let stage = Stage::new().await;
    let first = stage.signing(generated(30, 10, 1)).await;
    let second = stage.signing(generated(50, 10, 2)).await;
    let done = stage.signing(generated(20, 10, 2)).await;
    let _queued = stage.signing(generated(20, 10, 2)).await;
    let mut suspended = generated(20, 10, 2);
    suspended.suspend = true;
    let suspended = stage.signing(suspended).await;
    for job in [&first, &second, &done, &suspended] {
        steps::raise_generation(&stage.ledger, job.id).await.unwrap();
    }
    steps::fail(&stage.ledger, done.id, Reason::TooManyRejects, "enough").await.unwrap();
    let all = active_jobs(&stage.ledger, "test").await.unwrap();
    let told: Vec<_> = all.iter().map(|one| (one.uid, one.progress.backlog, one.spec == first.spec)).collect();
    assert_eq!(told, [(first.uid, 30, true), (second.uid, 50, false)]);
    assert!(active_jobs(&stage.ledger, "elsewhere").await.unwrap().is_empty());
    assert!(progress(&stage.ledger, vaultstream_ledger::JobId(99)).await.unwrap().is_none());
    assert!(all[0].progress.at.elapsed().unwrap() < Duration::from_secs(60));
}

fn request(challenge: &[u8; 8]) -> NewRequest<'_> {
    NewRequest { challenge, signature: &[2; 64], tag: &[3; 32] }
}

#[tokio::test]
async fn a_certificate_is_asked_for_under_the_lease_of_the_receipt_key_while_the_job_finishes() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let other = stage.first_lease(&job).await;
    let key = steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    let lease = stage.lease(&job, key, MINUTE).await;
    let ask = async |lease: &_, challenge: &[u8; 8]| {
        certificates::ask(&stage.ledger, lease, request(challenge)).await.unwrap()
    };
    assert_eq!(ask(&lease, &[1; 8]).await, Asked::LeaseLost, "the job still signs");
    let ranges = stage.ranges(&job).await;
    stage.commit(&job, &other, &[segment(&ranges[0], other.key)]).await;
    steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    assert_eq!(ask(&other, &[1; 8]).await, Asked::LeaseLost, "that is no receipt key");
    assert_eq!(ask(&lease, &[1; 8]).await, Asked::Stored);
    let rows = certificates::of_job(&stage.ledger, job.id).await.unwrap();
    assert_eq!((rows.len(), rows[0].key, rows[0].chain.clone()), (1, key, None));
    assert_eq!((rows[0].signature.as_slice(), rows[0].tag.as_slice()), ([2; 64].as_slice(), [3; 32].as_slice()));

    // Of many operators that lead one after the other, the latest are answered.
    for challenge in 2..=20 {
        assert_eq!(ask(&lease, &[challenge; 8]).await, Asked::Stored);
    }
    let rows = certificates::of_job(&stage.ledger, job.id).await.unwrap();
    let challenges: Vec<_> = rows.iter().map(|row| row.challenge[0]).collect();
    assert_eq!(challenges, (11..=20).rev().collect::<Vec<_>>());

    let chain = vec![b"leaf".to_vec(), b"issuer".to_vec()];
    certificates::store(&stage.ledger, job.id, &rows[3], &chain).await.unwrap();
    let rows = certificates::of_job(&stage.ledger, job.id).await.unwrap();
    assert_eq!(rows[3].chain, Some(chain));
    // Who asks again has no use for what was issued.
    assert_eq!(ask(&lease, &[20; 8]).await, Asked::Stored);
    assert!(certificates::of_job(&stage.ledger, job.id).await.unwrap().iter().all(|row| row.chain.is_none()));

    steps::store_receipt(&stage.ledger, &lease, "the receipt", &[1; 32], "native").await.unwrap();
    let late = stage.lease(&job, key, MINUTE).await;
    assert_eq!(ask(&late, &[30; 8]).await, Asked::LeaseLost, "the receipt is there");
}
