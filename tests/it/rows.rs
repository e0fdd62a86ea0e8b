//! Rows of several columns and canonical JSON, from the table to the verifiers of others.

use serde_json::{Value, json};
use vaultstream_signing::{RowForm, row::RowValue};

use crate::harness::{Site, Subject, assert_complete, of_source, others, ours};

const ROWS: &str = "CREATE TABLE orders (id integer PRIMARY KEY, customer text, amount numeric(10, 2), doc jsonb, raw json, scan bytea,
        created_at timestamptz);
    INSERT INTO orders SELECT n, 'c' || n, n * 1.5, jsonb_build_object('b', n, 'a', '{}'::jsonb), ('{\"b\" : ' || n || ',  \"a\":1.0}')::json,
        decode(lpad(n::text, 4, '0'), 'hex'), timestamptz '2026-01-01 00:00:00+02' + n * interval '1 day' FROM generate_series(1, 40) n;
    UPDATE orders SET customer = NULL, amount = NULL, doc = NULL, raw = NULL, scan = NULL, created_at = NULL WHERE id = 7";

const SOURCE: &str =
    "table: {name: orders, key: id, columns: [id, amount, doc, raw, scan, created_at, customer], json: JCS}";

const SPEC: &str = "batchSize: 7\nkeys: {count: 3}\nmaxRejected: 5";

fn payload_of(line: &str) -> (i64, Vec<u8>) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let line: Value = serde_json::from_str(line).unwrap();
    (line["id"].as_i64().unwrap(), STANDARD.decode(line["payload"].as_str().unwrap()).unwrap())
}

/// The values of a row as text, NULL as `-`, bytes in hexadecimal.
fn shown(value: &RowValue<'_>) -> String {
    match value.value {
        None => "-".to_owned(),
        Some(bytes) if value.is_bytes => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Some(text) => String::from_utf8(text.to_vec()).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_columns_are_signed_as_one_row_and_every_verifier_agrees() {
    let site = Site::new().await;
    site.execute(ROWS).await;
    // A number that no double holds has no canonical form.
    site.execute("UPDATE orders SET raw = '{\"n\": 9007199254740993}' WHERE id = 20").await;
    let report = site.run(&of_source("job", SOURCE, SPEC)).end().await.assert_code(0).report();
    assert_eq!((&report["signed"], &report["rejected"]), (&json!(39), &json!(1)), "{report}");
    let reject = site.text("SELECT record_id || ' ' || reason || ': ' || detail FROM vaultstream.rejects").await;
    assert!(reject.starts_with("20 PayloadNotCanonical: it has no canonical JSON: column raw: "), "{reject}");

    let verified = site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await;
    let uid = verified.assert_code(0).report()["uid"].as_str().unwrap().parse().unwrap();
    let receipt = site.ledger_command(&["receipt", "--job", "job"]).end().await;
    let columns = ["id", "amount", "doc", "raw", "scan", "created_at", "customer"];
    let receipt: Value = serde_json::from_str(&receipt.assert_code(0).stdout).unwrap();
    let source = &receipt["source"];
    assert_eq!((&receipt["formatVersion"], &source["columns"]), (&json!(4), &json!(columns)), "{receipt}");
    assert_eq!((&source["kind"], &source["json"]), (&json!("Rows"), &json!("JCS")));

    // People join the table with its signatures.
    let joined =
        "SELECT count(*) FROM orders o JOIN vaultstream.signed_default_job s USING (id) WHERE length(s.signature) = 64";
    assert_eq!(site.number(joined).await, 39);
    assert_eq!(report["signedView"], "vaultstream.\"signed_default_job\"");

    // What is exported are the rows, which anyone can read by docs/formats.md.
    let exported = site.ledger_command(&["export", "--job", "job"]).end().await;
    let form = RowForm::new(uid, &columns.map(str::to_owned));
    let of = |wanted: i64| {
        let mut payloads =
            exported.assert_code(0).stdout.lines().filter(|line| line.contains("\"payload\"")).map(payload_of);
        let (_, payload) = payloads.find(|(id, _)| *id == wanted).unwrap();
        form.values(&payload).unwrap().iter().map(shown).collect::<Vec<_>>()
    };
    let expected = ["9", "13.50", "{\"a\":{},\"b\":9}", "{\"a\":1,\"b\":9}", "0009", "2026-01-09 22:00:00+00", "c9"];
    assert_eq!(of(9), expected);
    assert_eq!(of(7), ["7", "-", "-", "-", "-", "-", "-"]);

    // Another text of the same JSON is the same; another value of any column is not.
    site.execute("UPDATE orders SET raw = '{\"a\":1.00, \"b\":9}' WHERE id = 9").await;
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0);
    let bundle = site.dir.path().join("rows.vsb");
    let export = ["export", "--job", "job", "--bundle"];
    site.ledger_command(&export).args(&[bundle.to_str().unwrap()]).end().await.assert_code(0);
    let subjects = [Subject::from(bundle)];
    assert_eq!(ours(&subjects[0]), 0);
    for (name, verdicts) in others(&subjects) {
        assert_eq!(verdicts, [0], "{name}");
    }
    for (change, undo) in [
        ("amount = 13.51", "amount = 13.50"),
        ("customer = NULL", "customer = 'c9'"),
        ("scan = '\\x0008'", "scan = '\\x0009'"),
        ("created_at = created_at + interval '1 us'", "created_at = created_at - interval '1 us'"),
        ("raw = '{\"a\":9007199254740993}'", "raw = '{\"a\":1, \"b\":9}'"),
    ] {
        site.execute(&format!("UPDATE orders SET {change} WHERE id = 9")).await;
        let verified = site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await;
        let report = verified.assert_code(1).report();
        assert_eq!(report["problems"][0]["records"], json!([9]), "{change}: {report}");
        site.execute(&format!("UPDATE orders SET {undo} WHERE id = 9")).await;
    }
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_row_is_refused_before_anything_is_made() {
    let site = Site::new().await;
    site.execute("CREATE TABLE odd (id integer PRIMARY KEY, tags text[], body text)").await;
    for (source, sentence) in [
        (
            "table: {name: odd, key: id, columns: [id, tags]}",
            "spec.source.table.columns: column tags is of type text[], which has no canonical form",
        ),
        ("table: {name: odd, key: id, columns: [id, body], json: JCS}", "spec.source.table.json is JCS, and none of"),
        (
            "table: {name: odd, key: id, columns: [id, body, id]}",
            "spec.source.table.columns[2] is id: it is in the list",
        ),
    ] {
        let refused = site.run(&of_source("job", source, "")).end().await;
        assert!(refused.assert_code(2).stderr.contains(sentence), "{source}: {}", refused.stderr);
    }
}

/// Some batches and lanes.
const SLOW: &str =
    "batchSize: 20\nkeys: {count: 8, lease: {records: 100, duration: 5s}}\nconcurrency: {records: 2, signers: 2}";

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
    let manifest = of_source("job", source, &format!("{SLOW}\nworkers: {{maxRecordsPerSecond: 400}}"));
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
