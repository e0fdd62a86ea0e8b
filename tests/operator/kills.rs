//! The leader is killed, or stopped for longer than its Lease, at every step of a job's life. Another one completes the job,
//! and one that resumes ends itself. Nothing is lost or signed twice.

use std::time::Duration;

use kube::ResourceExt;
use rustix::process::Signal;
use serde_json::json;
use vaultstream_api::{Phase, SigningJob};

use crate::harness::{Job, Place, assert_complete_in, cases, failures, generated};

/// Scenarios that run at the same time: they mostly wait for Leases and pods.
const PARALLEL_LIMIT: usize = 4;
const RECORDS: i64 = 200;

/// Each fault point that the operator passes, with the passes at which it is tried.
const POINTS: &[(&str, &[u32])] = &[
    ("provisioned", &[1]),
    ("seeded-chunk", &[1]),
    ("lifecycle-step", &[1, 2, 3]),
    ("generation-raised", &[1]),
    ("streams-created", &[1]),
    ("keys-published", &[1]),
    ("batches-published", &[1]),
    ("publishing-noted", &[1]),
    ("keys-replaced", &[1]),
    ("finish-begun", &[1]),
    ("finish-published", &[1]),
    ("streams-deleted", &[1]),
    ("scale-decided", &[1]),
    ("status-decided", &[1, 3]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_completes_after_its_leader_was_killed_at_any_step() {
    at_every_point(kill_at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_stopped_at_any_step_past_its_lease_does_no_harm_when_it_resumes() {
    at_every_point(stop_at).await;
}

async fn at_every_point<F: Future<Output = ()> + Send + 'static>(scenario: impl Fn(String) -> F) {
    let all = POINTS.iter().flat_map(|&(point, passes)| passes.iter().map(move |pass| format!("{point}:{pass}")));
    assert_eq!(failures(cases(all).into_iter().map(scenario), PARALLEL_LIMIT).await, 0, "scenarios failed");
}

/// Ten batches. For the point keys-replaced, a key wears out after two of them.
fn manifest(point: &str) -> String {
    let lease = "lease: {records: 100, duration: 5s}";
    let keys = match point {
        "keys-replaced" => format!("keys: {{count: 3, maxSignatures: 40, {lease}}}"),
        _ => format!("keys: {{count: 4, {lease}}}"),
    };
    generated("job", RECORDS.unsigned_abs(), &format!("batchSize: 20\nworkers: {{maxReplicas: 1}}\n{keys}"))
}

async fn kill_at(at: String) {
    let (point, _) = at.split_once(':').unwrap();
    let place = Place::new().await;
    let first = place.operator("first").await.fault(&format!("{at}=kill")).start();
    first.until_leading_with_its_ledger().await;
    let second = place.operator("second").await.start();
    let job = place.create(&manifest(point)).await;
    first.end_within(Duration::from_secs(60)).await.assert_killed(point);
    second.until_leading().await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
    place.until_no_children().await;
}

async fn stop_at(at: String) {
    let (point, _) = at.split_once(':').unwrap();
    let place = Place::new().await;
    let first = place.operator("first").await.fault(&format!("{at}=stop")).start();
    first.until_leading_with_its_ledger().await;
    let second = place.operator("second").await.start();
    let job = place.create(&manifest(point)).await;
    first.until_stopped().await;
    second.until_leading().await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
    place.until_no_children().await;
    let complete = at_rest(&job).await;

    first.signal(Signal::CONT);
    let ended = first.end_within(Duration::from_secs(20)).await;
    ended.assert_code(1);
    assert!(ended.stderr.contains("the Lease was lost"), "at {at}: {}", ended.stderr);
    assert!(second.is_leading().await, "at {at}");
    // If the one that resumed has written anything, it is there by now.
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
    assert_eq!(job.get().await.resource_version(), complete.resource_version(), "at {at}: something was written");
    assert_eq!(place.children().await, Vec::<String>::new(), "at {at}");
}

/// The leader was about to suspend the job. When it resumes, its successor has suspended and resumed the job.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_resumes_does_not_write_an_old_spec() {
    let place = Place::new().await;
    let first = place.operator("first").await.fault("spec-read=stop").start();
    first.until_leading_with_its_ledger().await;
    let second = place.operator("second").await.start();
    let slow = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
                workers: {maxReplicas: 1, maxRecordsPerSecond: 20}";
    let job = place.create(&generated("job", 600, slow)).await;
    place.site.until_signed(20).await;
    job.patch(json!({"spec": {"suspend": true}})).await;
    first.until_stopped().await;
    second.until_leading().await;
    job.until_phase(Phase::Suspended).await;
    job.patch(json!({"spec": {"suspend": false}})).await;
    job.until_phase(Phase::Signing).await;

    first.signal(Signal::CONT);
    first.end_within(Duration::from_secs(20)).await.assert_code(1);
    let stored = "SELECT count(*) FROM vaultstream.jobs WHERE NOT suspended AND spec_generation = 3";
    assert_eq!(place.site.number(stored).await, 1, "the old spec was written");
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 600, 0).await;
}

/// The job once nothing has been written for a while.
async fn at_rest(job: &Job) -> SigningJob {
    let mut found = job.get().await;
    loop {
        tokio::time::sleep(Duration::from_secs(4)).await;
        let now = job.get().await;
        if now.resource_version() == found.resource_version() {
            return now;
        }
        found = now;
    }
}
