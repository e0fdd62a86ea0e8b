//! The worker program from outside: its HTTP server and its memory.

use std::time::Duration;

use rustix::process::Signal;
use vaultstream_lifecycle::Settings;

use crate::harness::{Running, Site, generated, quick, until};

async fn answers(worker: &Running, path: &str, wanted: u16) -> bool {
    worker.get(path).await.is_some_and(|(status, _)| status == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_that_it_lives_is_ready_and_what_it_has_done() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 500, "batchSize: 50\nkeys: {count: 4}"), quick()).await;
    let worker = site.worker(job.uid).await.start();
    until("it is ready", || answers(&worker, "/readyz", 200)).await;
    assert!(answers(&worker, "/livez", 200).await);
    assert!(answers(&worker, "/nonsense", 404).await);
    job.complete().await;
    assert_eq!(worker.metric("signed_records_total").await, 500.0);
    assert_eq!(worker.metric("rejected_records_total").await, 0.0);
    assert_eq!(worker.metric("units_in_flight").await, 0.0);
    assert!(worker.metric("units_total").await >= 1.0);
    assert!(worker.metric("cpu_seconds_total{stage=\"sign\"}").await > 0.0);
    assert_eq!(worker.metric("breaker_state{dependency=\"postgres\"}").await, 0.0);
    let (_, text) = worker.get("/metrics").await.unwrap();
    let token = site.nats_url.split(['/', '@']).nth(2).unwrap();
    assert!(token.len() > 16 && !text.contains(token), "a secret among the metrics");
    worker.signal(Signal::TERM);
    let ended = worker.end().await;
    ended.assert_code(0);
    let kek = std::fs::read_to_string(site.kek()).unwrap();
    assert!(!ended.stderr.contains(token) && !ended.stderr.contains(kek.trim()), "a secret in the log");
}

/// An outage does not restart it: it is not ready, and continues when the server is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_postgres_lives_but_is_not_ready() {
    let site = Site::breakable().await;
    let seeded = site.seed(&generated("job", 200, "batchSize: 50\nkeys: {count: 4}")).await;
    let worker = site.worker(seeded.uid).await.args(&["--connect-timeout", "1s"]).start();
    until("it is ready", || answers(&worker, "/readyz", 200)).await;
    site.servers(|servers| servers.kill_postgres()).await;
    until("it is not ready", || answers(&worker, "/readyz", 503)).await;
    assert!(answers(&worker, "/livez", 200).await);
    site.servers(|servers| servers.start_postgres().unwrap()).await;
    until("it is ready again", || answers(&worker, "/readyz", 200)).await;
    seeded.drive(quick()).complete().await;
    assert_eq!(worker.metric("signed_records_total").await, 200.0);
}

/// Neither the size of a job nor that of its payloads shows in a worker's memory: kept, these would be 190 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_needs_at_most_128_mib_whatever_it_signs() {
    let site = Site::new().await;
    let jobs = [
        generated("many", 200_000, "batchSize: 500"),
        generated("large-payloads", 3_000, "batchSize: 1000").replace("3000}", "3000, payloadBytes: 65536}"),
    ];
    assert!(jobs[1].contains("65536"), "{}", jobs[1]);
    for manifest in jobs {
        let job = site.drive(&manifest, Settings::default()).await;
        let worker = site.worker(job.uid).await.start();
        job.complete().await;
        assert!(worker.peak_memory() <= 128 << 10, "its peak was {} KiB for\n{manifest}", worker.peak_memory());
    }
}

/// While Postgres takes no commit, lanes hold what they have signed. Without a budget that is a batch of 100,000 each.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_needs_at_most_128_mib_while_commits_stand_still() {
    let site = Site::new().await;
    let spec = "batchSize: 100000\nkeys: {count: 20, lease: {records: 100000}}\nconcurrency: {signers: 16}";
    let seeded = site.seed(&generated("job", 1_600_000, spec)).await;
    let sql = site.sql().await;
    sql.batch_execute("BEGIN; LOCK TABLE vaultstream.batches IN EXCLUSIVE MODE").await.unwrap();
    let worker = site.worker(seeded.uid).await.start();
    let job = seeded.drive(Settings::default());
    // Long enough to sign everything, were there room for it.
    tokio::time::sleep(Duration::from_secs(30)).await;
    sql.batch_execute("COMMIT").await.unwrap();
    assert!(worker.peak_memory() <= 128 << 10, "its peak was {} KiB", worker.peak_memory());
    drop(job);
}

/// A finished or a deleted job ends no worker: that is its owner's to do. It only waits to be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_a_job_that_does_not_exist_waits_to_be_told() {
    let site = Site::new().await;
    site.ledger().await.migrate().await.unwrap();
    let worker = site.worker(uuid::Uuid::new_v4()).await.start();
    until("it lives", || answers(&worker, "/livez", 200)).await;
    worker.signal(Signal::TERM);
    worker.end_within(Duration::from_secs(5)).await.assert_code(0);
}
