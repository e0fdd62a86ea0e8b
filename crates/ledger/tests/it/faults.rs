//! What workers report of signing itself.

use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_ledger::steps::{self, ReceiptStored, Step};
use vaultstream_ledger::{JobState, Lease, SigningFault, faults};
use vaultstream_signing::Backend;

use crate::stage::{MINUTE, Stage, generated, segment};

#[tokio::test]
async fn the_first_fault_and_each_backend_s_first_withdrawal_are_kept() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    assert!(faults::report(&stage.ledger, &lease, Reason::NonceRepeated, "the first").await.unwrap());
    assert!(faults::report(&stage.ledger, &lease, Reason::WrongSignature, "the second").await.unwrap());
    for (backend, why) in [(Backend::Native, "one"), (Backend::Native, "two"), (Backend::Reference, "three")] {
        assert!(faults::report_withdrawal(&stage.ledger, &lease, backend, why).await.unwrap());
    }
    let job = stage.job(job.id).await;
    assert_eq!(job.fault, Some(SigningFault { reason: Reason::NonceRepeated, why: "the first".to_owned() }));
    assert_eq!(job.withdrawn, ["native: one", "reference: three"]);
    assert_eq!(job.state, JobState::Signing, "a worker sets no state");
}

#[tokio::test]
async fn only_a_lease_that_is_held_or_has_committed_may_report() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    let forged = Lease { id: Uuid::new_v4(), ..lease.clone() };
    assert!(!faults::report(&stage.ledger, &forged, Reason::NonceRepeated, "forged").await.unwrap());
    assert!(!faults::report_withdrawal(&stage.ledger, &forged, Backend::Native, "forged").await.unwrap());
    // Lost, and nothing was committed under it.
    vaultstream_ledger::leases::release(&stage.ledger, &lease).await.unwrap();
    assert!(!faults::report(&stage.ledger, &lease, Reason::NonceRepeated, "lost").await.unwrap());
    // Lost, but what it has committed is wrong.
    let lease = stage.lease(&job, lease.key, MINUTE).await;
    stage.commit(&job, &lease, &[segment(&stage.ranges(&job).await[0], lease.key)]).await;
    vaultstream_ledger::leases::release(&stage.ledger, &lease).await.unwrap();
    stage.lease(&job, lease.key, MINUTE).await;
    assert!(faults::report(&stage.ledger, &lease, Reason::WrongSignature, "committed").await.unwrap());
    assert_eq!(stage.job(job.id).await.fault.unwrap().why, "committed");
}

#[tokio::test]
async fn a_job_with_a_fault_is_never_complete() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let lease = stage.first_lease(&job).await;
    stage.commit(&job, &lease, &[segment(&stage.ranges(&job).await[0], lease.key)]).await;
    steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    let key = steps::receipt_key(&stage.ledger, job.id).await.unwrap().unwrap();
    let receipts = stage.lease(&job, key, MINUTE).await;
    let stored = steps::store_receipt(&stage.ledger, &receipts, "the receipt", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    assert!(faults::report(&stage.ledger, &lease, Reason::WrongSignature, "late").await.unwrap());
    assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Finishing));
    let failed = steps::fail(&stage.ledger, job.id, Reason::WrongSignature, "late").await.unwrap();
    assert_eq!(failed, Step::Done(()));
}
