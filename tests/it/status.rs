//! `vaultstream status`: how far jobs are, and nothing that is not known.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Site, generated, of_table};

const SPEC: &str = "batchSize: 20\nkeys: {count: 3, lease: {records: 40}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_signs_shows_its_share_its_rate_and_the_time_left_and_is_watched_to_its_end() {
    let site = Site::new().await;
    let manifest = generated("job", 3000, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 100}}"));
    let running = site.run(&manifest).start();
    site.until_signed(100).await;
    let status = |args: &'static [&'static str]| site.ledger_command(&["status"]).args(args).end();
    let (json, text, one) = tokio::join!(status(&["-o", "json"]), status(&[]), status(&["--job", "job"]));
    let job = &json.assert_code(0).report()[0];
    assert_eq!((&job["total"], &job["state"], &job["superseded"]), (&json!(3000), &json!("Signing"), &json!(false)));
    let (percent, rate) = (job["percent"].as_f64().unwrap(), job["recordsPerSecond"].as_u64().unwrap());
    assert!((3.0..100.0).contains(&percent) && (1..3000).contains(&rate), "{job}");
    assert!(job["secondsLeft"].as_u64().is_some_and(|left| left > 0), "{job}");
    assert_eq!(job["receiptDigest"], Value::Null, "there is none yet: {job}");
    let head = text.assert_code(0).stdout.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(head, "JOB STATE DONE SIGNED TOTAL REJECTED RATE LEFT AGE");
    assert!(text.stdout.contains("3,000") && text.stdout.contains("/s "), "{}", text.stdout);
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 80), "{}", text.stdout);
    let uid = site.uid().await.to_string();
    for words in [&uid, " of 3,000, ", "% done", "/s, ", " left", "3 that sign, "] {
        assert!(one.assert_code(0).stdout.contains(words), "{words}: {}", one.stdout);
    }

    running.signal(Signal::INT);
    running.end().await;
    let watched = site.ledger_command(&["status", "--job", "job", "--watch"]).start();
    let faster = manifest.replace("maxRecordsPerSecond: 100", "maxRecordsPerSecond: 100000");
    site.run(&faster).end().await.assert_code(0);
    let watched = watched.end_within(Duration::from_secs(60)).await;
    let last = watched.assert_code(0).stdout.rsplit("default/job ").next().unwrap();
    assert!(last.starts_with("Complete\n") && last.contains("3,000 of 3,000, 100% done"), "{}", watched.stdout);
    let ids = site.ledger_command(&["keys", "--job", "job"]).end().await.stdout;
    for id in ids.lines().filter_map(|line| line.strip_prefix("keyId: ")) {
        assert!(last.contains(id), "the key {id}: {last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_absent_and_what_the_ledger_holds_is_no_command_to_a_terminal() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text); INSERT INTO letters VALUES (1, 'a'), (2, NULL)",
    )
    .await;
    site.run(&of_table("job", "letters", &format!("{SPEC}\nmaxRejected: 1"))).end().await.assert_code(0);
    site.execute("UPDATE vaultstream.rejects SET detail = E'\\u001b[2J\\u202egood'").await;
    let status = |args: &'static [&'static str]| site.ledger_command(&["status"]).args(args).end();
    let one = status(&["--job", "job"]).await;
    assert!(
        one.assert_code(0).stdout.contains("record 2: PayloadMissing: \\u{1b}[2J\\u{202e}good"),
        "{:?}",
        one.stdout
    );
    let json = status(&["--job", "job", "-o", "json"]).await.assert_code(0).report();
    assert_eq!((&json[0]["rejects"][0]["id"], &json[0]["percent"]), (&json!(2), &json!(100.0)), "{json}");
    assert_eq!(json[0]["keys"].as_array().map(Vec::len), Some(4), "three, and the receipt key: {json}");

    site.execute("UPDATE vaultstream.jobs SET state = 'Pending', total = NULL, batches = NULL").await;
    let json = status(&["-o", "json"]).await.assert_code(0).report();
    for absent in ["total", "backlog", "percent", "recordsPerSecond", "secondsLeft"] {
        assert_eq!(json[0].get(absent), None, "{absent} is not known: {json}");
    }
    let one = status(&["--job", "job"]).await;
    assert!(one.assert_code(0).stdout.contains("not planned yet"), "{}", one.stdout);
}
