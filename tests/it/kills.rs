//! kill -9 at every step of lifecycle and pipeline, one process each; started again, the job completes with one signature
//! per record.

use std::time::Duration;

use rustix::process::Signal;
use vaultstream_ledger::steps;
use vaultstream_lifecycle::Settings;

use crate::harness::{
    Site, assert_complete, assert_signed_exactly_once, cases, failures, generated, of_table, quick, until,
};

/// Scenarios at a time: they mostly wait for leases and redeliveries.
const AT_A_TIME: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// 600 generated records in 30 batches.
    Plain,
    /// Keys that wear out after two batches.
    WornOut,
    /// One record whose signature never verifies.
    Broken,
    /// A table of which one batch outgrows its plan.
    Outgrown,
}

/// Each fault point with the passes at which it is tried.
const POINTS: &[(&str, &[u32], Kind)] = &[
    ("provisioned", &[1], Kind::Plain),
    ("seeded-chunk", &[1], Kind::Plain),
    ("lifecycle-step", &[1, 2, 3], Kind::Plain),
    ("generation-raised", &[1], Kind::Plain),
    ("streams-created", &[1], Kind::Plain),
    ("keys-published", &[1], Kind::Plain),
    ("batches-published", &[1], Kind::Plain),
    ("publishing-noted", &[1], Kind::Plain),
    ("data-key-made", &[1], Kind::Plain),
    ("data-key-stored", &[1], Kind::Plain),
    ("unit-gathered", &[1, 4], Kind::Plain),
    ("payload-read", &[1, 4], Kind::Plain),
    ("unit-read", &[1, 3], Kind::Plain),
    ("lease-taken", &[1, 4], Kind::Plain),
    ("lease-opened", &[1, 3], Kind::Plain),
    ("material-stored", &[1, 3], Kind::Plain),
    ("material-used", &[2], Kind::Plain),
    ("unit-signed", &[1, 3], Kind::Plain),
    ("before-fence", &[1, 3], Kind::Plain),
    ("after-fence", &[1, 3], Kind::Plain),
    ("mid-copy", &[1, 7], Kind::Plain),
    ("before-commit", &[1, 3], Kind::Plain),
    ("after-commit", &[1, 3], Kind::Plain),
    ("before-ack", &[1, 3], Kind::Plain),
    ("before-key-return", &[1, 3], Kind::Plain),
    ("finish-begun", &[1], Kind::Plain),
    ("finish-published", &[1], Kind::Plain),
    ("before-receipt", &[1], Kind::Plain),
    ("receipt-stored", &[1], Kind::Plain),
    ("streams-deleted", &[1], Kind::Plain),
    ("key-retired", &[1], Kind::WornOut),
    ("keys-replaced", &[1], Kind::WornOut),
    ("attempt-counted", &[1, 3], Kind::Broken),
    ("batch-split", &[1], Kind::Outgrown),
];

const COMMON: &str = "batchSize: 20\nconcurrency: {records: 4, signers: 3}\nmaxRejected: 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_step_and_started_again_signs_every_record_once() {
    let all = POINTS.iter().flat_map(|&(point, passes, kind)| passes.iter().map(move |&pass| (point, pass, kind)));
    let scenarios = cases(all).into_iter().map(|(point, pass, kind)| kill_at(point, pass, kind));
    assert_eq!(failures(scenarios, AT_A_TIME).await, 0, "scenarios failed");
}

async fn kill_at(point: &'static str, pass: u32, kind: Kind) {
    let site = Site::new().await;
    let lease = "lease: {records: 100, duration: 5s}";
    let (manifest, signed, rejected) = match kind {
        Kind::Plain => (generated("job", 600, &format!("{COMMON}keys: {{count: 12, {lease}}}")), 600, 0),
        Kind::WornOut => {
            (generated("job", 200, &format!("{COMMON}keys: {{count: 3, maxSignatures: 40, {lease}}}")), 200, 0)
        }
        Kind::Broken => {
            let retry = "retry: {maxAttempts: 3, initialBackoff: 10ms, maxBackoff: 20ms}\nsigning: {verify: All}";
            (generated("job", 200, &format!("{COMMON}keys: {{count: 12, {lease}}}\n{retry}")), 199, 1)
        }
        Kind::Outgrown => (of_table("job", "rows", &format!("{COMMON}keys: {{count: 12, {lease}}}")), 260, 0),
    };
    if matches!(kind, Kind::Outgrown) {
        site.execute(
            "CREATE TABLE rows (id bigint PRIMARY KEY, body text NOT NULL);
             INSERT INTO rows SELECT n * 1000, 'row ' || n FROM generate_series(1, 200) n",
        )
        .await;
        site.run(&manifest).args(&["--seed-only"]).end().await.assert_code(0);
        site.execute("INSERT INTO rows SELECT n, 'new ' || n FROM generate_series(1, 60) n").await;
    }
    let run = || {
        let run = site.run(&manifest);
        if matches!(kind, Kind::Broken) { run.env("VAULTSTREAM_FAULT_RECORDS", "17") } else { run }
    };
    let at = format!("{point}:{pass}");
    run().fault(&format!("{at}=kill")).end().await.assert_killed(point);
    let again = run().end().await;
    assert_eq!(again.status.code(), Some(0), "after a kill at {at}: {}\n{}", again.stdout, again.stderr);
    assert_complete(&site, "job", signed, rejected).await;
}

/// The worker program, killed again and again. Nothing is repaired here, so that what it took and did not commit has to be
/// in the stream still: an acknowledgement means a commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_leaves_its_stream_only_after_its_commit() {
    let site = Site::new().await;
    let manifest = generated(
        "job",
        1000,
        "batchSize: 20\nkeys: {count: 20, lease: {records: 100, duration: 5s}}\nconcurrency: {records: 2, signers: 2}",
    );
    let never = Duration::from_secs(3600);
    let job = site.drive(&manifest, Settings { repair_every: never, ..quick() }).await;
    job.until_published().await;
    for point in [
        "unit-gathered:3",
        "payload-read:2",
        "unit-signed:2",
        "mid-copy:3",
        "before-commit:2",
        "after-commit:2",
        "before-ack:2",
    ] {
        let worker = site.worker(job.uid).await.fault(&format!("{point}=kill")).start();
        worker.end().await.assert_killed(point.split(':').next().unwrap());
        // What it had sent before it died has arrived when the server answers.
        let census = job.streams.message_index(&job.topology().await).await.unwrap();
        let unsigned = steps::unsigned_published(&job.ledger, job.id).await.unwrap();
        assert!(!unsigned.is_empty(), "the job was over before {point}");
        for batch in unsigned {
            assert!(census.batches.contains(&batch.batch.0), "batch {} was lost at {point}", batch.batch.0);
        }
    }
    let survivor = site.worker(job.uid).await.start();
    until("the job is over", || async { job.is_over() }).await;
    survivor.signal(Signal::TERM);
    survivor.end().await.assert_code(0);
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 1000).await;
}
