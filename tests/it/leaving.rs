//! Leaving: SIGTERM finishes what is in flight and loses no time of others; a second one does not wait; Ctrl-C resumes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_postgres::NoTls;
use vaultstream_lifecycle::Settings;

use crate::harness::{Program, Running, Site, assert_signed_exactly_once, generated, quick, until};

const SLOW: &str = "batchSize: 20\nkeys: {count: 8, lease: {records: 100}}\n\
                    concurrency: {records: 4, signers: 2}\nworkers: {maxRecordsPerSecond: 300}";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_commits_what_it_holds_and_nothing_is_delivered_again() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 2400, SLOW)).await;
    let (leaves, stays) = (site.worker(seeded.uid).await.start(), site.worker(seeded.uid).await.start());
    // With the real AckWait: within it nothing comes again that was not given back.
    let job = seeded.drive(Settings::default());
    for worker in [&leaves, &stays] {
        until("it signs", || async {
            worker.get("/metrics").await.is_some() && worker.metric("signed_records_total").await > 50.0
        })
        .await;
    }
    leaves.signal(Signal::TERM);
    let ended = leaves.end_within(Duration::from_secs(20)).await;
    ended.assert_code(0);
    assert!(!job.is_over(), "it left in the middle");
    let held = site.number("SELECT count(*) FROM vaultstream.keys WHERE holder IS NOT NULL").await;
    assert!(held <= 2, "{held} keys are held, by one worker with two lanes");
    let stream = job.topology().await.batch_stream();
    let info = site.consumer(&stream).await.info().await.unwrap().clone();
    assert_eq!(info.num_redelivered, 0);
    job.complete().await;
    assert_eq!(stays.metric("redelivered_batches_total").await, 0.0);
    assert_eq!(stays.metric("already_signed_batches_total").await, 0.0);
    assert_signed_exactly_once(&site, "job", 2400).await;
    // A worker without work leaves at once.
    stays.signal(Signal::TERM);
    stays.end_within(Duration::from_secs(5)).await.assert_code(0);
}

/// With a rate limit there is always a batch that waits to be taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_rate_limit_told_to_stop_takes_no_more_and_gives_nothing_back() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 30_000, SLOW)).await;
    let worker = site.worker(seeded.uid).await.start();
    let job = seeded.drive(Settings::default());
    until("it signs", || async { site.signed().await > 300 }).await;
    worker.signal(Signal::TERM);
    worker.end_within(Duration::from_secs(10)).await.assert_code(0);
    let stream = job.topology().await.batch_stream();
    let info = site.consumer(&stream).await.info().await.unwrap().clone();
    assert_eq!(info.num_ack_pending, 0, "given back, to be delivered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_a_worker_at_once() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SLOW), quick()).await;
    // Nothing can be committed while another session has the batches locked.
    let mut client = site.sql().await;
    let lock = client.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM vaultstream.batches FOR UPDATE", &[]).await.unwrap();
    let worker = site.worker(job.uid).await.start();
    until("it waits for a lock", || async {
        site.number(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        .await
            > 0
    })
    .await;
    worker.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(worker.status("State").starts_with('S'), "it gave up what it could still have committed");
    worker.signal(Signal::TERM);
    worker.end_within(Duration::from_secs(5)).await.assert_code(0);
    lock.rollback().await.unwrap();
    let _other = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_interrupted_by_ctrl_c_goes_on_with_the_same_command() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (data, manifest) = (dir.path().join("data"), dir.path().join("job.yaml"));
    std::fs::write(&manifest, generated("job", 900, SLOW)).unwrap();
    let (data, manifest) = (data.to_str().unwrap(), manifest.to_str().unwrap());
    let run = || Program::vaultstream(&["run", "-f", manifest, "--data-dir", data, "--output", "json"]);

    let running = run().start();
    until("some is signed", || signed_in(&running, Path::new(data))).await;
    // Another run on the same data has to wait for its turn, and says so.
    let second = run().end().await;
    second.assert_code(2);
    assert!(second.stderr.contains("is in use by") && second.stderr.lines().count() == 1, "{}", second.stderr);
    let told = Instant::now();
    running.signal(Signal::INT);
    let ended = running.end_within(Duration::from_secs(25)).await;
    ended.assert_code(130);
    assert!(ended.stderr.contains("Run the same command again to continue"), "{}", ended.stderr);
    assert!(told.elapsed() < Duration::from_secs(20));
    assert!(!Path::new(data).join("database-url").exists(), "the servers were not stopped");

    let resumed = run().end().await;
    resumed.assert_code(0);
    let report = resumed.report();
    assert_eq!((report["signed"].as_u64(), report["verified"].as_u64()), (Some(900), Some(900)), "{report}");
    let verified =
        Program::vaultstream(&["verify", "--job", "job", "--data-dir", data, "--output", "json"]).end().await;
    assert_eq!(verified.assert_code(0).report()["verified"], 900);
}

/// Whether a run has signed something, as its private Postgres says.
async fn signed_in(running: &Running, data: &Path) -> bool {
    let Ok(url) = std::fs::read_to_string(data.join("database-url")) else {
        assert!(running.status("State").starts_with(['S', 'R', 'D']), "{}", running.stderr());
        return false;
    };
    let Ok((client, connection)) = tokio_postgres::connect(url.trim(), NoTls).await else { return false };
    tokio::spawn(connection);
    let signed = client.query_one("SELECT coalesce(sum(signed), 0)::bigint FROM vaultstream.keys", &[]).await;
    signed.is_ok_and(|row| row.get::<_, i64>(0) > 100)
}
