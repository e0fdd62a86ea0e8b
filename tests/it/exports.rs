//! What was exported is checked by others: Python's `cryptography`, and the openssl command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Site, generated, of_table, output, python};

async fn exported(site: &Site, file: &str, args: &[&str]) -> PathBuf {
    let path = site.dir.path().join(file);
    std::fs::write(&path, &site.ledger_command(args).end().await.assert_code(0).stdout).unwrap();
    path
}

async fn python_verifies(keys: &Path, export: &Path, report: &Value) -> Result<String, String> {
    let mut command = python("verify_export.py");
    command.arg(keys).arg(export);
    command.args([report["uid"].as_str().unwrap(), report["merkleRoot"].as_str().unwrap()]);
    output(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn python_verifies_all_of_100_000_signatures_and_their_proofs() {
    let site = Site::new().await;
    let spec = "batchSize: 777\nkeys: {count: 30, lease: {records: 3000}}";
    let report =
        site.run(&generated("job", 100_000, spec)).args(&["--verify", "sql"]).end().await.assert_code(0).report();
    let keys = exported(&site, "keys.json", &["keys", "--job", "job", "--format", "jwks"]).await;
    let all = exported(&site, "all.jsonl", &["export", "--job", "job", "--format", "jsonl", "--proofs"]).await;

    let checked: Value = serde_json::from_str(&python_verifies(&keys, &all, &report).await.unwrap()).unwrap();
    assert_eq!((checked["records"].as_u64(), checked["first"].as_u64()), (Some(100_000), Some(1)), "{checked}");
    assert_eq!(checked["last"], 100_000, "{checked}");
    assert_eq!(checked["keys"], report["keys"], "{checked}");

    // The checker itself tells right from wrong.
    let text = std::fs::read_to_string(&all).unwrap();
    let lines: Vec<Value> = text.lines().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (field, complaint) in [("payload", "the signature is wrong"), ("id", "the proof does not lead to the root")] {
        let mut line = lines[0].clone();
        line[field] = lines[1][field].clone();
        let one = site.dir.path().join("one.jsonl");
        std::fs::write(&one, format!("{line}\n")).unwrap();
        let found = python_verifies(&keys, &one, &report).await.unwrap_err();
        assert!(found.contains(complaint), "{field}: {found}");
    }
}

/// Key ids are base64url: one in 64 begins with a hyphen.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_printed_by_ids_that_begin_with_a_hyphen_and_beside_a_damaged_one() {
    let site = Site::new().await;
    let mut found = None;
    // Of 300 keys none begins so in one of 113 jobs.
    for job in (0..20).map(|number| format!("job-{number}")) {
        let spec = "batchSize: 1\nkeys: {count: 300, lease: {records: 1}}";
        site.run(&generated(&job, 300, spec)).args(&["--verify", "sql"]).end().await.assert_code(0);
        let keys = site.ledger_command(&["keys", "--job", &job]).end().await;
        let ids: Vec<_> = keys.assert_code(0).stdout.lines().filter_map(|line| line.strip_prefix("keyId: ")).collect();
        if let Some(id) = ids.iter().find(|id| id.starts_with('-')) {
            found = Some((job, (*id).to_owned(), ids.len()));
            break;
        }
    }
    let (job, id, count) = found.unwrap();
    let one = site.ledger_command(&["keys", "--job", &job, "--key", &id]).end().await;
    let lines: Vec<_> = one.assert_code(0).stdout.lines().collect();
    assert_eq!((lines[0], lines[2]), (format!("keyId: {id}").as_str(), "-----BEGIN PUBLIC KEY-----"), "{}", one.stdout);
    assert!(lines[1].starts_with("private key erased: 2"), "{}", one.stdout);
    site.execute(&format!(
        "ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
         UPDATE vaultstream.keys k SET public_key = '\\x00' FROM vaultstream.jobs j
          WHERE j.id = k.job_id AND j.name = '{job}' AND k.ordinal = 0"
    ))
    .await;
    let others = site.ledger_command(&["keys", "--job", &job]).end().await;
    assert_eq!(others.assert_code(1).stdout.matches("BEGIN PUBLIC KEY").count(), count - 1, "{}", others.stderr);
    assert!(others.stderr.contains("damaged"), "{}", others.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_an_exported_signature() {
    let site = Site::new().await;
    for message in ["Payload", "Bound"] {
        let name = message.to_lowercase();
        let spec = format!("keys: {{count: 1}}\nsigning: {{message: {message}}}");
        site.run(&generated(&name, 3, &spec)).end().await.assert_code(0);
        let lines = exported(&site, "lines", &["export", "--job", &name, "--format", "jsonl", "--message"]).await;
        let text = std::fs::read_to_string(lines).unwrap();
        assert_eq!(text.lines().count(), 3);
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let key = line["keyId"].as_str().unwrap();
            let pem = exported(&site, "key.pem", &["keys", "--job", &name, "--key", key]).await;
            let [message, signature] = ["message", "signature"].map(|field| {
                let path = site.dir.path().join(field);
                std::fs::write(&path, line[field].as_str().unwrap()).unwrap();
                path
            });
            // As a person would: base64 -d, then openssl.
            let script = "base64 -d <\"$1\" >\"$1.bin\" && base64 -d <\"$2\" >\"$2.bin\" && \
                          openssl dgst -sha256 -verify \"$3\" -signature \"$2.bin\" \"$1.bin\"";
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).args([&message, &signature, &pem]);
            assert_eq!(output(command).await.as_deref(), Ok("Verified OK\n"), "{line}");
            std::fs::write(&message, "AAAA").unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).args([&message, &signature, &pem]);
            assert!(output(command).await.is_err(), "another message verifies");
        }
    }
}

