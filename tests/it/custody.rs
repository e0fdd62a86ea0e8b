//! Data keys: made once for a job, moved to another key-encryption key, damaged, and erased when the job is over. And keys that are revoked.

use rustix::process::Signal;
use vaultstream_embedded::kek_file;

use crate::harness::{Program, Site, assert_signed_exactly_once, generated, quick, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 60, duration: 5s}}\nconcurrency: {signers: 2}";

/// Everything encrypted that the ledger has.
const WRAPPED: &str = "SELECT (SELECT count(wrapped_key) + count(kek_id) FROM vaultstream.keys)
                            + (SELECT count(wrapped_key) + count(kek_id) FROM vaultstream.data_keys)";

/// Flips a bit of the job's data key, as a failing disk does. A second time it is right again.
async fn flip_data_key(site: &Site) {
    site.execute(
        "ALTER TABLE vaultstream.data_keys DISABLE TRIGGER USER;
         UPDATE vaultstream.data_keys SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1);
         ALTER TABLE vaultstream.data_keys ENABLE TRIGGER USER;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_complete_job_are_erased_and_it_is_verified_exported_and_told_as_before() {
    let site = Site::new().await;
    site.run(&generated("job", 300, SPEC)).end().await.assert_code(0);
    assert_eq!(site.number(WRAPPED).await, 0);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.data_keys WHERE erased_at IS NOT NULL").await, 1);
    assert_signed_exactly_once(&site, "job", 300).await;
    let command = |args: &'static [&'static str]| site.ledger_command(args).args(&["--job", "job"]).end();
    command(&["verify"]).await.assert_code(0);
    assert_eq!(command(&["export"]).await.assert_code(0).stdout.lines().count(), 300);
    command(&["receipt"]).await.assert_code(0);
    let keys = command(&["keys"]).await;
    let keys = &keys.assert_code(0).stdout;
    assert!(keys.matches("private key erased: 20").count() >= 2, "{keys}");
    assert_eq!(keys.matches("private key erased: 20").count(), keys.matches("BEGIN PUBLIC KEY").count(), "{keys}");
    let jwks: serde_json::Value =
        serde_json::from_str(&command(&["keys", "--format", "jwks"]).await.assert_code(0).stdout).unwrap();
    assert!(jwks["keys"][0]["erased_at"].as_u64().unwrap() > 1_700_000_000, "{jwks}");
    let status = command(&["status"]).await;
    assert!(status.assert_code(0).stdout.contains("signed, erased 20"), "{}", status.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_where_the_spec_says_so_until_the_job_is_deleted() {
    let site = Site::new().await;
    let keep = SPEC.replace("keys: {", "keys: {retain: Keep, ");
    site.run(&generated("job", 300, &keep)).end().await.assert_code(0);
    assert!(site.number(WRAPPED).await > 2);
    let again = site.run(&generated("job", 200, &keep)).args(&["--again"]).end().await;
    again.assert_code(0);
    let of_first = format!("{WRAPPED} - (SELECT count(wrapped_key) + 2 FROM vaultstream.keys WHERE job_id = 2)");
    assert_eq!(site.number(&of_first).await, 0, "the first job has given its name away");
    site.ledger_command(&["delete", "--job", "job", "-y"]).end().await.assert_code(0);
    assert_eq!(site.number(WRAPPED).await, 0);
}

/// Stopped as it is about to commit, with its data key and a private key in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_wakes_up_after_the_end_signs_nothing_and_makes_no_key() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SPEC), quick()).await;
    let stopped = site.worker(job.uid).await.fault("before-fence=stop").start();
    stopped.until_stopped().await;
    let well = site.worker(job.uid).await.start();
    job.complete().await;
    drop(well);
    let told = "SELECT jsonb_agg(to_jsonb(k) ORDER BY id)::text FROM vaultstream.keys k";
    let before = site.text(told).await;
    stopped.signal(Signal::CONT);
    until("it has seen that the job is over", || async { stopped.stderr().contains("the job is over") }).await;
    assert_eq!(site.text(told).await, before);
    assert_eq!(site.number(WRAPPED).await, 0);
    assert_signed_exactly_once(&site, "job", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_make_a_data_key_at_once_use_one() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 600, SPEC)).await;
    let uid = seeded.uid;
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(site.worker(uid).await.fault("data-key-made=stop").start());
    }
    let job = seeded.drive(quick());
    for worker in &workers {
        worker.until_stopped().await;
    }
    assert_eq!(site.number("SELECT count(wrapped_key) FROM vaultstream.data_keys").await, 0);
    for worker in &workers {
        worker.signal(Signal::CONT);
    }
    job.complete().await;
    assert_eq!(site.number("SELECT sum(wraps)::bigint FROM vaultstream.keks").await, 1);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.keys WHERE state = 'damaged'").await, 0);
    assert_signed_exactly_once(&site, "job", 600).await;
}

