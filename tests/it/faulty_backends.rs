//! Processors that sign wrongly: what of it is committed, and who finds out.

use serde_json::json;
use std::time::Duration;

use vaultstream_lifecycle::{Outcome, Settings};
use vaultstream_signing::{Backend, backend::names};

use crate::harness::{PATIENCE, Site, assert_signed_exactly_once, generated, quick, until};

/// One lane in eight of the backend that a worker would choose.
fn one_lane() -> String {
    format!("{}:3", Backend::fastest())
}

/// 4,000, or as many as `make faulty-lane` wants.
fn records() -> u64 {
    std::env::var("RECORDS").map_or(4000, |records| records.parse().expect("RECORDS is no number"))
}

const SPEC: &str = "batchSize: 50\nkeys: {count: 4, lease: {records: 1000, duration: 10s}}";

#[tokio::test(flavor = "multi_thread")]
async fn with_one_faulty_lane_no_invalid_signature_is_committed_and_another_backend_completes_the_job() {
    let site = Site::new().await;
    let spec = format!("{SPEC}\nsigning: {{verify: All}}");
    let records = records();
    let job = site.drive(&generated("job", records, &spec), quick()).await;
    let workers = [(); 2].map(|()| site.worker(job.uid));
    let mut running = Vec::new();
    for worker in workers {
        running.push(worker.await.env("VAULTSTREAM_FAULT_LANE", one_lane()).start());
    }
    // `native` signs and checks one by one: a million records take minutes.
    let limit = PATIENCE.max(Duration::from_millis(records));
    assert_eq!(job.outcome_within(limit).await, Outcome::Complete);
    assert_signed_exactly_once(&site, "job", records.cast_signed()).await;
    // No record and no batch is to blame.
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.batches WHERE attempts > 0").await, 0);
    let fastest = Backend::fastest();
    let told = site.text("SELECT array_to_string(withdrawn, '|') FROM vaultstream.jobs").await;
    assert!(told.starts_with(&format!("{fastest}: its signature of record ")) && !told.contains('|'), "{told}");
    let mut withdrawn = 0.0;
    for worker in &running {
        let metric = format!("withdrawn_backends_total{{backend=\"{fastest}\"}}");
        withdrawn += worker.metric(&metric).await;
        let lines = worker.stderr().lines().filter(|line| line.contains("backend was withdrawn")).count();
        assert_eq!(lines as f64, worker.metric(&metric).await, "{}", worker.stderr());
    }
    assert!(withdrawn >= 1.0, "none was withdrawn");
}

/// Also where nothing is checked: nothing of such a slice was signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_refuses_to_sign_is_withdrawn_and_another_completes_the_job() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 1000, &format!("{SPEC}\nsigning: {{verify: None}}")), quick()).await;
    let fastest = Backend::fastest();
    let worker = site.worker(job.uid).await.env("VAULTSTREAM_FAULT_REFUSAL", fastest.as_str()).start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 1000).await;
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.batches WHERE attempts > 0").await, 0);
    let told = site.text("SELECT array_to_string(withdrawn, '|') FROM vaultstream.jobs").await;
    let why = "it refused to sign records of the job job: a nonce is not a number from 1 to n - 1";
    assert_eq!(told, format!("{fastest}: {why}"));
    assert_eq!(worker.metric(&format!("withdrawn_backends_total{{backend=\"{fastest}\"}}")).await, 1.0);
    assert!(worker.stderr().contains(why), "{}", worker.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_only_the_slowest_backend_is_left_it_signs_and_checks_and_that_is_told() {
    let site = Site::new().await;
    let refusing = names(&[Backend::Engine, Backend::Native]).replace(' ', "");
    let run = site.run(&generated("job", 500, SPEC)).env("VAULTSTREAM_FAULT_REFUSAL", refusing);
    let report = run.end().await.assert_code(0).report();
    assert_eq!((&report["verified"], &report["verifiedBy"]), (&json!(500), &json!("reference")), "{report}");
    assert_eq!(report["verifierAlsoSigned"], true, "{report}");
    assert_signed_exactly_once(&site, "job", 500).await;
    let status = |args: &'static [&'static str]| site.ledger_command(&["status", "--job", "job"]).args(args).end();
    let (text, json) = tokio::join!(status(&[]), status(&["-o", "json"]));
    let withdrawn = json.assert_code(0).report()[0]["withdrawnBackends"].clone();
    for (at, backend) in ["engine", "native"].into_iter().enumerate() {
        let why = format!("{backend}: it refused to sign records of the job job: ");
        assert!(withdrawn[at].as_str().is_some_and(|told| told.starts_with(&why)), "{withdrawn}");
        assert!(text.assert_code(0).stdout.contains(&format!("\n  withdrawn    {why}")), "{}", text.stdout);
    }
    assert_eq!(withdrawn[2], json!(null), "{withdrawn}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_faulty_lane_has_committed_unseen_ends_the_job_once_a_sample_finds_it() {
    let site = Site::new().await;
    // One lane, one key, and one batch a unit. A sample of one lets a single wrong record in 200 pass, and finds all wrong ones.
    let spec = "batchSize: 200\nkeys: {count: 1, lease: {records: 10000, duration: 60s}}\nsigning: {verify: Sample}\n\
                concurrency: {signers: 1}\nworkers: {maxRecordsPerSecond: 100}";
    let job = site.drive(&generated("job", 1000, spec), Settings::default()).await;
    // All under one lease, which a worker returns when there is nothing to sign.
    let published = "SELECT count(*) FROM vaultstream.jobs WHERE published = 5";
    until("all batches are published", || async { site.number(published).await == 1 }).await;
    let unseen = ["7", "207", "407"].map(str::to_owned);
    let wrong: Vec<String> = unseen.into_iter().chain((801..=1000).map(|id| id.to_string())).collect();
    let worker = site.worker(job.uid).await.env("VAULTSTREAM_FAULT_RECORDS", wrong.join(",")).start();
    until("the job has failed", || async { job.is_over() }).await;
    let why = site.text("SELECT state || ' ' || failure_reason || ' ' || failure FROM vaultstream.jobs").await;
    // On a busy machine a message may come late, and the first batches be of an earlier lease.
    let of_the_lease = "SELECT string_agg(batch::text, ', ' ORDER BY batch) FROM vaultstream.batches WHERE batch < 3 AND lease = \
                        (SELECT lease FROM vaultstream.batches WHERE state = 'signed' ORDER BY batch DESC LIMIT 1)";
    let batches = site.text(of_the_lease).await;
    assert!(why.starts_with("Failed WrongSignature ") && why.contains(&format!(": batch {batches}.")), "{why}");
    let signed = site.number("SELECT count(*) FROM vaultstream.batches WHERE state = 'signed'").await;
    assert!(signed < 5, "the unit with the fault was committed");
    drop(worker);
}
