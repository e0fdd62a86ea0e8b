//! Signing a table in place while its application uses it.

use crate::harness::{Site, assert_signed_exactly_once, generated, of_source, of_table, until};

const SPEC: &str =
    "batchSize: 20\nkeys: {count: 8, lease: {records: 100, duration: 5s}}\nconcurrency: {records: 2, signers: 2}";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_a_table_with_gaps_survives_rows_that_come_change_and_go() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n * 10, 'letter ' || n FROM generate_series(1, 1000) n",
    )
    .await;
    let manifest = of_table("job", "letters", &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 300}}"));
    let running = site.run(&manifest).start();
    site.until_signed(100).await;
    let signed: Vec<i64> = {
        let rows = site.sql().await.query("SELECT record_id FROM vaultstream.signatures ORDER BY 1 LIMIT 2", &[]).await;
        rows.unwrap().iter().map(|row| row.get(0)).collect()
    };
    site.execute(&format!(
        "UPDATE letters SET body = 'forged' WHERE id = {first};
         DELETE FROM letters WHERE id = {second};
         INSERT INTO letters VALUES ({first} + 1, 'too late for its batch');
         INSERT INTO letters SELECT n, 'in time' FROM generate_series(9991, 9995) n;
         UPDATE letters SET body = 'changed in time' WHERE id = 9800;
         DELETE FROM letters WHERE id = 9900;
         INSERT INTO letters VALUES (20000, 'after planning')",
        first = signed[0],
        second = signed[1],
    ))
    .await;
    let ended = running.end().await;
    let report = ended.assert_code(0).report();
    assert_eq!(report["signed"], 1004, "{report}");
    assert!(report["changed"].as_u64() > Some(0), "{report}");
    assert_signed_exactly_once(&site, "job", 1004).await;
    let outside = "SELECT count(*) FROM vaultstream.signatures WHERE record_id IN (20000, 9900)";
    assert_eq!(site.number(outside).await, 0);

    let verdicts = "SELECT coalesce(string_agg(verified::text, ', '), 'none') FROM vaultstream.verdicts";
    assert_eq!(site.text(verdicts).await, "none", "changed rows did not count");
    let verify = ["verify", "--job", "job", "--output", "json"];
    let found = site.ledger_command(&verify).end().await.assert_code(1).report();
    assert_eq!((found["rows"]["changed"].as_u64(), found["rows"]["gone"].as_u64()), (Some(1), Some(1)), "{found}");
    // Too late for its batch, or for the job.
    assert_eq!((found["rows"]["unsigned"].as_u64(), found["rows"]["newer"].as_u64()), (Some(2), Some(1)), "{found}");
    site.ledger_command(&verify).args(&["--allow-changed"]).end().await.assert_code(0);
    assert_eq!(site.text(verdicts).await, "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_outgrown_by_inserted_rows_is_split() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body jsonb NOT NULL);
         INSERT INTO letters SELECT n * 1000, to_jsonb(n) FROM generate_series(1, 200) n",
    )
    .await;
    let manifest = of_table("job", "letters", SPEC);
    site.run(&manifest).args(&["--seed-only"]).end().await.assert_code(0);
    let planned = site.number("SELECT batches FROM vaultstream.jobs").await;
    site.execute("INSERT INTO letters SELECT n, to_jsonb(n) FROM generate_series(20001, 20500) n").await;
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 700).await;
    assert!(site.number("SELECT batches FROM vaultstream.jobs").await >= planned + 10, "nothing was split");
    let largest = site.number("SELECT max(rows) FROM vaultstream.batches").await;
    assert!(largest <= 40, "a batch of {largest} rows was signed in one piece");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_is_complete_at_once() {
    let site = Site::new().await;
    site.execute("CREATE TABLE nothing (id bigint PRIMARY KEY, no uuid UNIQUE NOT NULL, body bytea)").await;
    let by_uuid = of_source("uuid", "table: {name: nothing, key: no, payload: body}", SPEC);
    for (name, manifest) in [("job", of_table("job", "nothing", SPEC)), ("uuid", by_uuid)] {
        let ended = site.run(&manifest).end().await;
        assert_eq!(ended.assert_code(0).report()["signed"], 0, "{name}");
        assert_signed_exactly_once(&site, name, 0).await;
    }
}

/// Two workers sign batches of one range of batches while others do, in whatever order they come.
#[tokio::test(flavor = "multi_thread")]
async fn three_runs_of_one_job_at_once_share_the_work() {
    let site = Site::new().await;
    let manifest = generated("job", 3000, SPEC);
    site.run(&manifest).args(&["--seed-only"]).end().await.assert_code(0);
    let runs = [site.run(&manifest).start(), site.run(&manifest).start(), site.run(&manifest).start()];
    for run in runs {
        run.end().await.assert_code(0);
    }
    assert_signed_exactly_once(&site, "job", 3000).await;
}

/// A lock that lasts longer than ours may, and a restart: both end by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn planning_waits_for_a_lock_and_survives_a_restart() {
    let site = Site::breakable().await;
    site.execute("CREATE TABLE letters (id smallint PRIMARY KEY, body text); INSERT INTO letters SELECT n, 'x' FROM generate_series(1, 100) n")
        .await;
    let manifest = of_table("job", "letters", SPEC);
    let holder = site.sql().await;
    holder.batch_execute("BEGIN; LOCK TABLE letters IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let running = site.run(&manifest).start();
    let blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    until("planning waits for the table", || async { site.number_or_zero(blocked).await > 0 }).await;
    // Longer than a statement waits for a lock.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    site.servers(|servers| servers.restart_postgres().unwrap()).await;
    running.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_whose_type_changes_meanwhile_ends_the_run_and_undoing_that_continues_it() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 1000) n",
    )
    .await;
    let manifest = of_table("job", "letters", &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 300}}"));
    let running = site.run(&manifest).start();
    site.until_signed(100).await;
    site.execute("ALTER TABLE letters ALTER body TYPE bytea USING body::bytea").await;
    let ended = running.end().await;
    ended.assert_code(1);
    for word in ["public.letters", "column body was text and is bytea now", "delete the job"] {
        assert!(ended.stderr.contains(word), "{word:?} is not in: {}", ended.stderr);
    }
    site.execute("ALTER TABLE letters ALTER body TYPE text USING encode(body, 'escape')").await;
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 1000).await;
}
