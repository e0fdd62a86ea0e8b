//! `vaultstream verify --coverage`.

use rustix::process::Signal;
use serde_json::Value;

use super::{TABLE, following};
use crate::harness::{Site, of_source};

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_no_trigger_saw_are_named_and_those_that_wait_are_counted() {
    let site = Site::new().await;
    site.execute(&format!("{TABLE}; INSERT INTO moves (body) SELECT 'old ' || g FROM generate_series(1, 100) g")).await;
    site.enable("public.moves").await;
    let run = site.run(&following("")).start();
    site.until_all_signed("moves").await;
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    let verify = async |more: &[&str]| {
        let args = [&["verify", "--job", "job"][..], more].concat();
        site.ledger_command(&args).end().await
    };
    let covered = verify(&["--coverage"]).await;
    covered.assert_code(0);
    assert!(
        covered.stdout.contains("100 rows in the table, of which 0 wait and 0 were not seen"),
        "{}",
        covered.stdout
    );

    // Nobody plans now.
    site.execute("INSERT INTO moves (body) SELECT 'new ' || g FROM generate_series(1, 5) g").await;
    let unseen = "00000000-0000-0000-0000-00000000000";
    site.execute(&format!(
        "SET session_replication_role = replica; INSERT INTO moves (id, body) VALUES ('{unseen}1', 'x'), ('{unseen}2', 'x')"
    ))
    .await;
    verify(&[]).await.assert_code(0);
    let found = verify(&["--coverage"]).await;
    found.assert_code(1);
    for part in [
        "107 rows in the table, of which 5 wait and 2 were not seen",
        "2 rows are in the table which no trigger saw",
        &format!("[\"{unseen}1\"], [\"{unseen}2\"]; "),
    ] {
        assert!(found.stdout.contains(part), "{part}: {}", found.stdout);
    }
    let report: Value = serde_json::from_str(&verify(&["--coverage", "-o", "json"]).await.stdout).unwrap();
    assert_eq!(report["coverage"], serde_json::json!({"rows": 107, "waiting": 5, "unseen": 2}));
    assert_eq!(report["problems"][0]["kind"], "NotCovered");

    // Where arrivals are noted no more, whatever is not planned was not seen.
    let disable = ["source", "disable", "--table", "public.moves", "--force", "--database-url", &site.database_url];
    crate::harness::Program::vaultstream(&disable).end().await.assert_code(0);
    let found = verify(&["--coverage"]).await;
    assert!(found.stdout.contains("of which 0 wait and 7 were not seen"), "{}", found.stdout);

    // Once the job has ended, rows that come are no concern of its.
    site.end_following("moves", "").await;
    let ended = verify(&["--coverage"]).await;
    ended.assert_code(2);
    assert!(ended.stderr.contains("--coverage: default/job follows no table any more"), "{}", ended.stderr);
}

#[tokio::test]
async fn coverage_is_asked_of_jobs_that_follow() {
    let site = Site::new().await;
    site.execute(&format!("{TABLE}; INSERT INTO moves (body) VALUES ('one')")).await;
    site.run(&of_source("job", "table: {name: moves, payload: body}", "batchSize: 50")).end().await.assert_code(0);
    let refused = site.ledger_command(&["verify", "--job", "job", "--coverage"]).end().await;
    refused.assert_code(2);
    assert!(refused.stderr.contains("--coverage: default/job follows no table"), "{}", refused.stderr);
}
