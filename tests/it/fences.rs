//! Processes that are stopped (SIGSTOP) at the worst moment. What they computed meanwhile cannot be committed, and no process
//! waits for them.

use rustix::process::Signal;

use crate::harness::{LeaseLog, Site, assert_signed_exactly_once, generated, quick, until};

const SPEC: &str =
    "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\nconcurrency: {records: 2, signers: 1}";

/// Batches committed under leases that were held when the worker was stopped.
async fn committed_under(site: &Site, leases: &str) -> i64 {
    site.number(&format!(
        "SELECT count(*) FROM vaultstream.batches WHERE lease::text = ANY (string_to_array('{leases}', ','))"
    ))
    .await
}

async fn held_leases(site: &Site) -> String {
    site.text("SELECT coalesce(string_agg(holder::text, ','), '') FROM vaultstream.keys WHERE holder IS NOT NULL").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_before_its_fence_and_resumed_after_its_lease_commits_nothing_under_it() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SPEC), quick()).await;
    let log = LeaseLog::begin(&site).await;
    let worker = site.worker(job.uid).await.fault("before-fence=stop").start();
    worker.until_stopped().await;
    let leases = held_leases(&site).await;
    assert_eq!(leases.len(), 36, "one lane, one lease: {leases}");
    until("the lease has expired", || async {
        site.number("SELECT count(*) FROM vaultstream.keys WHERE lease_until >= clock_timestamp()").await == 0
    })
    .await;
    assert_eq!(site.signed().await, 0);
    worker.signal(Signal::CONT);
    job.complete().await;
    assert_eq!(committed_under(&site, &leases).await, 0, "a commit under a lease that was over");
    log.assert_exclusive().await;
    assert_signed_exactly_once(&site, "job", 400).await;
}

/// The worker's own deadline has not passed: only the fence, by the server's clock, stands in its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_over_by_the_servers_clock_alone_is_refused_by_the_fence() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, &SPEC.replace("5s", "60s")), quick()).await;
    let log = LeaseLog::begin(&site).await;
    let worker = site.worker(job.uid).await.fault("before-fence=stop").start();
    worker.until_stopped().await;
    let leases = held_leases(&site).await;
    assert_eq!(leases.len(), 36, "one lane, one lease: {leases}");
    site.execute(
        "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 ms' WHERE holder IS NOT NULL",
    )
    .await;
    worker.signal(Signal::CONT);
    job_completes_without(&site, &leases, job).await;
    log.assert_exclusive().await;
}

/// Somebody else has the key, and its counters, by the time the worker wakes up.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_taken_over_is_refused_by_the_fence() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, &SPEC.replace("5s", "60s")), quick()).await;
    let worker = site.worker(job.uid).await.fault("before-fence=stop").start();
    worker.until_stopped().await;
    let leases = held_leases(&site).await;
    site.execute(
        "UPDATE vaultstream.keys SET epoch = epoch + 1, holder = gen_random_uuid(), \
         lease_until = clock_timestamp() + interval '3 s' WHERE holder IS NOT NULL",
    )
    .await;
    worker.signal(Signal::CONT);
    job_completes_without(&site, &leases, job).await;
}

async fn job_completes_without(site: &Site, leases: &str, job: crate::harness::Drive) {
    assert!(!leases.is_empty());
    job.complete().await;
    assert_eq!(committed_under(site, leases).await, 0, "a commit under a lease that was not the worker's any more");
    assert_signed_exactly_once(site, "job", 400).await;
}

/// No timeout of Postgres ends a COPY that waits for its client, and the frozen session holds locks on batches and key.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_worker_stopped_for_good_inside_its_copy_the_job_completes() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SPEC), quick()).await;
    let log = LeaseLog::begin(&site).await;
    let frozen = site.worker(job.uid).await.fault("mid-copy=stop").start();
    frozen.until_stopped().await;
    let frozen_sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vs:%' \
                           AND datname = current_database()";
    assert_eq!(site.number(frozen_sessions).await, 1, "the frozen worker holds its transaction");
    let other = site.worker(job.uid).await.start();
    job.complete().await;
    assert!(frozen.is_stopped(), "the frozen worker was not needed");
    assert_eq!(site.number(frozen_sessions).await, 0, "its session was ended");
    assert_signed_exactly_once(&site, "job", 400).await;
    // Waking up, it finds that everything is done.
    frozen.signal(Signal::CONT);
    other.signal(Signal::TERM);
    other.end().await.assert_code(0);
    frozen.signal(Signal::TERM);
    frozen.end().await.assert_code(0);
    log.assert_exclusive().await;
    assert_signed_exactly_once(&site, "job", 400).await;
}

/// The whole of `vaultstream run`, lifecycle included, stopped behind its fence.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_stopped_for_good_is_replaced_by_a_second_run() {
    let site = Site::new().await;
    let manifest = generated("job", 400, SPEC);
    let frozen = site.run(&manifest).fault("after-fence:3=stop").start();
    frozen.until_stopped().await;
    site.run(&manifest).end().await.assert_code(0);
    assert!(frozen.is_stopped());
    assert_signed_exactly_once(&site, "job", 400).await;
}
