//! A ledger that goes back in time in mid-job: a backup that is put back, a standby that lacks the last commits. Nothing is signed a
//! second time in silence.

use vaultstream_lifecycle::Outcome;

use crate::harness::{Lines, Running, Site, Weather, assert_signed_exactly_once, generated, quick, until};

const SLOW: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
                    concurrency: {records: 2, signers: 2}\nworkers: {maxRecordsPerSecond: 300}";
const RECORDS: i64 = 6000;

fn job() -> String {
    generated("job", RECORDS.unsigned_abs(), SLOW)
}

/// Failed, with words that say what was lost, and at rest.
async fn assert_lost(site: &Site) {
    until("the job has failed", || async {
        site.number_or_zero("SELECT count(*) FROM vaultstream.jobs WHERE state = 'Failed'").await == 1
    })
    .await;
    let why = site.text("SELECT failure_reason || ': ' || failure FROM vaultstream.jobs").await;
    assert!(why.starts_with("LedgerLost: the ledger has ") && why.contains("nothing is signed again"), "{why}");
    assert!(site.signed().await < RECORDS / 2, "it was signed further");
}

/// A run whose ways to Postgres lead through a relay.
fn run_by(site: &Site, lines: &Lines) -> Running {
    site.run(&job()).env("DATABASE_URL", &lines.database_url).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_database_is_put_back_to_an_earlier_point_ends_and_says_what_was_lost() {
    let site = Site::breakable().await;
    let running = site.run(&job()).start();
    site.until_signed(200).await;
    let backup = site.back_up().await;
    let before = site.signed().await;
    site.until_signed(before + 1000).await;
    site.restore(backup).await;
    assert_lost(&site).await;
    let ended = running.end().await;
    ended.assert_code(1);
    assert!(ended.stdout.contains("nothing is signed again"), "{}\n{}", ended.stdout, ended.stderr);
    // Nor by another run.
    let signed = site.signed().await;
    site.run(&job()).end().await.assert_code(1);
    assert_eq!(site.signed().await, signed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lacks_commits_ends_a_run_when_it_is_promoted() {
    let mut site = Site::breakable().await;
    let lines = Lines::to(&site).await;
    let running = run_by(&site, &lines);
    site.until_signed(200).await;
    let standby = site.standby().await;
    let caught_up = site.signed().await;
    site.until_signed(caught_up + 100).await;
    standby.follows.postgres.set(Weather { held: true, ..Weather::default() });
    let before = site.signed().await;
    site.until_signed(before + 1000).await;
    site.servers(|servers| servers.kill_postgres()).await;
    standby.promote(&mut site).await;
    lines.postgres.lead_to(&site.database_url);
    assert_lost(&site).await;
    running.end().await.assert_code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_has_every_commit_costs_only_time_when_it_is_promoted() {
    let mut site = Site::breakable().await;
    let lines = Lines::to(&site).await;
    let running = run_by(&site, &lines);
    site.until_signed(200).await;
    let standby = site.standby().await;
    site.until_signed(1000).await;
    // In an orderly way: it ends when its standby has everything.
    site.servers(|servers| servers.stop_postgres()).await;
    standby.promote(&mut site).await;
    lines.postgres.lead_to(&site.database_url);
    running.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", RECORDS).await;
}

/// The number of signatures shows nothing when it has grown again before the driver looks; what was signed before is not.
#[tokio::test(flavor = "multi_thread")]
async fn commits_that_others_have_made_up_for_before_the_driver_looks_are_missed_all_the_same() {
    let site = Site::breakable().await;
    let lines = Lines::to(&site).await;
    let job = site.seed_through(&job(), &lines.database_url, &lines.nats_url).await.drive(quick());
    let worker = site.worker(job.uid).await.start();
    site.until_signed(200).await;
    let backup = site.back_up().await;
    let before = site.signed().await;
    site.until_signed(before + 400).await;
    // The driver has seen these, and sees nothing until there are more again.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    lines.postgres.set(Weather { held: true, ..Weather::default() });
    let most = site.signed().await + 400;
    site.restore(backup).await;
    site.until_signed(most).await;
    lines.postgres.set(Weather::default());
    assert_eq!(job.outcome().await, Outcome::Failed);
    assert_lost(&site).await;
    drop(worker);
}
