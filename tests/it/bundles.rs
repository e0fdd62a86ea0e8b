//! Bundles: written from a ledger, and verified without one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::harness::{Ended, Program, Site, has_browser, of_table, output, python};

/// 60 rows of which two cannot be signed.
pub(crate) const ROWS: &str = "CREATE TABLE orders (id integer PRIMARY KEY, body text);
                    INSERT INTO orders SELECT n, CASE WHEN n % 25 = 0 THEN NULL ELSE 'order ' || n END FROM generate_series(1, 60) n";

pub(crate) const SPEC: &str =
    "batchSize: 7\nkeys: {count: 4, lease: {records: 10}}\nmaxRejected: 5\nsigning: {message: Bound}";

/// A signed table, and its bundle.
async fn site_with_bundle(options: &[&str]) -> (Site, PathBuf) {
    let site = Site::new().await;
    site.execute(ROWS).await;
    site.run(&of_table("job", "orders", SPEC)).end().await.assert_code(0);
    let bundle = export(&site, "job", options).await;
    (site, bundle)
}

async fn export(site: &Site, job: &str, options: &[&str]) -> PathBuf {
    let file = site.dir.path().join(format!("{job}{}.vsb", options.concat()));
    let path = file.to_str().unwrap();
    site.ledger_command(&["export", "--job", job, "--bundle", path]).args(options).end().await.assert_code(0);
    file
}

async fn verify(bundle: &Path, options: &[&str]) -> Ended {
    let path = bundle.to_str().unwrap();
    Program::vaultstream(&["verify", "--output", "json", "--bundle", path]).args(options).end().await
}

