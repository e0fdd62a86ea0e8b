//! Servers that go away in mid-job and come back.

use std::time::Duration;

use vaultstream_embedded::Servers;

use crate::harness::{Site, assert_signed_exactly_once, generated};

const SLOW: &str = "batchSize: 20\nkeys: {count: 8, lease: {records: 100, duration: 5s}}\n\
                    concurrency: {records: 2, signers: 2}\nworkers: {maxRecordsPerSecond: 300}";

async fn a_job_survives(what: impl FnOnce(&Servers) + Send + 'static) {
    let site = Site::breakable().await;
    let running = site.run(&generated("job", 900, SLOW)).start();
    site.until_signed(100).await;
    site.servers(what).await;
    let ended = running.end().await;
    ended.assert_code(0);
    assert_eq!(ended.report()["signed"], 900);
    assert_signed_exactly_once(&site, "job", 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_a_restart_of_postgres() {
    a_job_survives(|servers| servers.restart_postgres().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_a_crash_of_postgres_and_two_seconds_without_it() {
    a_job_survives(|servers| {
        servers.kill_postgres();
        std::thread::sleep(Duration::from_secs(2));
        servers.start_postgres().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_a_restart_of_nats() {
    a_job_survives(|servers| servers.restart_nats().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_a_crash_of_nats_and_two_seconds_without_it() {
    a_job_survives(|servers| {
        servers.kill_nats();
        std::thread::sleep(Duration::from_secs(2));
        servers.start_nats().unwrap();
    })
    .await;
}

/// Unknown is never zero: a job whose ledger cannot be read is neither complete nor failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_while_both_servers_are_away() {
    let site = Site::breakable().await;
    let mut running = Some(site.run(&generated("job", 900, SLOW)).start());
    site.until_signed(100).await;
    site.servers(|servers| {
        servers.kill_postgres();
        servers.kill_nats();
        std::thread::sleep(Duration::from_secs(3));
    })
    .await;
    let alive = running.as_ref().is_some_and(|running| running.status("State").starts_with('S'));
    assert!(alive, "it gave up");
    site.servers(|servers| {
        servers.start_postgres().unwrap();
        servers.start_nats().unwrap();
    })
    .await;
    running.take().unwrap().end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}
