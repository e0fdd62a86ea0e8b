//! Records that cannot be signed, and what becomes of the others.

use crate::harness::{Site, assert_complete, generated, of_table};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\nmaxPayloadBytes: 100";

/// 500 rows: five NULL, one too large, one just small enough.
const LETTERS: &str = "
    CREATE TABLE letters (id bigint PRIMARY KEY, body text);
    INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 500) n;
    UPDATE letters SET body = NULL WHERE id % 100 = 0;
    UPDATE letters SET body = repeat('x', 101) WHERE id = 17;
    UPDATE letters SET body = repeat('x', 100) WHERE id = 18";

#[tokio::test(flavor = "multi_thread")]
async fn null_and_oversized_payloads_become_rejects_and_the_rest_is_signed() {
    let site = Site::new().await;
    site.execute(LETTERS).await;
    let ended = site.run(&of_table("job", "letters", &format!("{SPEC}\nmaxRejected: 2%"))).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(494), Some(6)), "{report}");
    assert_complete(&site, "job", 494, 6).await;
    let reasons = site
        .text("SELECT string_agg(record_id || ' ' || reason, ', ' ORDER BY record_id) FROM vaultstream.rejects")
        .await;
    assert_eq!(
        reasons,
        "17 PayloadTooLarge, 100 PayloadMissing, 200 PayloadMissing, 300 PayloadMissing, 400 PayloadMissing, 500 PayloadMissing"
    );
    let detail = site.text("SELECT detail FROM vaultstream.rejects WHERE record_id = 17").await;
    assert!(detail.contains("101 bytes") && detail.contains("maxPayloadBytes 100"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_more_rejects_than_allowed_a_job_fails_and_everything_else_is_signed() {
    let site = Site::new().await;
    site.execute(LETTERS).await;
    let ended = site.run(&of_table("job", "letters", &format!("{SPEC}\nmaxRejected: 5"))).end().await;
    let report = ended.assert_code(1).report();
    assert_eq!(report["state"], "Failed");
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(494), Some(6)), "{report}");
    let why = report["failure"].as_str().unwrap();
    assert!(why.contains("6 of 500") && why.contains("maxRejected"), "{why}");
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.signatures").await, 494);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.batches WHERE state <> 'signed'").await, 0);
    assert_eq!(report["verdict"], "NOT VERIFIED", "{report}");
    // What was signed can be checked; the job is no better for it.
    let verify = site.ledger_command(&["verify", "--job", "job", "--partial", "--output", "json"]).end().await;
    let found = verify.assert_code(1).report();
    assert_eq!((found["verified"].as_u64(), found["problems"].as_array().unwrap().len()), (Some(494), 1), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_signature_never_verifies_is_found_and_the_rest_of_its_batch_is_signed() {
    let site = Site::new().await;
    let spec = "batchSize: 50\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\nsigning: {verify: All}\nmaxRejected: 2\n\
                retry: {maxAttempts: 3, initialBackoff: 10ms, maxBackoff: 50ms}";
    let run = site.run(&generated("job", 500, spec)).env("VAULTSTREAM_FAULT_RECORDS", "77,402");
    let report = run.end().await.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(498), Some(2)), "{report}");
    assert_complete(&site, "job", 498, 2).await;
    let rejects = "SELECT string_agg(record_id || ' ' || reason || ' ' || attempts, ', ' ORDER BY record_id) \
                   FROM vaultstream.rejects";
    assert_eq!(site.text(rejects).await, "77 SigningFailed 3, 402 SigningFailed 3");
    assert_eq!(
        site.number("SELECT count(*) FROM vaultstream.batches WHERE attempts > 0").await,
        2,
        "others were blamed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_in_every_export_of_records_also_before_the_end_of_the_job() {
    let site = Site::new().await;
    site.execute(LETTERS).await;
    let manifest = of_table("job", "letters", &format!("{SPEC}\nconcurrency: {{signers: 1}}\nmaxRejected: 2%"));
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    let there = "SELECT string_agg(record_id || ' ' || reason, ', ' ORDER BY record_id) FROM vaultstream.rejects";
    let export = async |args: &[&str]| {
        let ended = site.ledger_command(&["export", "--job", "job"]).args(args).end().await;
        let lines = ended.assert_code(0).stdout.lines().filter_map(rejected).collect::<Vec<_>>();
        lines.join(", ")
    };
    assert_eq!(export(&["--partial"]).await, site.text(there).await);
    site.run(&manifest).end().await.assert_code(0);
    let all = site.text(there).await;
    assert_eq!(all.matches(", ").count(), 5, "{all}");
    for args in [&[][..], &["--format", "csv"], &["--proofs"], &["--message"]] {
        assert_eq!(export(args).await, all, "{args:?}");
    }
}