/// The row is useless from the first units on, and the streams are lost, so that the worker begins another session.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_unwraps_the_data_key_of_a_job_once() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 1200, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 300}}"))).await;
    let worker = site.worker(seeded.uid).await.start();
    let job = seeded.drive(quick());
    site.until_signed(100).await;
    flip_data_key(&site).await;
    let topology = job.topology().await;
    for stream in [topology.batch_stream(), topology.key_stream()] {
        site.jetstream().await.delete_stream(stream).await.unwrap();
    }
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 1200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_data_key_is_told_in_one_sentence_and_nothing_is_lost() {
    let site = Site::new().await;
    let manifest = generated("job", 900, SPEC);
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    flip_data_key(&site).await;
    let ended = site.run(&manifest).end().await;
    ended.assert_code(1);
    assert!(ended.stderr.contains("the job's data key is damaged in the ledger"), "{}", ended.stderr);
    assert!(ended.stderr.contains("vaultstream.data_keys from a backup"), "{}", ended.stderr);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.keys WHERE state <> 'active'").await, 0);
    flip_data_key(&site).await;
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

/// Four jobs that keep their keys, one of them with a damaged data key. The rewrap is killed, and continued by the same command.
#[tokio::test(flavor = "multi_thread")]
async fn a_rewrap_that_was_interrupted_is_continued_and_a_damaged_data_key_stops_no_other() {
    let site = Site::new().await;
    let keep = SPEC.replace("keys: {", "keys: {retain: Keep, ");
    for name in ["one", "two", "three", "four"] {
        site.run(&generated(name, 20, &keep)).end().await.assert_code(0);
    }
    site.execute(
        "ALTER TABLE vaultstream.data_keys DISABLE TRIGGER USER;
         UPDATE vaultstream.data_keys SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
          WHERE job_id = (SELECT id FROM vaultstream.jobs WHERE name = 'two');
         ALTER TABLE vaultstream.data_keys ENABLE TRIGGER USER;",
    )
    .await;
    let private = "SELECT md5(string_agg(wrapped_key::text, ' ' ORDER BY id)) FROM vaultstream.keys";
    let before = site.text(private).await;
    let folder = tempfile::tempdir().unwrap();
    let new = kek_file(folder.path()).unwrap();
    let old = site.kek();
    let args = ["keys", "rewrap", "--kek-file", new.to_str().unwrap(), "--old-kek-file", old.to_str().unwrap()];
    let rewrap = || Program::vaultstream(&args).env("DATABASE_URL", &site.database_url);
    rewrap().fault("data-key-rewrapped=kill").end().await.assert_killed("data-key-rewrapped");
    let under = "SELECT count(*) FROM vaultstream.data_keys GROUP BY kek_id ORDER BY 1 LIMIT 1";
    assert_eq!(site.number(under).await, 1, "one is moved, three are not");
    let told = rewrap().end().await;
    told.assert_code(1);
    assert!(told.stdout.starts_with("2 data keys were moved"), "{}", told.stdout);
    assert!(told.stderr.contains("the data key of job ") && told.stderr.contains("is damaged"), "{}", told.stderr);
    assert_eq!(site.number(under).await, 1, "all but the damaged one are moved");
    assert_eq!(site.text(private).await, before, "private keys are not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_signs_nothing_more_and_the_job_completes_with_the_next_version() {
    let site = Site::new().await;
    let slow = format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 300}}");
    let seeded = site.seed(&generated("job", 1200, &slow)).await;
    let worker = site.worker(seeded.uid).await.start();
    let job = seeded.drive(quick());
    site.until_signed(200).await;
    let id = site.text("SELECT max(id)::text FROM vaultstream.keys WHERE signed > 0 AND ordinal > 0").await;
    let kid = kid_of(&site, &id).await;
    let revoke = ["keys", "revoke", "--job", "job", "--key", &kid, "--reason", "left on a train"];
    let told = site.ledger_command(&revoke).end().await;
    assert!(told.assert_code(0).stdout.contains("is revoked"), "{}", told.stdout);
    let signed =
        format!("SELECT signed FROM vaultstream.keys WHERE id = {id} AND state = 'revoked' AND holder IS NULL");
    let then = site.number(&signed).await;
    job.complete().await;
    drop(worker);
    assert_eq!(site.number(&signed).await, then, "it has signed after it was revoked");
    let next = format!(
        "SELECT count(*) FROM vaultstream.keys n JOIN vaultstream.keys k USING (job_id, ordinal) WHERE k.id = {id} AND n.version = 2"
    );
    assert_eq!(site.number(&next).await, 1);
    assert_signed_exactly_once(&site, "job", 1200).await;
}

