//! What was exported is checked by others: Python's `cryptography`, and the openssl command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Site, blocking, generated};

/// The interpreter that `make test` gives the library `cryptography`.
fn python() -> PathBuf {
    let tools = std::env::var_os("VAULTSTREAM_TOOLS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools")), PathBuf::from);
    let python = tools.join("bin/python");
    assert!(python.exists(), "{} is missing: run `scripts/install-tools cryptography`", python.display());
    python
}

/// Output of a program that must succeed.
async fn output(mut command: Command) -> Result<String, String> {
    let output = blocking(move || command.output().unwrap()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr) + &text(&output.stdout)) }
}

async fn exported(site: &Site, file: &str, args: &[&str]) -> PathBuf {
    let path = site.dir.path().join(file);
    std::fs::write(&path, &site.ledger_command(args).end().await.assert_code(0).stdout).unwrap();
    path
}

async fn python_verifies(keys: &Path, export: &Path, report: &Value) -> Result<String, String> {
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/verify_export.py")).arg(keys).arg(export);
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
