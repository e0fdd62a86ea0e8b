//! Keys under leases: exclusive, least recently used first, never starving anybody, and worn out in time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vaultstream_embedded::kek_file;
use vaultstream_lifecycle::Settings;

use crate::harness::{LeaseLog, Program, Site, assert_signed_exactly_once, generated, quick, until};

/// Three workers fight for three keys; one of them is killed and another one stopped past its leases. All the while the
/// tokens of all keys are published again, leased or not: what is exclusive is the lease, never the token.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_hold_one_key_at_once() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 3, lease: {records: 60, duration: 5s}}\nconcurrency: {records: 2, signers: 3}\n\
                workers: {maxRecordsPerSecond: 200}";
    let seeded = site.seed(&generated("job", 2400, spec)).await;
    let log = LeaseLog::begin(&site).await;
    let killed = site.worker(seeded.uid).await.fault("after-fence:3=kill").start();
    let stopped = site.worker(seeded.uid).await.fault("before-fence:3=stop").start();
    let well = site.worker(seeded.uid).await.start();
    let job = seeded.drive(quick());
    killed.end().await.assert_killed("after-fence");
    stopped.until_stopped().await;
    let keys: Vec<i64> = {
        let keys = site.sql().await.query("SELECT id FROM vaultstream.keys WHERE ordinal > 0", &[]).await.unwrap();
        keys.iter().map(|row| row.get(0)).collect()
    };
    let begun = Instant::now();
    while !job.is_over() {
        // Fails once the streams are gone.
        let _ = job.streams.publish_keys(&job.topology().await, &keys).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        if begun.elapsed() > Duration::from_secs(7) && stopped.is_stopped() {
            stopped.signal(Signal::CONT);
        }
    }
    job.complete().await;
    drop((stopped, well));
    let (taken, taken_over) = (log.taken().await, log.taken_over().await);
    assert!(taken > 20 && taken_over >= 1, "{taken} leases were taken, {taken_over} over from others");
    log.assert_exclusive().await;
    assert_signed_exactly_once(&site, "job", 2400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lane_uses_its_keys_in_turn() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 5, lease: {records: 20}}\nconcurrency: {signers: 1}";
    site.run(&generated("job", 800, spec)).end().await.assert_code(0);
    let sql = site.sql().await;
    let rows = sql.query("SELECT key_id FROM vaultstream.batches ORDER BY signed_at", &[]).await.unwrap();
    let used: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(used.len(), 40);
    for (nth, key) in used.iter().enumerate().skip(5) {
        assert_eq!(*key, used[nth - 5], "use {nth} was not of the least recently used key: {used:?}");
    }
    let order = sql.query("SELECT id FROM vaultstream.keys WHERE ordinal > 0 ORDER BY last_used", &[]).await.unwrap();
    let order: Vec<i64> = order.iter().map(|row| row.get(0)).collect();
    assert_eq!(order, used[35..]);
}

