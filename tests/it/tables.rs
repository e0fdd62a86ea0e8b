//! Signing a table in place while its application uses it.

use serde_json::{Value, json};

use crate::harness::{
    Site, Subject, assert_complete, assert_signed_exactly_once, generated, of_source, of_table, others, ours, until,
};

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

    let verify = ["verify", "--job", "job", "--output", "json"];
    let found = site.ledger_command(&verify).end().await.assert_code(1).report();
    assert_eq!((found["rows"]["changed"].as_u64(), found["rows"]["gone"].as_u64()), (Some(1), Some(1)), "{found}");
    // Too late for its batch, or for the job.
    assert_eq!((found["rows"]["unsigned"].as_u64(), found["rows"]["newer"].as_u64()), (Some(2), Some(1)), "{found}");
    site.ledger_command(&verify).args(&["--allow-changed"]).end().await.assert_code(0);
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

const EVENTS: &str = "CREATE TABLE events (tenant text, id uuid, created_at timestamptz, body text, PRIMARY KEY (tenant, id, created_at))
        PARTITION BY RANGE (created_at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
    INSERT INTO events SELECT 'tenant \"' || n % 3, md5(n::text)::uuid, timestamptz '2026-01-01Z' + n * interval '1 hour', 'event ' || n
      FROM generate_series(0, 999) n";

/// Rows come, change and go while they are signed; what was planned is signed or named.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_rows_with_keys_of_three_columns_names_each_of_them_and_every_verifier_agrees() {
    let site = Site::new().await;
    site.execute(EVENTS).await;
    let source = "table: {name: events, columns: [id, body]}";
    let manifest = of_source("job", source, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 400}}"));
    let running = site.run(&manifest).start();
    site.until_signed(100).await;
    let last = "(SELECT max(ordinal) FROM vaultstream.rows_1)";
    let of = |ordinal: &str| format!("id = (SELECT k2 FROM vaultstream.rows_1 WHERE ordinal = {ordinal})");
    site.execute(&format!(
        "DELETE FROM events WHERE {}; UPDATE events SET body = 'in time' WHERE {};
         INSERT INTO events VALUES ('new', gen_random_uuid(), '2026-01-05Z', 'after planning')",
        of(last),
        of(&format!("{last} - 1")),
    ))
    .await;
    let report = running.end().await.assert_code(0).report();
    assert_eq!((&report["signed"], &report["rejected"]), (&json!(999), &json!(1)), "{report}");
    let reject = &report["rejects"][0];
    assert_eq!((&reject["reason"], reject["key"].as_array().map(Vec::len)), (&json!("RowGone"), Some(3)), "{report}");
    assert_complete(&site, "job", 999, 1).await;
    let joined = "SELECT count(*) FROM events e JOIN vaultstream.signed_default_job s USING (tenant, id, created_at)";
    assert_eq!(site.number(joined).await, 999);

    let receipt = site.ledger_command(&["receipt", "--job", "job"]).end().await;
    let receipt: Value = serde_json::from_str(&receipt.assert_code(0).stdout).unwrap();
    let (source, keys) = (&receipt["source"], json!(["tenant", "id", "created_at"]));
    assert_eq!(
        (&receipt["formatVersion"], &source["ids"], &source["keyColumns"]),
        (&json!(5), &json!("Ordinals"), &keys)
    );

    let bundle = site.dir.path().join("events.vsb");
    let export = ["export", "--job", "job", "--bundle"];
    site.ledger_command(&export).args(&[bundle.to_str().unwrap()]).end().await.assert_code(0);
    // A key in another line than its own.
    let swapped = site.dir.path().join("swapped.vsb");
    let lines = std::fs::read_to_string(&bundle).unwrap();
    let key_of = |id: i64| {
        let line = lines.lines().find(|line| line.contains(&format!("\"record\",\"id\":\"{id}\""))).unwrap();
        line.split_once("\"key\":").unwrap().1.split_once(",\"digest\"").unwrap().0.to_owned()
    };
    let (one, other) = (key_of(1), key_of(2));
    let changed = lines.replace(&one, "ONE").replace(&other, &one).replace("ONE", &other);
    std::fs::write(&swapped, changed).unwrap();
    let subjects = [Subject::from(bundle), Subject::from(swapped)];
    assert_eq!(subjects.each_ref().map(ours), [0, 1]);
    for (name, verdicts) in others(&subjects) {
        assert_eq!(verdicts, [0, 1], "{name}");
    }

    // Who writes the ledger cannot say that a signature is of another row.
    site.execute(
        "BEGIN; DROP INDEX vaultstream.rows_1_keys; UPDATE vaultstream.rows_1 a SET (k1, k2, k3) = (SELECT k1, k2, k3 FROM vaultstream.rows_1 b \
         WHERE b.ordinal = 3 - a.ordinal) WHERE ordinal IN (1, 2); COMMIT",
    )
    .await;
    let verify = ["verify", "--job", "job", "--output", "json", "--allow-changed"];
    let found = site.ledger_command(&verify).end().await.assert_code(1).report();
    assert!(found["problems"].to_string().contains("MerkleRoot"), "{found}");
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