/// An empty payload, one that changed, one that is NULL now, a row that is gone: each is told from the others, in each format.
#[tokio::test(flavor = "multi_thread")]
async fn both_formats_tell_which_rows_are_not_what_was_signed() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text);
         INSERT INTO letters VALUES (1, ''), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')",
    )
    .await;
    for message in ["Payload", "Bound"] {
        let spec = format!("keys: {{count: 1}}\nsigning: {{message: {message}}}");
        site.run(&of_table(&message.to_lowercase(), "letters", &spec)).end().await.assert_code(0);
    }
    site.execute(
        "UPDATE letters SET body = 'forged' WHERE id = 2; DELETE FROM letters WHERE id = 3;
         UPDATE letters SET body = NULL WHERE id = 4",
    )
    .await;
    let export = async |args: &[&str]| {
        let ended = site.ledger_command(&["export"]).args(args).end().await;
        // Messages that are lost are no success.
        let code = i32::from(args.contains(&"--message"));
        assert!(ended.assert_code(code).stderr.contains("3 records are no longer what was signed"), "{}", ended.stderr);
        ended.stdout
    };
    let rows = [(1, "Same"), (2, "Changed"), (3, "Gone"), (4, "Null"), (5, "Same")];
    for job in ["payload", "bound"] {
        let lines = export(&["--job", job]).await;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let csv = export(&["--job", job, "--format", "csv"]).await;
        let mut csv = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
        assert_eq!(
            csv.next().unwrap(),
            ["id", "payload", "signature", "keyId", "digest", "changed", "row", "reject", "detail"]
        );
        let payloads =
            [(Some(""), "\"\""), (Some("Zm9yZ2Vk"), "Zm9yZ2Vk"), (None, ""), (None, ""), (Some("ZQ=="), "ZQ==")];
        for (((line, cells), (id, row)), (payload, cell)) in lines.iter().zip(csv).zip(rows).zip(payloads) {
            let changed = row != "Same";
            assert_eq!(
                (&line["id"], &line["row"], &line["changed"]),
                (&id.into(), &row.into(), &changed.into()),
                "{line}"
            );
            assert_eq!(
                (line["payload"].as_str(), line["digest"].as_str().map(str::len)),
                (payload, Some(64)),
                "{line}"
            );
            let same = ["signature", "keyId", "digest"].map(|member| line[member].as_str().unwrap());
            let id = id.to_string();
            assert_eq!(
                cells,
                [id.as_str(), cell, same[0], same[1], same[2], if changed { "true" } else { "false" }, row, "", ""]
            );
        }
        // The exact bytes that were signed are those of rows that did not change, and of no others.
        let messages = export(&["--job", job, "--message"]).await;
        for (line, (id, row)) in messages.lines().zip(rows) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((line["message"].is_null(), &line["row"]), (row != "Same", &row.into()), "record {id}: {line}");
        }
    }
}
