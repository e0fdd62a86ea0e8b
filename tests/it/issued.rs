//! Certificates by an issuer of the cluster: the worker asks for one in the ledger. The test is in the place of operator and cert-manager.

use std::time::SystemTime;

use rustix::process::Signal;
use vaultstream_certificates::{Challenge, Issuer, JobName, Proof, request};
use vaultstream_ledger::certificates::{self, CertificateRow};
use vaultstream_signing::PublicKey;
use vaultstream_streams::{ChallengeBytes, FinishChallenge};

use crate::certificates::{issuer, verify};
use crate::harness::{Drive, Site, generated, quick, until};

const CHALLENGE: [u8; 32] = [7; 32];

fn challenge() -> Challenge {
    Challenge::new(CHALLENGE)
}

/// A job that names an issuer, driven as by an operator.
async fn drive(site: &Site) -> Drive {
    let spec = "batchSize: 20\nkeys: {count: 1, lease: {duration: 60s}}\nsigning: {issuerRef: {name: ours}}";
    let name = format!("{:016x}", u64::from_be_bytes(challenge().id()));
    let challenge = FinishChallenge { name, challenge: ChallengeBytes(CHALLENGE) };
    site.seed(&generated("job", 40, spec)).await.drive_with(quick(), Some(challenge))
}

fn name(job: &Drive) -> JobName<'static> {
    JobName { cluster: "local", namespace: "default", name: "job", uid: job.uid }
}

/// The request of a worker that has no certificate, once it is there.
async fn asked(job: &Drive) -> CertificateRow {
    let open = || async {
        let rows = certificates::of_job(&job.ledger, job.id).await.unwrap();
        rows.into_iter().find(|row| row.chain.is_none())
    };
    until("a worker has asked for a certificate", || async { open().await.is_some() }).await;
    open().await.unwrap()
}

fn key(row: &CertificateRow) -> PublicKey {
    PublicKey::from_spki_der(row.public_key.as_ref().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_shows_key_and_challenge_and_makes_no_receipt_with_the_certificate_of_another_job() {
    let site = Site::new().await;
    let files = issuer(&site, "Ours");
    let ours = Issuer::read(&files.0, &files.1).unwrap();
    let job = drive(&site).await;
    let _worker = site.worker(job.uid).await.start();
    let row = asked(&job).await;
    let proof =
        Proof { signature: row.signature.clone().try_into().unwrap(), tag: row.tag.clone().try_into().unwrap() };
    request(&key(&row), &name(&job), &challenge(), &proof).unwrap();

    let certify = |name: &JobName<'_>| ours.certify(&key(&row), name, SystemTime::now()).unwrap();
    let others = certify(&JobName { name: "other", ..name(&job) });
    certificates::store(&job.ledger, job.id, &row, &others).await.unwrap();
    let again = asked(&job).await;
    assert_eq!(site.number("SELECT count(receipt) FROM vaultstream.jobs").await, 0);
    certificates::store(&job.ledger, job.id, &again, &certify(&name(&job))).await.unwrap();
    let uri = name(&job).to_string();
    job.complete().await;
    let report = verify(&site, &files, &["--job", "job"]).await.assert_code(0).report();
    assert_eq!(report["certified"]["job"], uri, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_is_over_says_that_it_asked_for_no_certificate_and_asks_again() {
    let site = Site::new().await;
    let job = drive(&site).await;
    let worker = site.worker(job.uid).await.fault("before-certificate-request=stop").start();
    worker.until_stopped().await;
    site.execute(
        "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 ms' WHERE holder IS NOT NULL",
    )
    .await;
    worker.signal(Signal::CONT);
    asked(&job).await;
    let said = worker.stderr();
    assert_eq!(said.matches("a certificate of the receipt key could not be asked for").count(), 1, "{said}");
}
