//! Ctrl-C and SIGTERM in every stage of a run: answered at once, heeded, and told what is kept.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Ended, Program, Running, Site, assert_signed_exactly_once, generated, until};

const SLOW: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100}}\nworkers: {maxRecordsPerSecond: 300}";
const ANSWER: &str = "press Ctrl-C again to stop now";
/// Longer than stopping takes on a busy machine, and far shorter than what is waited for.
const SOON: Duration = Duration::from_secs(30);

/// One signal, its answer, its end.
async fn interrupted(running: Running, signal: Signal, code: i32) -> Ended {
    running.signal(signal);
    until("it answers", || async { running.stderr().contains(ANSWER) }).await;
    let ended = running.end_within(SOON).await;
    ended.assert_code(code);
    assert_eq!(ended.stdout, "", "nothing is over");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

async fn waits_in(site: &Site, what: &str) {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {what}");
    until(what, || async { site.number(&sql).await > 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_signs_the_figures_are_told_and_the_command_that_continues() {
    let site = Site::new().await;
    let manifest = generated("job", 900, SLOW);
    let running = site.run(&manifest).args(&["--verify", "full"]).start();
    site.until_signed(100).await;
    let ended = interrupted(running, Signal::TERM, 143).await;
    let kept = site.signed().await;
    let told = format!("{kept} of 900 records of default/job are signed. What was done is kept");
    assert!(ended.stderr.contains(&told), "{told}: {}", ended.stderr);
    assert!(ended.stderr.contains("Run the same command again to continue:\n  vaultstream run "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("data-dir"), "it was in a database that was given: {}", ended.stderr);
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_verifies_the_job_is_told_to_be_complete() {
    let site = Site::new().await;
    let running = site.run(&generated("job", 100_000, "batchSize: 5000")).args(&["--verify", "full"]).start();
    let complete = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Complete'";
    until("it is signed", || async { site.number_or_zero(complete).await > 0 }).await;
    let ended = interrupted(running, Signal::INT, 130).await;
    assert!(
        ended.stderr.contains("100,000 of 100,000 records of default/job are signed. Only the check"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("vaultstream verify --job default/job"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_program_migrates_and_while_nats_is_silent() {
    let site = Site::new().await;
    let manifest = generated("job", 100, SLOW);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nats = format!("nats://{}", silent.local_addr().unwrap());
    let running =
        site.run(&manifest).env("VAULTSTREAM_NATS_URL", nats).env("VAULTSTREAM_CONNECT_TIMEOUT", "300s").start();
    waits_in(&site, "application_name = 'vaultstream'").await;
    let ended = interrupted(running, Signal::INT, 130).await;
    assert!(ended.stderr.contains("interrupted before anything was signed"), "{}", ended.stderr);

    let other = site.sql().await;
    // What programs that migrate hold, whatever their version.
    other.batch_execute("SELECT pg_advisory_lock(6220400487453311316)").await.unwrap();
    let running = site.run(&manifest).start();
    waits_in(&site, "query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()").await;
    interrupted(running, Signal::INT, 130).await;
    assert_eq!(site.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_does_not_return_does_not_hold_up_an_interrupt() {
    let site = Site::breakable().await;
    let first = generated("first", 100, SLOW);
    site.run(&first).end().await.assert_code(0);
    site.execute("ALTER SYSTEM SET synchronous_standby_names = 'away'").await;
    site.execute("SELECT pg_reload_conf()").await;
    until("the standby is waited for", || async { site.text("SHOW synchronous_standby_names").await == "away" }).await;
    let running = site.run(&generated("second", 100, SLOW)).start();
    waits_in(&site, "wait_event = 'SyncRep'").await;
    interrupted(running, Signal::TERM, 143).await;
    // Whoever does not want to wait for what is in flight says so again. The first one's COMMIT still waits.
    let running = site.run(&generated("third", 100, SLOW)).start();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    until("another COMMIT waits", || async { site.number(waiting).await > 1 }).await;
    running.signal(Signal::INT);
    until("it answers", || async { running.stderr().contains(ANSWER) }).await;
    running.signal(Signal::INT);
    running.end_within(Duration::from_secs(10)).await.assert_code(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_still_does_for_a_run_that_was_stopped_ends_too() {
    let site = Site::new().await;
    site.ledger().await.migrate().await.unwrap();
    site.execute(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
         CREATE TRIGGER slow AFTER INSERT ON vaultstream.jobs EXECUTE FUNCTION public.slow()",
    )
    .await;
    let running = site.run(&generated("job", 100, SLOW)).start();
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    until("a statement takes its time", || async { site.number(sleeps).await == 1 }).await;
    interrupted(running, Signal::INT, 130).await;
    until("it is over", || async { site.number(sleeps).await == 0 }).await;
}

/// Seeding is a step of its own, and a long one: it does not count as in flight.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_seeds_is_stopped_within_a_second_or_two() {
    let site = Site::new().await;
    site.ledger().await.migrate().await.unwrap();
    site.execute(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
         CREATE TRIGGER slow AFTER UPDATE OF seeded ON vaultstream.jobs EXECUTE FUNCTION public.slow()",
    )
    .await;
    let running = site.run(&generated("job", 100, SLOW)).start();
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    until("a statement seeds", || async { site.number(sleeps).await == 1 }).await;
    let begun = Instant::now();
    running.signal(Signal::INT);
    until("it is over", || async { site.number(sleeps).await == 0 }).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let ended = running.end_within(SOON).await;
    ended.assert_code(130);
    assert!(ended.stderr.contains("0 records of default/job are prepared"), "{}", ended.stderr);
    assert_eq!(site.number("SELECT seeded FROM vaultstream.jobs").await, 0, "it was rolled back");
    site.execute("DROP TRIGGER slow ON vaultstream.jobs").await;
    site.run(&generated("job", 100, SLOW)).end().await.assert_code(0);
}

/// On servers of its own, whose data goes away.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_a_temporary_database_is_told_to_be_gone() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("job.yaml");
    std::fs::write(&manifest, generated("job", 900, SLOW)).unwrap();
    let running = Program::vaultstream(&["run", "-f", manifest.to_str().unwrap()]).start();
    until("it signs", || async { running.stderr().contains("default/job: signing") }).await;
    let ended = interrupted(running, Signal::INT, 130).await;
    assert!(ended.stderr.contains("in a temporary database that is gone now. With --data-dir DIR"), "{}", ended.stderr);
    std::fs::write(&manifest, generated("job", 100, "batchSize: 50\nkeys: {count: 2}")).unwrap();
    // To its end the same is true. What a killed run left behind goes first, which may take its time.
    let left = dir.path().join("vaultstream-0123abcd");
    std::fs::create_dir_all(left.join("servers")).unwrap();
    std::fs::write(left.join("lock"), "").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = Program::vaultstream(&["run", "-f", manifest.to_str().unwrap()]).env("TMPDIR", dir.path()).end().await;
    ended.assert_code(0);
    assert!(
        ended.stderr.contains(&format!("removing what a killed run left in {}", left.display())),
        "{}",
        ended.stderr
    );
    assert!(!left.exists());
    assert!(ended.stderr.contains("The signatures are gone now"), "{}", ended.stderr);
    assert!(ended.stderr.contains("ledger: ") && Path::new(&manifest).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_commands_end_on_the_first_signal() {
    let site = Site::new().await;
    site.run(&generated("job", 100_000, "batchSize: 5000")).args(&["--verify", "sql"]).end().await.assert_code(0);
    let verifying = site.ledger_command(&["verify", "--job", "job", "--mode", "full"]).start();
    until("it has begun", || async { verifying.stderr().contains("ledger: ") }).await;
    verifying.signal(Signal::INT);
    verifying.end_within(SOON).await.assert_code(130);

    let empty = Site::new().await;
    let other = empty.sql().await;
    other.batch_execute("SELECT pg_advisory_lock(6220400487453311316)").await.unwrap();
    let migrating = empty.ledger_command(&["migrate"]).start();
    waits_in(&empty, "query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()").await;
    migrating.signal(Signal::TERM);
    migrating.end_within(SOON).await.assert_code(143);
}
