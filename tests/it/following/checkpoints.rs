//! Checkpoints of a job that goes on.

use rustix::process::Signal;

use super::{TABLE, following};
use crate::harness::{Program, Site, until};

impl Site {
    async fn until_checkpoints(&self, at_least: i64) {
        until("checkpoints are made", || async {
            self.number_or_zero("SELECT count(*) FROM vaultstream.checkpoints").await >= at_least
        })
        .await;
    }

    /// A site whose job has followed its table for two checkpoints, and is stopped; an earlier one is in the file `kept.jws`.
    async fn with_two_checkpoints() -> Self {
        let site = Self::new().await;
        site.execute(&format!("{TABLE}; INSERT INTO moves (body) SELECT 'old ' || g FROM generate_series(1, 300) g"))
            .await;
        site.enable("public.moves").await;
        let run = site.run(&following("")).start();
        site.until_checkpoints(1).await;
        let kept = site.ledger_command(&["receipt", "--job", "job", "--raw"]).end().await;
        kept.assert_code(0);
        std::fs::write(site.dir.path().join("kept.jws"), &kept.stdout).unwrap();
        site.execute("INSERT INTO moves (body) SELECT 'new ' || g FROM generate_series(1, 100) g").await;
        site.until_all_signed("moves").await;
        site.until_checkpoints(2).await;
        run.signal(Signal::INT);
        run.end().await.assert_code(0);
        site
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_on_is_verified_with_its_chain_and_its_bundle_extends_what_was_kept() {
    let site = Site::with_two_checkpoints().await;
    let kept = site.dir.path().join("kept.jws");
    let verify = ["verify", "--job", "job", "--output", "json"];
    let report = site.ledger_command(&verify).end().await.assert_code(0).report();
    let last = site.number("SELECT max(number) FROM vaultstream.checkpoints").await;
    assert_eq!((report["state"].as_str(), report["checkpoint"]["number"].as_i64()), (Some("Signing"), Some(last)));
    let bundle = site.dir.path().join("job.vsb");
    let (bundle, kept) = (bundle.to_str().unwrap(), kept.to_str().unwrap());
    site.ledger_command(&["export", "--job", "job", "--bundle", bundle]).end().await.assert_code(0);
    let extends = ["verify", "--bundle", bundle, "--checkpoint", kept, "--output", "json"];
    Program::vaultstream(&extends).end().await.assert_code(0);

    // Each in turn, and undone: the ledger's owner can do all of it.
    let undone = "DROP TABLE vaultstream.checkpoints_kept";
    for (altered, told) in [
        ("DELETE FROM vaultstream.checkpoints WHERE number = 1", "checkpoint 2: it does not follow the one before"),
        (
            "UPDATE vaultstream.checkpoints SET checkpoint = (SELECT checkpoint FROM vaultstream.checkpoints WHERE number = 2) WHERE number = 1",
            "checkpoint 1: it does not follow the one before",
        ),
        (
            "UPDATE vaultstream.checkpoints SET checkpoint = overlay(checkpoint PLACING 'AAAA' FROM 300) WHERE number = 1",
            "checkpoint 1: it is not valid",
        ),
    ] {
        let keep = "CREATE TABLE vaultstream.checkpoints_kept AS SELECT * FROM vaultstream.checkpoints";
        site.execute(&format!("{keep}; {altered}")).await;
        let found = site.ledger_command(&verify).end().await.assert_code(1).report();
        let problems = found["problems"].to_string();
        assert!(problems.contains(told), "{altered}: {problems}");
        let back = "DELETE FROM vaultstream.checkpoints; INSERT INTO vaultstream.checkpoints SELECT * FROM vaultstream.checkpoints_kept";
        site.execute(&format!("{back}; {undone}")).await;
    }
    site.ledger_command(&verify).end().await.assert_code(0);

    let job = site.number("SELECT id FROM vaultstream.jobs").await;
    let (kept, all) = ("vaultstream.signature_kept", format!("vaultstream.signatures_{job}"));
    let lost = format!(
        "CREATE TABLE {kept} AS SELECT * FROM {all} WHERE record_id = 7; DELETE FROM {all} WHERE record_id = 7"
    );
    site.execute(&lost).await;
    let full = [&verify[..], &["--mode", "full"]].concat();
    let found = site.ledger_command(&full).end().await.assert_code(1).report();
    assert!(found["problems"].to_string().contains("MerkleRoot"), "a signature that is missing: {found}");
    site.execute(&format!("INSERT INTO {all} SELECT * FROM {kept}; DROP TABLE {kept}")).await;
    site.ledger_command(&full).end().await.assert_code(0);
    site.end_following("moves", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_that_were_altered_between_two_checkpoints_end_the_job() {
    let site = Site::with_two_checkpoints().await;
    // One reject more than there was, say.
    site.execute(
        "UPDATE vaultstream.checkpoints SET state = set_byte(state, length(state) - 1, get_byte(state, length(state) - 1) # 1) \
          WHERE state IS NOT NULL",
    )
    .await;
    site.execute("INSERT INTO moves (body) VALUES ('one more')").await;
    let ended = site.run(&following("")).end().await;
    ended.assert_code(1);
    let row = "SELECT state || ': ' || failure_reason || ': ' || failure FROM vaultstream.jobs";
    let told = site.text(row).await;
    assert!(told.starts_with("Failed: LedgerAltered: the ledger holds what no worker of the job made"), "{told}");
}
