//! What the command line reports of jobs that ran on the node: success only where it can prove it.

use serde_json::json;
use vaultstream_api::Phase;

use crate::harness::{Job, Place, Program, generated, of_table};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2}";

/// `vaultstream COMMAND --job NAMESPACE/NAME`, with the ledger's address.
fn vaultstream(place: &Place, job: &Job, args: &[&str]) -> Program {
    let name = format!("{}/{}", job.namespace, job.name);
    Program::vaultstream(&[args, &["--job", &name]].concat()).env("DATABASE_URL", &place.site.database_url)
}

/// The first line and the exit code agree, and what is wrong is named.
async fn assert_verdict(place: &Place, job: &Job, verdict: &str, code: i32, names: &str) {
    let ended = vaultstream(place, job, &["verify", "--mode", "full"]).end().await;
    ended.assert_code(code);
    let first = ended.stdout.lines().next().unwrap_or_default();
    let output = format!("{}\n{}", ended.stdout, ended.stderr);
    assert!(first == verdict || first.starts_with(&format!("{verdict} ")), "{output}");
    assert!(output.contains(names), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_was_tampered_with_is_not_verified() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    job.until_complete().await;
    assert_verdict(&place, &job, "VERIFIED", 0, "").await;
    place
        .site
        .execute(
            "UPDATE vaultstream.signatures SET signature = set_byte(signature, 40, get_byte(signature, 40) # 1) \
              WHERE record_id = 42",
        )
        .await;
    assert_verdict(&place, &job, "NOT VERIFIED", 1, "42").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_after_it_was_signed_is_not_verified() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    place.create_papers(1001..=1100).await;
    let job = place.create(&of_table("job", "papers", SPEC)).await;
    job.until_complete().await;
    assert_verdict(&place, &job, "VERIFIED", 0, "").await;
    place.site.execute("UPDATE papers SET body = 'another paper' WHERE id = 1042").await;
    assert_verdict(&place, &job, "NOT VERIFIED", 1, "1042").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_not_done_is_neither_verified_nor_exported_unless_a_part_is_asked_for() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let slow = format!("{SPEC}\nworkers: {{maxReplicas: 1, maxRecordsPerSecond: 50}}");
    let job = place.create(&generated("job", 1000, &slow)).await;
    place.site.until_signed(40).await;
    job.patch(json!({"spec": {"suspend": true}})).await;
    job.until_phase(Phase::Suspended).await;
    place.until_no_children().await;
    let signed = place.site.signed().await;

    let whole = vaultstream(&place, &job, &["export"]).end().await;
    whole.assert_code(2);
    assert_eq!(whole.stdout, "");
    assert!(whole.stderr.contains("--partial") && whole.stderr.contains(&signed.to_string()), "{}", whole.stderr);
    assert_verdict(&place, &job, "NOT VERIFIED", 1, "--partial").await;

    let part = vaultstream(&place, &job, &["export", "--partial"]).end().await;
    part.assert_code(0);
    assert_eq!(i64::try_from(part.stdout.lines().count()).unwrap(), signed, "{}", part.stderr);
}
