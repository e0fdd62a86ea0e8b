//! Tables that are in another database than the ledger: on another server, on a standby, behind a login of its own.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use vaultstream_ledger::jobs;

use crate::harness::{Drive, Site, assert_signed_exactly_once, of_table, quick, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}";
const ROWS: i64 = 200;

/// A table `letters` of that many rows.
async fn table(site: &Site, rows: i64) {
    site.execute(&format!(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, {rows}) n"
    ))
    .await;
}

/// The same, which this role may read, and no other but the owner.
async fn letters(site: &Site, role: &str, rows: i64) {
    table(site, rows).await;
    site.execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON letters TO {role}")).await;
}

fn url_as(url: &str, role: &str) -> String {
    url.replacen("//vaultstream@", &format!("//{role}@"), 1)
}

/// A mounted Secret whose tables are read with that URL.
fn connection(site: &Site, source: &str) -> PathBuf {
    let folder = site.dir.path().join("with-source");
    std::fs::create_dir(&folder).unwrap();
    for file in ["DATABASE_URL", "NATS_URL", "kek"] {
        std::fs::copy(site.dir.path().join(file), folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("SOURCE_DATABASE_URL"), source).unwrap();
    folder
}

async fn assert_verified(site: &Site, source: &str) {
    let verify = ["verify", "--job", "job", "--output", "json"];
    let found = site.ledger_command(&verify).args(&["--source-url", source]).end().await.assert_code(0).report();
    assert_eq!(found["rows"]["compared"].as_i64(), Some(ROWS), "{found}");
    let exported = site.ledger_command(&["export", "--job", "job", "--source-url", source]).end().await;
    let lines: Vec<Value> =
        exported.assert_code(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as i64, ROWS);
    assert!(lines.iter().all(|line| line["payload"].is_string()), "{}", lines[6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_signs_the_table_of_another_server_and_verify_compares_with_it() {
    let (site, other) = (Site::new().await, Site::breakable().await);
    letters(&other, "app", ROWS).await;
    let source = url_as(&other.database_url, "app");
    let manifest = of_table("job", "letters", SPEC);
    // Nothing is made for a table that is not there.
    let ended = site.run(&manifest).end().await;
    ended.assert_code(2);
    assert!(ended.stderr.contains("table public.letters does not exist"), "{}", ended.stderr);

    let ended = site.run(&manifest).args(&["--source-url", &source]).end().await;
    assert_eq!(ended.assert_code(0).report()["signed"], ROWS, "{}", ended.stdout);
    assert_signed_exactly_once(&site, "job", ROWS).await;
    assert_verified(&site, &source).await;
    // Without the source the rows cannot be compared, and that is no success.
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(1);
    other.execute("UPDATE letters SET body = 'forged' WHERE id = 7; DELETE FROM letters WHERE id = 8").await;
    let verify = ["verify", "--job", "job", "--output", "json", "--source-url", &source];
    let found = site.ledger_command(&verify).end().await.assert_code(1).report();
    assert_eq!((found["rows"]["changed"].as_u64(), found["rows"]["gone"].as_u64()), (Some(1), Some(1)), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_standby_is_a_source() {
    let (site, primary) = (Site::new().await, Site::breakable().await);
    letters(&primary, "app", ROWS).await;
    let standby = primary.standby().await;
    let (_, database) = primary.database_url.rsplit_once('/').unwrap();
    let (server, _) = standby.servers.database_url().rsplit_once('/').unwrap();
    let source = url_as(&format!("{server}/{database}"), "app");
    until("the standby has the rows", || async {
        let Ok((client, connection)) = tokio_postgres::connect(&source, tokio_postgres::NoTls).await else {
            return false;
        };
        tokio::spawn(connection);
        client.query("SELECT FROM public.letters", &[]).await.is_ok_and(|rows| rows.len() as i64 == ROWS)
    })
    .await;
    let manifest = of_table("job", "letters", SPEC);
    let ended = site.run(&manifest).args(&["--source-url", &source]).end().await;
    assert_eq!(ended.assert_code(0).report()["signed"], ROWS, "{}", ended.stdout);
    assert_signed_exactly_once(&site, "job", ROWS).await;
    assert_verified(&site, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_reached_or_refuses_the_login_is_told_before_anything_is_made() {
    let site = Site::new().await;
    let manifest = of_table("job", "letters", SPEC);
    for (source, told) in [
        (url_as(&site.database_url, "nobody_at_all"), "nobody_at_all"),
        ("postgres://127.0.0.1:1/nowhere".to_owned(), "nowhere on 127.0.0.1:1"),
        ("not a url".to_owned(), "source"),
    ] {
        let run = site.run(&manifest).env("VAULTSTREAM_CONNECT_TIMEOUT", "1s");
        let ended = run.env("VAULTSTREAM_SOURCE_URL", &source).end().await;
        ended.assert_code(2);
        assert!(ended.stderr.contains(told), "{source}: {}", ended.stderr);
    }
    assert_eq!(site.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream'").await, 0);
}

/// What lifecycle does, it does with the ledger's login, which cannot even reach the table.
#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_opens_no_source_and_a_worker_plans_with_the_login_of_its_secret() {
    let (site, other) = (Site::new().await, Site::breakable().await);
    letters(&other, "app", ROWS).await;
    let job = begin(&site, &of_table("job", "letters", SPEC)).await;
    until("a plan is asked for", || async { job.row().await.generation > 0 }).await;
    let folder = connection(&site, &url_as(&other.database_url, "app"));
    let _worker = site.worker_with(job.drive.uid, &folder).await.start();
    job.drive.complete().await;
    assert_signed_exactly_once(&site, "job", ROWS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_that_was_stopped_and_wakes_up_changes_nothing() {
    let site = Site::new().await;
    table(&site, ROWS).await;
    let job = begin(&site, &of_table("job", "letters", SPEC)).await;
    let first = site.worker(job.drive.uid).await.fault("chunk-read=stop").start();
    first.until_stopped().await;
    assert_eq!(job.row().await.batches, None);
    // Half a minute later.
    site.execute("UPDATE vaultstream.jobs SET plan_lease_until = clock_timestamp() WHERE plan_lease_until IS NOT NULL")
        .await;
    let _second = site.worker(job.drive.uid).await.start();
    until("the other worker has planned", || async { job.row().await.times.seeded.is_some() }).await;
    // Rows that only a new plan would have.
    site.execute("INSERT INTO letters SELECT n, 'late' FROM generate_series(201, 300) n").await;
    first.signal(Signal::CONT);
    job.drive.complete().await;
    assert_signed_exactly_once(&site, "job", 200).await;
    assert_eq!(site.number("SELECT plan_epoch FROM vaultstream.jobs").await, 2);
}

/// The table has more keys than are read at once: one planner is killed before it has stored any, the next one when it has stored some.
#[tokio::test(flavor = "multi_thread")]
async fn a_planner_that_was_killed_is_followed_by_another_one_from_where_it_was() {
    let site = Site::new().await;
    table(&site, 300_000).await;
    let slow = "batchSize: 5000\nkeys: {count: 2}\nworkers: {maxRecordsPerSecond: 1}";
    let job = begin(&site, &of_table("job", "letters", slow)).await;
    for (point, planned) in [("chunk-read", None), ("chunk-planned", Some(50))] {
        let killed = site.worker(job.drive.uid).await.fault(&format!("{point}=kill")).start();
        killed.end().await.assert_killed(point);
        assert_eq!(job.row().await.batches, planned, "{point}");
        site.execute(
            "UPDATE vaultstream.jobs SET plan_lease_until = clock_timestamp() WHERE plan_lease_until IS NOT NULL",
        )
        .await;
    }
    let worker = site.worker(job.drive.uid).await.start();
    until("the last worker has planned", || async { job.row().await.times.seeded.is_some() }).await;
    drop(worker);
    let planned = "SELECT string_agg(first_id || '-' || last_id, ' ' ORDER BY batch) FROM vaultstream.batches WHERE batch BETWEEN 48 AND 51";
    assert_eq!(site.text(planned).await, "240001-245000 245001-250000 250001-255000 255001-260000");
    assert_eq!(site.number("SELECT sum(rows_planned)::bigint FROM vaultstream.batches").await, 300_000);
    assert_eq!(site.number("SELECT plan_epoch FROM vaultstream.jobs").await, 3);
}

/// A job that is driven from its very beginning, its plan included.
struct FromTheStart {
    drive: Drive,
}

impl FromTheStart {
    async fn row(&self) -> vaultstream_ledger::Job {
        jobs::by_id(&self.drive.ledger, self.drive.id).await.unwrap().unwrap()
    }
}

async fn begin(site: &Site, manifest: &str) -> FromTheStart {
    FromTheStart { drive: site.drive_from_the_start(manifest, quick()).await }
}