/// With several lanes a key that is given back waits behind all that are free.
#[tokio::test(flavor = "multi_thread")]
async fn several_lanes_use_the_least_recently_used_keys() {
    const KEYS: i64 = 16;
    const LANES: i64 = 4;
    let site = Site::new().await;
    let spec =
        format!("batchSize: 20\nkeys: {{count: {KEYS}, lease: {{records: 20}}}}\nconcurrency: {{signers: {LANES}}}");
    let manifest = generated("job", 2400, &spec);
    let seeded = site.seed(&manifest).await;
    let log = LeaseLog::begin(&site).await;
    let worker = site.worker(seeded.uid).await.start();
    seeded.drive(Settings::default()).complete().await;
    drop(worker);
    log.assert_exclusive().await;
    let sql = site.sql().await;
    let taken = "SELECT key_id FROM public.lease_log l JOIN vaultstream.keys k ON k.id = l.key_id \
                 WHERE new_holder IS NOT NULL AND ordinal > 0 ORDER BY n";
    let taken = sql.query(taken, &[]).await.unwrap();
    let mut last = HashMap::new();
    let mut uses = HashMap::new();
    for (nth, row) in taken.iter().enumerate() {
        let (nth, key) = (nth as i64, row.get::<_, i64>(0));
        *uses.entry(key).or_insert(0) += 1;
        if let Some(before) = last.insert(key, nth) {
            // A worker that is busy may overtake; one that is free may not.
            assert!(nth - before > KEYS - 2 * LANES, "key {key} was taken at {before} and again at {nth}");
        }
    }
    let (most, least) = (uses.values().max().unwrap(), uses.values().min().unwrap());
    assert!(uses.len() as i64 == KEYS && most - least <= 2, "{uses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_with_fewer_keys_than_lanes_do_not_starve_each_other() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 2, lease: {records: 40, duration: 5s}}\nconcurrency: {records: 8, signers: 8}\n\
                workers: {maxRecordsPerSecond: 300}";
    let seeded = site.seed(&generated("job", 2000, spec)).await;
    let workers = [site.worker(seeded.uid).await.start(), site.worker(seeded.uid).await.start()];
    for worker in &workers {
        until("the worker is ready", || async { worker.get("/readyz").await.is_some_and(|(code, _)| code == 200) })
            .await;
    }
    let begun = Instant::now();
    seeded.drive(Settings::default()).complete().await;
    assert!(begun.elapsed() < Duration::from_secs(25), "it took {:?}", begun.elapsed());
    for worker in &workers {
        let signed = worker.metric("signed_records_total").await;
        assert!(signed >= 400.0, "one worker signed {signed} of 2000 records");
    }
    assert_signed_exactly_once(&site, "job", 2000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worn_out_keys_are_followed_by_their_next_version() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 3, maxSignatures: 50, lease: {records: 60, duration: 5s}}";
    site.run(&generated("job", 400, spec)).end().await.assert_code(0);
    let over = site.number("SELECT count(*) FROM vaultstream.keys WHERE signed > 50").await;
    assert_eq!(over, 0, "a key made more signatures than it may");
    let versions = site.number("SELECT max(version)::bigint FROM vaultstream.keys").await;
    assert!(versions >= 3, "{versions} versions cannot have made 400 signatures");
    assert_signed_exactly_once(&site, "job", 400).await;
}

/// A key-encryption key is replaced in the middle of a job. Afterwards the old one is not needed, and without the new one nothing works.
#[tokio::test(flavor = "multi_thread")]
async fn private_keys_move_to_another_key_encryption_key() {
    let site = Site::new().await;
    let spec =
        "batchSize: 20\nkeys: {count: 4, lease: {records: 60, duration: 5s}}\nworkers: {maxRecordsPerSecond: 400}";
    let seeded = site.seed(&generated("job", 2000, spec)).await;
    let uid = seeded.uid;
    let first = site.worker(uid).await.start();
    let job = seeded.drive(quick());
    site.until_signed(200).await;
    first.signal(Signal::TERM);
    first.end().await.assert_code(0);

    let folder = tempfile::tempdir().unwrap();
    let new = kek_file(folder.path()).unwrap();
    let (old_path, new_path) = (site.kek(), new.to_str().unwrap().to_owned());
    let rewrap = |old: &str| {
        let args = ["keys", "rewrap", "--kek-file", &new_path, "--old-kek-file", old];
        Program::vaultstream(&args).env("DATABASE_URL", &site.database_url)
    };
    let before = site.text("SELECT string_agg(DISTINCT kek_id, ' ') FROM vaultstream.data_keys").await;
    let useless = kek_file(tempfile::tempdir().unwrap().path()).unwrap();
    // The folder of that file is gone already: a file that cannot be read is bad input.
    rewrap(useless.to_str().unwrap()).end().await.assert_code(2);
    let told = rewrap(old_path.to_str().unwrap()).end().await;
    told.assert_code(0);
    assert!(told.stdout.starts_with("1 data key was moved"), "{}", told.stdout);
    let after = site.text("SELECT string_agg(DISTINCT kek_id, ' ') FROM vaultstream.data_keys").await;
    assert!(!before.contains(' ') && !after.contains(' ') && before != after, "{before:?} became {after:?}");
    let again = rewrap(old_path.to_str().unwrap()).end().await;
    again.assert_code(0);
    assert!(again.stdout.starts_with("0 data keys"), "{}", again.stdout);

    std::fs::copy(&new, &old_path).unwrap();
    let second = site.worker(uid).await.start();
    job.complete().await;
    drop(second);
    assert_signed_exactly_once(&site, "job", 2000).await;
}
