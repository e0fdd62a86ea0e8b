//! Rows of keys that were damaged: they are set aside, and nothing else suffers.

use vaultstream_embedded::kek_file;

use crate::harness::{Program, Site, assert_signed_exactly_once, generated, job_streams, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 6, lease: {records: 60, duration: 5s}}\nconcurrency: {signers: 3}";

/// Keys whose material is made, the oldest first. What a killed program sent last may still be on its way, so its sessions end first.
async fn made(site: &Site) -> Vec<i64> {
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until("the sessions of the killed program are gone", || async { site.number(sessions).await == 0 }).await;
    let sql = "SELECT id FROM vaultstream.keys WHERE public_key IS NOT NULL AND ordinal > 0 ORDER BY id";
    site.sql().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Changes a row that nothing may change, as a failing disk does.
async fn damage(site: &Site, change: &str, which: &str) {
    site.execute(&format!(
        "ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
         UPDATE vaultstream.keys SET {change} WHERE {which};
         ALTER TABLE vaultstream.keys ENABLE TRIGGER USER;"
    ))
    .await;
}

const FLIPPED: &str = "wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)";

#[tokio::test(flavor = "multi_thread")]
async fn damaged_keys_are_set_aside_and_the_job_goes_on_with_the_others() {
    let site = Site::new().await;
    let manifest = generated("job", 900, SPEC);
    // Killed as it has made its third key.
    site.run(&manifest).fault("material-used:3=kill").end().await.assert_killed("material-used");
    let keys = made(&site).await;
    assert!(keys.len() >= 3, "{keys:?}");
    let last =
        site.text("SELECT max(id)::text FROM vaultstream.keys WHERE public_key IS NOT NULL AND signed = 0").await;
    let others: Vec<i64> = keys.into_iter().filter(|key| key.to_string() != last).collect();
    site.execute("INSERT INTO vaultstream.keks (kek_id, canary) VALUES ('not an id', '')").await;
    damage(&site, FLIPPED, &format!("id = {}", others[0])).await;
    damage(&site, "kek_id = 'not an id'", &format!("id = {}", others[1])).await;
    // A public key, but another one's.
    let theirs = format!("public_key = (SELECT public_key FROM vaultstream.keys WHERE id = {})", others[0]);
    damage(&site, &theirs, &format!("id = {last}")).await;

    // What the killed process holds is free at once: leases, and with new streams the tokens.
    site.execute("UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL").await;
    let topology = job_streams(site.uid().await, 1);
    for stream in [topology.batch_stream(), topology.key_stream()] {
        site.jetstream().await.delete_stream(stream).await.unwrap();
    }

    let ended = site.run(&manifest).end().await;
    ended.assert_code(0);
    for key in [others[0].to_string(), others[1].to_string(), last] {
        let told =
            ended.stderr.lines().filter(|line| line.contains("was set aside") && line.contains(&format!("key={key}")));
        assert_eq!(told.count(), 1, "key {key}: {}", ended.stderr);
    }
    let damaged = "SELECT count(*) FROM vaultstream.keys WHERE state = 'damaged' AND damage <> '' AND holder IS NULL";
    assert_eq!(site.number(damaged).await, 3);
    assert_signed_exactly_once(&site, "job", 900).await;
    let status = site.ledger_command(&["status", "--job", "job"]).end().await;
    assert_eq!(status.stdout.matches("damaged key").count(), 3, "{}", status.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_receipt_key_is_followed_by_another_one() {
    let site = Site::new().await;
    let manifest = generated("job", 100, SPEC);
    site.run(&manifest).fault("before-receipt=kill").end().await.assert_killed("before-receipt");
    damage(&site, FLIPPED, "ordinal = 0").await;
    site.run(&manifest).end().await.assert_code(0);
    assert_eq!(site.number("SELECT max(version)::bigint FROM vaultstream.keys WHERE ordinal = 0").await, 2);
    assert_signed_exactly_once(&site, "job", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_good_key_says_so() {
    let site = Site::new().await;
    let manifest = generated("job", 900, &SPEC.replace("count: 6", "count: 2"));
    site.run(&manifest).fault("unit-signed=kill").end().await.assert_killed("unit-signed");
    // Those that are not made yet are damaged as well, so that none is left.
    let all = made(&site).await;
    damage(&site, FLIPPED, "public_key IS NOT NULL").await;
    damage(&site, "state = 'damaged', damage = 'told by this test'", "public_key IS NULL AND ordinal > 0").await;
    let ended = site.run(&manifest).end().await;
    ended.assert_code(1);
    assert!(ended.stderr.contains("no key of the job can be used: all 2"), "{all:?}: {}", ended.stderr);
    assert!(ended.stderr.contains("from a backup"), "{}", ended.stderr);
    // Put right and made active again, they sign.
    damage(&site, &format!("{FLIPPED}, state = 'active', damage = NULL"), "public_key IS NOT NULL AND ordinal > 0")
        .await;
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

/// The name of a file is no proof of what is in it: nothing is set aside for a wrong key encryption key.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_kek_with_other_bytes_is_wrong_and_no_key_is_damaged() {
    let site = Site::new().await;
    let manifest = generated("job", 900, SPEC);
    site.run(&manifest).fault("unit-signed=kill").end().await.assert_killed("unit-signed");
    let id = site.text("SELECT max(kek_id) FROM vaultstream.data_keys").await;
    // A new one, and a file with the old one's name and other bytes.
    for name in ["kek".to_owned(), format!("kek.{id}")] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(kek_file(folder.path()).unwrap(), site.dir.path().join(name)).unwrap();
    }
    let worker = site.worker(site.uid().await).await.start();
    let ended = worker.end().await;
    ended.assert_code(2);
    assert!(ended.stderr.contains(&id) && ended.stderr.contains("is not the one"), "{}", ended.stderr);
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.keys WHERE state <> 'active'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_keys_to_another_kek_leaves_damaged_ones_and_names_them() {
    let site = Site::new().await;
    let manifest = generated("job", 900, SPEC);
    // As an earlier version makes it: without a data key.
    site.seed(&manifest).await;
    site.execute("DELETE FROM vaultstream.data_keys").await;
    site.run(&manifest).fault("material-used:3=kill").end().await.assert_killed("material-used");
    let keys = made(&site).await;
    damage(&site, FLIPPED, &format!("id = {}", keys[0])).await;
    let folder = tempfile::tempdir().unwrap();
    let new = kek_file(folder.path()).unwrap();
    let old = site.kek();
    let args = ["keys", "rewrap", "--kek-file", new.to_str().unwrap(), "--old-kek-file", old.to_str().unwrap()];
    let told = Program::vaultstream(&args).env("DATABASE_URL", &site.database_url).end().await;
    told.assert_code(1);
    assert!(told.stderr.contains(&format!("key {} is damaged", keys[0])), "{}", told.stderr);
    let moved = format!(", and {} private keys of jobs that have none", keys.len() - 1);
    assert!(told.stdout.starts_with("0 data keys were moved") && told.stdout.contains(&moved), "{}", told.stdout);
}