/// The key id of a row of keys.
async fn kid_of(site: &Site, id: &str) -> String {
    let sql = format!("SELECT public_key FROM vaultstream.keys WHERE id = {id}");
    let der: Vec<u8> = site.sql().await.query_one(&sql, &[]).await.unwrap().get(0);
    vaultstream_signing::PublicKey::from_spki_der(&der).unwrap().thumbprint().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_signatures_of_revoked_keys_and_takes_none_of_a_compromised_one() {
    let site = Site::new().await;
    site.run(&generated("job", 400, SPEC)).end().await.assert_code(0);
    let command = |args: &[&str]| site.ledger_command(args).args(&["--job", "job"]).end();
    let mut kids = Vec::new();
    let ids = "SELECT id FROM vaultstream.keys WHERE signed > 0 AND ordinal > 0 ORDER BY id";
    for row in site.sql().await.query(ids, &[]).await.unwrap() {
        kids.push(kid_of(&site, &row.get::<_, i64>(0).to_string()).await);
    }
    assert!(kids.len() >= 2, "{kids:?}");

    command(&["keys", "revoke", "--key", &kids[0], "--reason", "replaced by another"]).await.assert_code(0);
    let noted = command(&["verify"]).await;
    let text = &noted.assert_code(0).stdout;
    assert!(text.starts_with("VERIFIED"), "{text}");
    assert!(text.contains(&format!("of the key {}, which was revoked at 20", kids[0])), "{text}");
    // The first revocation stays.
    let again = command(&["keys", "revoke", "--key", &kids[0], "--reason", "other", "--compromised"]).await;
    assert!(again.assert_code(0).stderr.contains("was revoked before"), "{}", again.stderr);
    command(&["verify"]).await.assert_code(0);

    command(&["keys", "revoke", "--key", &kids[1], "--reason", "left on a train", "--compromised"])
        .await
        .assert_code(0);
    let found = command(&["verify", "--output", "json"]).await;
    let report = found.assert_code(1).report();
    assert_eq!(report["verdict"], "NOT VERIFIED");
    assert_eq!(report["revokedKeys"].as_array().unwrap().len(), 2, "{report}");
    let problems = report["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["kind"]), (1, &"CompromisedKey".into()), "{report}");
    assert!(problems[0]["message"].as_str().unwrap().contains("left on a train"), "{report}");
    let keys = command(&["keys"]).await;
    assert!(keys.stdout.contains(", compromised: left on a train"), "{}", keys.stdout);
    let jwks: serde_json::Value =
        serde_json::from_str(&command(&["keys", "--format", "jwks"]).await.assert_code(0).stdout).unwrap();
    let revoked = jwks["keys"].as_array().unwrap().iter().filter(|key| key["revoked"]["reason"] == "compromised");
    assert_eq!(revoked.count(), 1, "{jwks}");
    let status = command(&["status"]).await;
    assert!(status.stdout.contains("signed, revoked 20"), "{}", status.stdout);

    let unknown = "A".repeat(43);
    command(&["keys", "revoke", "--key", &unknown, "--reason", "none"]).await.assert_code(2);
    command(&["keys", "revoke", "--key", &kids[2 % kids.len()], "--reason", " "]).await.assert_code(2);
}
