//! What `vaultstream verify` says of jobs and tables that are not what they should be: never yes.

use rustix::process::Signal;
use serde_json::{Value, json};
use vaultstream_signing::{Digest, merkle};

use crate::harness::{Ended, Site, generated, of_table};

const LETTERS: &str = "CREATE TABLE letters (id integer PRIMARY KEY, body text);
                       INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 100) n";

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 20}}";

async fn verify(site: &Site, args: &[&str]) -> Ended {
    site.ledger_command(&["verify", "--job", "job", "--output", "json"]).args(args).end().await
}

/// The report of a verification that said no, for these kinds of reasons.
#[track_caller]
fn refused(ended: &Ended, kinds: &[&str]) -> Value {
    let report = ended.assert_code(1).report();
    assert_eq!(report["verdict"], "NOT VERIFIED", "{report}");
    let found: Vec<_> = report["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].clone()).collect();
    assert_eq!(found, kinds, "{report}");
    report
}

/// The same as a person sees it: the verdict first, and no control characters where stdout is no terminal.
#[track_caller]
fn said(ended: &Ended, verdict: &str) {
    assert_eq!(ended.stdout.lines().next(), Some(verdict), "{}{}", ended.stdout, ended.stderr);
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_and_deleted_rows_are_not_verified_unless_that_is_allowed_and_are_named() {
    let site = Site::new().await;
    site.execute(LETTERS).await;
    site.run(&of_table("job", "letters", SPEC)).end().await.assert_code(0);
    said(site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0), "VERIFIED");
    let good = verify(&site, &[]).await.assert_code(0).report();
    assert_eq!((&good["verdict"], &good["problems"]), (&json!("VERIFIED"), &json!([])), "{good}");
    assert_eq!(
        good["rows"],
        json!({"compared": 100, "changed": 0, "gone": 0, "unreadable": 0, "unsigned": 0, "newer": 0})
    );

    site.execute(
        "UPDATE letters SET body = 'forged' WHERE id <= 12; UPDATE letters SET body = NULL WHERE id = 13;
         DELETE FROM letters WHERE id = 50; INSERT INTO letters VALUES (101, 'later'), (102, 'later')",
    )
    .await;
    let found = refused(&verify(&site, &[]).await, &["Changed", "Gone"]);
    assert_eq!((&found["problems"][0]["count"], &found["problems"][1]["records"]), (&json!(13), &json!([50])));
    assert_eq!(found["problems"][0]["records"], json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "the first ten");
    let all = refused(&verify(&site, &["--all"]).await, &["Changed", "Gone"]);
    assert_eq!(all["problems"][0]["records"].as_array().unwrap().len(), 13);
    assert_eq!(found["rows"]["unsigned"], 2, "{found}");
    assert_eq!((&found["rows"]["newer"], &found["verified"]), (&json!(2), &json!(100)), "every signature holds");
    refused(&verify(&site, &["--strict"]).await, &["Changed", "Gone"]);
    refused(&verify(&site, &["--mode", "sample"]).await, &["Changed", "Gone"]);

    let allowed = verify(&site, &["--allow-changed"]).await.assert_code(0).report();
    assert_eq!((&allowed["verdict"], &allowed["rows"]["changed"]), (&json!("VERIFIED"), &json!(13)));
    // Whether a row was changed is not what is asked here, and what is left out is said.
    let text = |mode: &'static str| site.ledger_command(&["verify", "--job", "job", "--mode", mode, "--allow-changed"]);
    let changed = "14 rows are no longer what was signed";
    said(text("full").end().await.assert_code(0), &format!("VERIFIED ({changed})"));
    said(text("sample").end().await.assert_code(0), &format!("VERIFIED (a sample of the signatures; {changed})"));
    let without = text("sql").end().await;
    said(without.assert_code(0), "VERIFIED (no signature was checked)");
    assert!(!without.stdout.contains("verified     0"), "{}", without.stdout);
    let changed = site.ledger_command(&["verify", "--job", "job"]).end().await;
    said(changed.assert_code(1), "NOT VERIFIED");
    for words in ["13 records were changed since they were signed: 1, 2, 3, ", "2 rows are newer than this job"] {
        assert!(changed.stdout.contains(words), "{words}: {}", changed.stdout);
    }
}

/// Whatever became of the table, the ledger holds what was signed.
#[tokio::test(flavor = "multi_thread")]
async fn after_its_table_was_renamed_changed_or_dropped_a_job_is_verified_but_for_its_rows_and_exported() {
    let site = Site::new().await;
    site.execute(LETTERS).await;
    site.run(&of_table("job", "letters", SPEC)).end().await.assert_code(0);
    for change in [
        "ALTER TABLE letters RENAME TO letters_2024",
        "ALTER TABLE letters_2024 RENAME TO letters; ALTER TABLE letters RENAME body TO text",
        "DROP TABLE letters",
    ] {
        site.execute(change).await;
        for mode in ["full", "sample"] {
            let found = refused(&verify(&site, &["--mode", mode]).await, &["NotCompared"]);
            assert_eq!((&found["verified"], &found["checked"]), (&json!(100), &json!(100)), "{change}: {found}");
            assert!(found["rows"]["notCompared"].as_str().unwrap().contains("does not exist"), "{found}");
            assert_eq!(found["rows"]["changed"], Value::Null, "what is not known is absent: {found}");
        }
        let allowed = site.ledger_command(&["verify", "--job", "job", "--allow-changed"]).end().await;
        said(allowed.assert_code(0), "VERIFIED (its rows could not be compared)");
        let export = site.ledger_command(&["export", "--job", "job", "--proofs"]).end().await;
        let lines: Vec<Value> =
            export.assert_code(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 100);
        assert!(export.stderr.contains("no payload could be read"), "{}", export.stderr);
        for line in lines {
            let told = (&line["payload"], &line["changed"], &line["row"], line["digest"].as_str().map(str::len));
            assert_eq!(told, (&Value::Null, &json!(true), &json!("NotRead"), Some(64)), "{line}");
        }
    }
    // A wrong signature is found all the same.
    site.execute("UPDATE vaultstream.signatures SET signature = set_byte(signature, 3, get_byte(signature, 3) # 1) WHERE record_id = 7")
        .await;
    let found = refused(&verify(&site, &["--allow-changed"]).await, &["WrongSignature", "MerkleRoot"]);
    assert_eq!((&found["problems"][0]["records"], &found["verified"]), (&json!([7]), &json!(99)));
    let text = site.ledger_command(&["verify", "--job", "job"]).end().await;
    assert!(text.stdout.contains("verified     99 of 100 signatures"), "{}", text.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_job_is_told_before_anything_is_checked_and_exported_in_part_only_when_asked() {
    let site = Site::new().await;
    let manifest = generated("job", 2000, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 300}}"));
    let running = site.run(&manifest).start();
    site.until_signed(100).await;
    running.signal(Signal::INT);
    assert_ne!(running.end().await.status.code(), Some(0));
    let signed = site.signed().await;
    assert!(signed < 2000, "too fast for this test: {signed}");

    let found = refused(&verify(&site, &[]).await, &["NotFinished"]);
    let message = found["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("Signing, not finished yet; {signed} of 2,000 records are signed")), "{message}");
    for absent in ["checked", "verified", "merkleRoot", "receiptDigest"] {
        assert_eq!(found[absent], Value::Null, "{absent} is not known: {found}");
    }
    let text = site.ledger_command(&["verify", "--job", "job"]).end().await;
    said(text.assert_code(1), "NOT VERIFIED");
    assert!(!text.stdout.contains("merkle root") && !text.stdout.contains(" 0.00 s"), "{}", text.stdout);
    let partial = refused(&verify(&site, &["--partial"]).await, &["NotFinished"]);
    assert_eq!(partial["verified"].as_i64(), Some(signed), "{partial}");
    let waited = refused(&verify(&site, &["--wait", "1s"]).await, &["NotFinished"]);
    assert_eq!(waited["verified"], Value::Null);

    let export = |args: &'static [&'static str]| site.ledger_command(&["export", "--job", "job"]).args(args).end();
    for args in [&[][..], &["--proofs"], &["--proofs", "--partial"]] {
        let refused = export(args).await;
        refused.assert_code(2);
        let counts = format!("{signed} of 2,000 records are signed");
        assert!(refused.stdout.is_empty() && refused.stderr.contains(&counts), "{args:?}: {}", refused.stderr);
    }
    let part = export(&["--partial"]).await;
    assert_eq!(part.assert_code(0).stdout.lines().count(), usize::try_from(signed).unwrap());
    assert!(part.stderr.contains("Signing") && part.stderr.contains("of 2,000 records"), "{}", part.stderr);

    let ended = site.run(&manifest.replace("maxRecordsPerSecond: 300", "maxRecordsPerSecond: 100000")).end().await;
    let report = ended.assert_code(0).report();
    assert_eq!((&report["verdict"], &report["verified"]), (&json!("VERIFIED"), &json!(2000)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_and_one_without_a_receipt_are_not_verified() {
    let site = Site::new().await;
    site.run(&generated("job", 100, SPEC)).end().await.assert_code(0);
    site.execute("UPDATE vaultstream.jobs SET receipt = NULL").await;
    let found = refused(&verify(&site, &[]).await, &["Receipt"]);
    assert!(found["problems"][0]["message"].as_str().unwrap().contains("no receipt"), "{found}");
    site.execute("UPDATE vaultstream.jobs SET state = 'Failed', failure = E'too \u{1b}[2Jmuch'").await;
    let found = refused(&verify(&site, &[]).await, &["Failed"]);
    assert_eq!((&found["checked"], &found["state"]), (&Value::Null, &json!("Failed")));
    let text = site.ledger_command(&["verify", "--job", "job"]).end().await;
    said(text.assert_code(1), "NOT VERIFIED");
    let partial = refused(&verify(&site, &["--partial"]).await, &["Failed"]);
    assert_eq!(partial["verified"], 100, "{partial}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_told_from_a_verdict_by_the_exit_code() {
    let site = Site::new().await;
    site.run(&generated("job", 20, SPEC)).end().await.assert_code(0);
    let folder = site.dir.path();
    std::fs::write(folder.join("no.vsb"), "not a bundle\n").unwrap();
    for line in [
        "verify --job other",
        "verify other/job",
        "verify --uid 00000000-0000-0000-0000-000000000007",
        "verify job --receipt-digest abc",
        "verify job --receipt @/nothing",
        "verify job --receipt @",
        "verify --bundle @/nothing.vsb",
        "verify --bundle @/no.vsb",
        "verify --bundle @",
        "receipt other",
        "export other",
        "status other",
        "keys other",
    ] {
        let args: Vec<String> = line.split(' ').map(|word| word.replace('@', folder.to_str().unwrap())).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ended = site.ledger_command(&args).end().await;
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(2), ""), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains("vaultstream: "), "{line}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_receipt_than_the_expected_one_is_told_before_anything_is_checked() {
    let site = Site::new().await;
    site.run(&generated("job", 20, SPEC)).end().await.assert_code(0);
    site.execute("UPDATE vaultstream.signatures SET signature = set_byte(signature, 3, get_byte(signature, 3) # 1) WHERE record_id = 7")
        .await;
    refused(&verify(&site, &[]).await, &["WrongSignature", "MerkleRoot"]);
    let found = refused(&verify(&site, &["--receipt-digest", &"ab".repeat(32)]).await, &["Receipt"]);
    for absent in ["checked", "verified", "mode"] {
        assert_eq!(found[absent], Value::Null, "{absent} is not known: {found}");
    }
    // An unfinished job is told as that.
    site.execute("UPDATE vaultstream.jobs SET receipt = NULL, state = 'Failed', failure = 'too much'").await;
    refused(&verify(&site, &["--receipt-digest", &"ab".repeat(32)]).await, &["Failed", "Receipt"]);
}

/// After `--again` the earlier job keeps what it signed, and is found by its uid.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_job_stays_visible_and_verifiable() {
    let site = Site::new().await;
    let manifest = generated("job", 60, SPEC);
    let first = site.run(&manifest).end().await.assert_code(0).report();
    let second = site.run(&manifest).args(&["--again"]).end().await.assert_code(0).report();
    let status = |args: &'static [&'static str]| site.ledger_command(&["status", "--output", "json"]).args(args).end();
    let live = status(&[]).await.assert_code(0).report();
    assert_eq!((live.as_array().unwrap().len(), &live[0]["uid"]), (1, &second["uid"]));
    let all = status(&["--all"]).await.assert_code(0).report();
    let told: Vec<_> = all.as_array().unwrap().iter().map(|job| (&job["uid"], &job["superseded"])).collect();
    assert_eq!(told, [(&first["uid"], &json!(true)), (&second["uid"], &json!(false))]);
    assert_eq!(all[0]["receiptDigest"], first["receiptDigest"]);
    let text = site.ledger_command(&["status", "--all"]).end().await;
    for report in [&first, &second] {
        for member in ["uid", "receiptDigest"] {
            let value = report[member].as_str().unwrap();
            assert!(text.stdout.contains(value), "{member} {value}: {}", text.stdout);
        }
    }
    let uid = first["uid"].as_str().unwrap();
    let earlier = site.ledger_command(&["verify", "--uid", uid, "--output", "json"]).end().await;
    assert_eq!(earlier.assert_code(0).report()["merkleRoot"], first["merkleRoot"]);
    let older = site.ledger_command(&["receipt", "job", "--older"]).end().await;
    let older: Value = serde_json::from_str(&older.assert_code(0).stdout).unwrap();
    assert_eq!((&older["uid"], &older["merkleRoot"]), (&first["uid"], &first["merkleRoot"]));
    let raw = site.ledger_command(&["receipt", "--older", "--raw", "--job", "default/job"]).end().await;
    let digest = Digest::of(raw.assert_code(0).stdout.trim().as_bytes()).0;
    assert_eq!(Some(merkle::to_hex(&digest).as_str()), first["receiptDigest"].as_str());
    let none = site.ledger_command(&["receipt", "--older", "--uid", uid]).end().await;
    assert!(none.assert_code(1).stderr.contains("no earlier job default/job has a receipt"), "{}", none.stderr);
    let shown = site.ledger_command(&["status", "--uid", uid]).end().await;
    assert!(shown.assert_code(0).stdout.contains("superseded by a later job"), "{}", shown.stdout);
    // A job of another name has no earlier one.
    site.run(&manifest.replace("name: job", "name: other")).end().await.assert_code(0);
    let none = site.ledger_command(&["receipt", "other", "--older"]).end().await;
    assert!(none.assert_code(1).stderr.contains("no earlier job default/other has a receipt"), "{}", none.stderr);
}