/// Id and reason of a reject in a line of an export.
fn rejected(line: &str) -> Option<String> {
    if let Ok(line) = serde_json::from_str::<serde_json::Value>(line) {
        return line["reject"].as_str().map(|reason| format!("{} {reason}", line["id"]));
    }
    let cells: Vec<&str> = line.split(',').collect();
    (cells[0] != "id" && !cells[7].is_empty()).then(|| format!("{} {}", cells[0], cells[7]))
}

/// Only what names a batch or a record counts against it.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_counts_against_no_batch() {
    let site = Site::breakable().await;
    let spec = format!("{SPEC}\nconcurrency: {{signers: 2}}\nworkers: {{maxRecordsPerSecond: 300}}");
    let running = site.run(&generated("job", 600, &spec)).start();
    site.until_signed(60).await;
    site.servers(|servers| servers.restart_postgres().unwrap()).await;
    running.end().await.assert_code(0);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.batches WHERE attempts > 0").await, 0);
    assert_complete(&site, "job", 600, 0).await;
}

/// A database whose encoding promises nothing: the server cannot hand such a row to a program that wants UTF-8.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_server_cannot_read_is_a_reject_and_the_rest_is_signed() {
    let mut site = Site::new().await;
    let legacy = format!("legacy_{:x}", rand::random::<u64>());
    site.execute(&format!(
        "CREATE DATABASE {legacy} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    ))
    .await;
    let (server, _) = site.database_url.rsplit_once('/').unwrap();
    site.database_url = format!("{server}/{legacy}");
    site.execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 200) n;
         UPDATE letters SET body = E'caf\\xe9' WHERE id IN (77, 78, 200)",
    )
    .await;
    let manifest = |allowed: &str| of_table("job", "letters", &format!("{SPEC}\nmaxRejected: {allowed}"));
    let ended = site.run(&manifest("10%")).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(197), Some(3)), "{report}");
    assert_complete(&site, "job", 197, 3).await;
    let rejects = "SELECT string_agg(record_id || ' ' || reason, ', ' ORDER BY record_id) FROM vaultstream.rejects";
    assert_eq!(site.text(rejects).await, "77 PayloadUnreadable, 78 PayloadUnreadable, 200 PayloadUnreadable");
    let detail = site.text("SELECT detail FROM vaultstream.rejects WHERE record_id = 77").await;
    assert!(detail.contains("invalid byte sequence") && detail.contains("0xe9"), "{detail}");
    // A readable export, whatever rows the table holds.
    let export = site.ledger_command(&["export", "--job", "job"]).end().await;
    let lines: Vec<serde_json::Value> =
        export.assert_code(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (rejected, signed): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.get("reject").is_some());
    assert_eq!((signed.len(), rejected.len()), (197, 3));
    assert!(rejected.iter().all(|line| line["id"].is_i64() && line["detail"].is_string()), "{rejected:?}");
    // maxRejected counts them.
    let strict = site.run(&manifest("2").replace("name: job", "name: strict")).end().await;
    assert_eq!(strict.assert_code(1).report()["failure"].as_str().map(|why| why.contains("3 of 200")), Some(true));
}

/// Only a damaged index lets a key in twice: neither row is the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_two_rows_have_is_a_reject_and_verify_tells() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint NOT NULL, body text); CREATE INDEX letters_id ON letters (id);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 100) n;
         INSERT INTO letters VALUES (50, 'another 50');
         UPDATE pg_index SET indisunique = true WHERE indexrelid = 'letters_id'::regclass",
    )
    .await;
    let ended = site.run(&of_table("job", "letters", &format!("{SPEC}\nmaxRejected: 1"))).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((report["signed"].as_u64(), report["rejected"].as_u64()), (Some(99), Some(1)), "{report}");
    assert_eq!(site.text("SELECT record_id || ' ' || reason FROM vaultstream.rejects").await, "50 KeyRepeated");
}
