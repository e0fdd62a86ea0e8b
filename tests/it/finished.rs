//! A name is not a job: what is over is never taken for what its manifest says now, and what goes away meanwhile is not signed
//! anew in silence.

use vaultstream_streams::StreamsState;

use crate::harness::{Site, assert_signed_exactly_once, generated, job_streams, of_table};

const SPEC: &str = "batchSize: 50\nkeys: {count: 2}";

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_whose_manifest_differs_is_refused_with_the_difference() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE orders (id bigint PRIMARY KEY, body text); INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 100) n;
         CREATE TABLE other (id bigint PRIMARY KEY, body text); INSERT INTO other SELECT n, 'x' FROM generate_series(1, 77) n",
    )
    .await;
    let manifest = of_table("nightly", "orders", SPEC);
    let first = site.run(&manifest).end().await;
    assert_eq!(first.assert_code(0).report()["signedNow"], 100);
    for (changed, told) in [
        (of_table("nightly", "other", SPEC), vec!["spec.source.table.name: was orders, is now other"]),
        (of_table("nightly", "nowhere", SPEC), vec!["spec.source.table.name: was orders, is now nowhere"]),
        (manifest.replace("payload: body", "payload: id"), vec!["spec.source.table.payload: was body, is now id"]),
        (
            manifest
                .replace("count: 2", "count: 77")
                .replace("batchSize: 50", "batchSize: 7\n  signing: {message: Bound}"),
            vec![
                "spec.batchSize: was 50, is now 7",
                "spec.keys.count: was 2, is now 77",
                "spec.signing.message: was Payload, is now Bound",
            ],
        ),
        (generated("nightly", 100, SPEC), vec!["spec.source.generate.records: was not set, is now 100"]),
    ] {
        let ended = site.run(&changed).end().await;
        ended.assert_code(2);
        assert_eq!(ended.stdout, "", "nothing that a program could take for a report");
        for words in told.iter().chain(&["--again", "Nothing was signed now"]) {
            assert!(ended.stderr.contains(words), "{words} is not in: {}", ended.stderr);
        }
    }
    // Unchanged, or changed in what has no effect any more.
    for same in [manifest.clone(), format!("{manifest}  retry: {{maxAttempts: 3}}\n")] {
        let ended = site.run(&same).end().await;
        let report = ended.assert_code(0).report();
        assert_eq!((report["signedNow"].as_u64(), report["signed"].as_u64()), (Some(0), Some(100)), "{report}");
        assert!(ended.stderr.contains("already Complete, nothing was signed now"), "{}", ended.stderr);
    }
    // The next night there is more: nothing of that is signed, and that is no success.
    site.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(101, 130) n").await;
    let grown = site.run(&manifest).end().await;
    let report = grown.assert_code(1).report();
    assert_eq!((report["signedNow"].as_u64(), report["rows"]["newer"].as_u64()), (Some(0), Some(30)), "{report}");
    assert!(grown.stderr.contains("30 rows are newer than this job and not signed; --again"), "{}", grown.stderr);
    let again = site.run(&of_table("nightly", "other", SPEC)).args(&["--again"]).end().await;
    assert_eq!(again.assert_code(0).report()["signedNow"], 77);
}

/// By hand, or by a backup that is put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_row_goes_away_while_it_is_signed_is_lost_and_not_signed_again() {
    let site = Site::new().await;
    let slow = "batchSize: 20\nkeys: {count: 4}\nworkers: {maxRecordsPerSecond: 300}";
    let running = site.run(&generated("job", 6000, slow)).start();
    site.until_signed(100).await;
    site.execute("DELETE FROM vaultstream.batches; DELETE FROM vaultstream.keys; DELETE FROM vaultstream.jobs").await;
    let ended = running.end().await;
    ended.assert_code(1);
    assert!(ended.stderr.contains("default/job is lost"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs").await, 0, "it was begun anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_ends_a_job_that_is_given_up_and_frees_its_name() {
    let site = Site::new().await;
    let manifest = generated("job", 400, SPEC);
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    let job = job_streams(site.uid().await, 1);
    let delete =
        |args: &[&str]| site.ledger_command(&[&["delete"], args].concat()).env("VAULTSTREAM_NATS_URL", &site.nats_url);
    let streams = site.streams().await;
    let present = streams.state(&job).await.unwrap();
    assert!(matches!(present, StreamsState::Present { .. }), "nothing to remove");

    let unasked = delete(&["--job", "job"]).end().await;
    unasked.assert_code(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    delete(&["--job", "absent", "--yes"]).end().await.assert_code(2);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs").await, 1);

    // Begun, and stopped half-way: a run finds out, and the same command deletes the rest.
    site.execute("UPDATE vaultstream.jobs SET state = 'Deleting'").await;
    let run = site.run(&manifest).end().await;
    run.assert_code(2);
    assert!(run.stderr.contains("vaultstream delete --job default/job"), "{}", run.stderr);
    delete(&["--job", "job", "--yes"]).end().await.assert_code(0);
    let left = "SELECT (SELECT count(*) FROM vaultstream.jobs) + (SELECT count(*) FROM vaultstream.keys) \
                + (SELECT count(*) FROM vaultstream.batches) \
                + (SELECT count(*) FROM pg_class WHERE relname ~ '^(records|signatures)_[0-9]+$')";
    assert_eq!(site.number(left).await, 0);
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Absent, "streams are left");

    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 400).await;
    let uid = site.uid().await.to_string();
    delete(&["--uid", &uid, "--yes", "--keep-signatures"]).end().await.assert_code(0);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.signatures").await, 400);
    site.ledger_command(&["verify", "--uid", &uid]).end().await.assert_code(0);
    // The name is free.
    site.run(&manifest).end().await.assert_code(0);

    site.execute("UPDATE vaultstream.jobs SET cluster = 'production' WHERE live").await;
    let foreign = delete(&["--job", "job", "--yes"]).end().await;
    foreign.assert_code(2);
    assert!(foreign.stderr.contains("kubectl delete signingjob -n default job"), "{}", foreign.stderr);
    delete(&["--job", "job", "--yes", "--force"]).end().await.assert_code(0);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs WHERE live").await, 0);
}