/// The kinds of problems of a report.
fn kinds(report: &Value) -> Vec<&str> {
    report["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_verified_without_a_ledger_and_without_payloads_too() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let receipt =
        site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await.assert_code(0).report();
    let digest = receipt["receiptDigest"].as_str().unwrap().to_owned();
    let bare = export(&site, "job", &["--no-payloads"]).await;
    for file in [&bundle, &bare] {
        let report = verify(file, &["--receipt-digest", &digest]).await.assert_code(0).report();
        assert_eq!((&report["verdict"], &report["problems"]), (&json!("VERIFIED"), &json!([])), "{report}");
        assert_eq!((&report["signed"], &report["rejected"], &report["verified"]), (&json!(58), &json!(2), &json!(58)));
        assert_eq!((&report["uid"], &report["receiptDigest"]), (&receipt["uid"], &receipt["receiptDigest"]));
        assert!(report["proves"].as_str().unwrap().starts_with("it is the job whose receipt was expected"), "{report}");
    }
    let text = std::fs::read_to_string(&bare).unwrap();
    assert!(!text.contains("\"payload\""), "{text}");
    let alone = Program::vaultstream(&["verify", "--bundle", bundle.to_str().unwrap()]).end().await;
    assert!(alone.assert_code(0).stdout.starts_with("VERIFIED\ndefault/job, complete at 2"), "{}", alone.stdout);
    assert!(alone.stdout.contains("whoever can write all of it"), "{}", alone.stdout);
    let other = digest.replace(['0', '1'], "2");
    let refused = verify(&bundle, &["--receipt-digest", &other]).await;
    assert_eq!(kinds(&refused.assert_code(1).report()), ["Receipt"]);

    // Another receipt than the expected one is told from the first line, whatever follows.
    let header = std::fs::read_to_string(&bundle).unwrap().lines().next().unwrap().to_owned();
    let torn = site.dir.path().join("torn.vsb");
    std::fs::write(&torn, format!("{header}\nno line\n")).unwrap();
    assert_eq!(kinds(&verify(&torn, &["--receipt-digest", &digest]).await.assert_code(1).report()), ["Line"]);
    let report = verify(&torn, &["--receipt-digest", &other]).await.assert_code(1).report();
    assert_eq!((kinds(&report), &report["checked"], &report["signed"]), (vec!["Receipt"], &Value::Null, &Value::Null));
    let mut script = python("../scripts/verify.py");
    script.arg(&torn).args(["--receipt-digest", &other]);
    let said = output(script).await.unwrap_err();
    assert!(said.starts_with("NOT VERIFIED\n") && said.contains(&format!("expected was sha256:{other}")), "{said}");
    assert!(!said.contains("line 2"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_bundle_is_named() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let of = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    let record = of("{\"type\":\"record\",\"id\":\"9\"");
    let member = |line: usize, name: &str| {
        serde_json::from_str::<Value>(lines[line]).unwrap()[name].as_str().unwrap().to_owned()
    };
    let cases: [(&str, String, &[&str], String); 5] = [
        // A payload, a signature, a reason: each by record, or by the batch whose root it is under.
        ("payload", text.replace(&member(record, "payload"), "Zm9yZ2Vk"), &["Payload"], "that of record: 9".into()),
        (
            "signature",
            text.replace(&member(record, "signature"), &member(record + 1, "signature")),
            &["MerkleRoot", "WrongSignature"],
            format!("batch 1 (line {}) has a root", of("{\"type\":\"batch\",\"batch\":\"1\"") + 1),
        ),
        (
            "reason",
            text.replace("PayloadMissing", "PayloadTooLarge"),
            &["MerkleRoot", "MerkleRoot", "Receipt"],
            "batch 3".into(),
        ),
        ("line", text.replacen(lines[record], "", 1), &["Line"], format!("line {}: not a line", record + 1)),
        ("end", lines[..lines.len() - 1].join("\n") + "\n", &["Line"], "it was cut short".into()),
    ];
    for (name, changed, expected, said) in cases {
        assert_ne!(changed, text, "{name}");
        let file = site.dir.path().join("changed.vsb");
        std::fs::write(&file, changed).unwrap();
        let report = verify(&file, &[]).await.assert_code(1).report();
        assert_eq!(report["verdict"], "NOT VERIFIED");
        let found = kinds(&report);
        assert!(expected.iter().all(|kind| found.contains(kind)), "{name}: {report}");
        assert!(report["problems"].to_string().contains(&said), "{name}: {said}: {report}");
    }
    for (content, said) in [("", "it is empty"), ("{}\n", "its first line is not a header")] {
        let file = site.dir.path().join("none.vsb");
        std::fs::write(&file, content).unwrap();
        let refused = verify(&file, &[]).await;
        assert!(
            refused.assert_code(2).stderr.contains(&format!("none.vsb is not a bundle: {said}")),
            "{}",
            refused.stderr
        );
    }
    let later = site.dir.path().join("later.vsb");
    std::fs::write(&later, text.replacen("\"bundle\":2", "\"bundle\":4", 1)).unwrap();
    let refused = verify(&later, &[]).await;
    assert!(refused.assert_code(2).stderr.contains("has the bundle format 4, which this version does not know"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_changed_have_no_payload_in_a_bundle_and_are_no_failure_where_that_is_allowed() {
    let site = Site::new().await;
    site.execute(ROWS).await;
    site.run(&of_table("job", "orders", SPEC)).end().await.assert_code(0);
    site.execute("UPDATE orders SET body = 'forged' WHERE id = 3; UPDATE orders SET body = NULL WHERE id = 4; DELETE FROM orders WHERE id = 5")
        .await;
    let bundle = export(&site, "job", &[]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    for (id, row) in [(3, "Changed"), (4, "Null"), (5, "Gone")] {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{{\"type\":\"record\",\"id\":\"{id}\""))).unwrap();
        assert!(line.ends_with(&format!("\"row\":\"{row}\"}}")), "{line}");
    }
    let report = verify(&bundle, &[]).await.assert_code(1).report();
    assert_eq!((kinds(&report), &report["problems"][0]["records"]), (vec!["Changed"], &json!([3, 4, 5])), "{report}");
    let allowed = verify(&bundle, &["--allow-changed"]).await.assert_code(0).report();
    assert_eq!((&allowed["changed"], &allowed["verified"]), (&json!(3), &json!(58)), "every signature holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_leaves_no_file_and_an_unfinished_job_has_no_bundle() {
    let (site, bundle) = site_with_bundle(&[]).await;
    let before = std::fs::read(&bundle).unwrap();
    site.execute(
        "ALTER TABLE vaultstream.batches DISABLE TRIGGER USER; UPDATE vaultstream.batches SET merkle_root = '\\x00' WHERE batch = 5",
    )
    .await;
    let path = bundle.to_str().unwrap();
    let refused = site.ledger_command(&["export", "--job", "job", "--bundle", path]).end().await;
    assert!(refused.assert_code(1).stderr.contains("the root of batch 5 is damaged or gone"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&bundle).unwrap(), before, "the bundle of before is there");
    let files: Vec<_> = std::fs::read_dir(site.dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!files.iter().any(|file| file.to_string_lossy().ends_with(".part")), "{files:?}");

    site.run(&of_table("failing", "orders", "maxRejected: 0")).end().await.assert_code(1);
    let unfinished = site.ledger_command(&["export", "--job", "failing", "--bundle", path]).end().await;
    assert!(
        unfinished.assert_code(2).stderr.contains("a bundle proves a job that is Complete"),
        "{}",
        unfinished.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_of_bundles_what_they_are_in_a_browser_without_a_network() {
    if !has_browser("docs/verify.html in a browser") {
        return;
    }
    let (site, bundle) = site_with_bundle(&[]).await;
    let bare = export(&site, "job", &["--no-payloads"]).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    let digest = verify(&bundle, &[]).await.assert_code(0).report()["receiptDigest"].as_str().unwrap().to_owned();
    let forged = site.dir.path().join("forged.vsb");
    std::fs::write(&forged, text.replace("PayloadMissing", "PayloadTooLarge")).unwrap();
    let none = site.dir.path().join("none.vsb");
    std::fs::write(&none, "{}\n").unwrap();
    let mut page = Command::new("python3");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    page.arg(root.join("verify_page.py"));
    page.args([&bundle, &bare, &forged, &none]);
    let torn = site.dir.path().join("torn.vsb");
    std::fs::write(&torn, &text[..text.len() - 9]).unwrap();
    page.args([format!("{digest}@{}", bare.display()), format!("{}@{}", "0".repeat(64), torn.display())]);
    let vectors = root.join("../docs/vectors");
    page.arg(vectors.join("wrong-signature.vsb"));
    for earlier in ["checkpoint-first.jws", "checkpoint-other-batches.jws"] {
        let last = vectors.join("checkpoint-last.vsb");
        page.arg(format!("{},,{}", last.display(), vectors.join(earlier).display()));
    }
    let said = output(page).await.unwrap();
    let expected = [
        "VERIFIED: Each of the 58 signatures of default/job is right, and the bundle agrees with itself.",
        "VERIFIED: Each of the 58 signatures",
        "NOT VERIFIED: 3 things are wrong",
        "NOT VERIFIED: none.vsb is not a bundle",
        "VERIFIED: Each of the 58 signatures of default/job is right, and it is the job whose receipt you expected.",
        "NOT VERIFIED: One thing is wrong with the bundle of default/job. it has the receipt sha256:",
        "NOT VERIFIED: One thing is wrong with the bundle of default/vector. wrong signatures: 1,",
        "VERIFIED: Each of the 11 signatures of default/vector, the last checkpoint, number 3, is right, and the bundle agrees with \
         itself, and it extends the earlier checkpoint 1.",
        "NOT VERIFIED: One thing is wrong with the bundle of default/vector. the first 2 batches are not those of the earlier checkpoint",
    ];
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{said}");
    assert!(lines.iter().zip(expected).all(|(line, begin)| line.starts_with(begin)), "{said}");

    // Without the Workers that check signatures, nothing is verified.
    let (whole, crippled) = (root.join("../docs/verify.html"), site.dir.path().join("crippled.html"));
    std::fs::write(&crippled, std::fs::read_to_string(whole).unwrap().replace("worker-src blob:; ", "")).unwrap();
    let mut page = Command::new("python3");
    page.arg(root.join("verify_page.py")).arg("--page").args([&crippled, &bundle]);
    let said = output(page).await.unwrap();
    assert!(said.starts_with("NOT VERIFIED: ") && said.contains("a thread that checks signatures failed"), "{said}");
}
