//! Data keys that a real OpenBao wraps: whole jobs, an OpenBao that is away, denies, or has another key, and its key's versions.

use std::time::Duration;

use rustix::process::Signal;
use vaultstream_custody::{KeyWrapper as _, Transit, TransitFiles, TransitLogin, WrapperError};
use vaultstream_signing::WrappedKey;

use crate::harness::{Bao, Site, assert_signed_exactly_once, generated, quick, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 60, duration: 5s}}\nconcurrency: {signers: 2}";

/// Takes some seconds.
fn slow(records: u64) -> String {
    generated("job", records, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 200}}"))
}

const ENCRYPT: &str = "transit/encrypt/vaultstream";
const DECRYPT: &str = "transit/decrypt/vaultstream";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_signed_under_a_key_of_openbao_which_each_worker_asks_once() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&slow(900)).await;
    bao.give_to(&site, &bao.token("1h").await);
    let job = seeded.drive(quick());
    let first = site.worker(job.uid).await.start();
    site.until_signed(60).await;
    // The key of the ledger's first job is registered with a canary, and the data key wrapped again.
    assert_eq!((bao.requests(ENCRYPT), bao.requests(DECRYPT)), (3, 0));
    assert_eq!(site.text("SELECT kek_id FROM vaultstream.data_keys").await, "transit:transit/vaultstream@1");
    assert_eq!(
        site.text("SELECT convert_from(wrapped_key, 'UTF8') FROM vaultstream.data_keys").await[..9],
        *"vault:v1:"
    );
    assert_eq!(site.number("SELECT count(kek_id) FROM vaultstream.keys").await, 0);
    let second = site.worker(job.uid).await.start();
    until("the second worker signs", || async {
        second.get("/metrics").await.is_some() && second.metric("signed_records_total").await > 0.0
    })
    .await;
    job.complete().await;
    assert_eq!((bao.requests(ENCRYPT), bao.requests(DECRYPT)), (3, 1));
    assert_signed_exactly_once(&site, "job", 900).await;
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_with_the_data_key_sign_while_openbao_is_away_and_others_wait_and_continue_by_themselves() {
    let Some(mut bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let spec = format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 100}}");
    let seeded = site.seed(&generated("job", 1800, &spec)).await;
    bao.give_to(&site, &bao.token("1h").await);
    let job = seeded.drive(quick());
    let first = site.worker(job.uid).await.start();
    site.until_signed(60).await;
    bao.kill();
    let second = site.worker(job.uid).await.start();
    second.until_unready().await;
    let (code, told) = site.end_of_worker("2s").await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.starts_with("KeyServiceUnavailable: failed to use the job's data key: the key service 127.0.0.1:"),
        "{told}"
    );
    let then = site.signed().await;
    site.until_signed(then + 100).await;
    drop(first);
    bao.come_back().await;
    job.complete().await;
    assert!(second.stderr().contains("the dependency is back"), "{}", second.stderr());
    assert_signed_exactly_once(&site, "job", 1800).await;
}

/// It accepts connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_openbao_that_hangs_and_continues_by_itself() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    bao.give_to(&site, &bao.token("1h").await);
    let job = seeded.drive(quick());
    bao.signal(Signal::STOP);
    let worker = site.worker(job.uid).await.start();
    worker.until_unready().await;
    assert!(worker.stderr().contains("no response within 5 s"), "{}", worker.stderr());
    bao.signal(Signal::CONT);
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openbao_that_denies_is_told_with_the_reason_and_without_the_token_and_nothing_is_lost() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    let job = seeded.drive(quick());
    for key in ["rsa", "derived"] {
        let kind = if key == "rsa" { "type=rsa-2048" } else { "derived=true" };
        bao.command(&["write", &format!("transit/keys/{key}"), kind]).await;
    }
    let (good, expired) = (bao.token("1h").await, bao.token("1s").await);
    let root = bao.command(&["token", "create", "-field=token"]).await.trim().to_owned();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for (key, token, ca, why) in [
        ("vaultstream", &expired, true, "403 Forbidden: permission denied"),
        ("other", &good, true, "403 Forbidden"),
        ("rsa", &root, true, "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048"),
        ("derived", &root, true, "missing 'context' for key derivation"),
        ("vaultstream", &good, false, "its certificate is not trusted"),
    ] {
        bao.give_to(&site, token);
        std::fs::write(site.dir.path().join("KEK_URL"), bao.url(key)).unwrap();
        if !ca {
            std::fs::remove_file(site.dir.path().join("transit-ca.crt")).unwrap();
        }
        let (code, told) = site.end_of_worker("30s").await;
        assert_eq!(code, Some(2), "{told}");
        assert!(told.starts_with("KeyServiceRefused: ") && told.contains(why), "{why}: {told}");
        assert!(!told.contains(token.as_str()), "{told}");
    }
    assert_eq!(site.number("SELECT count(wrapped_key) FROM vaultstream.data_keys").await, 0);
    bao.give_to(&site, &good);
    let worker = site.worker(site.uid().await).await.start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

/// As whoever keeps the Secret does it before the token is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_replaced_in_the_secret_is_used_without_starting_again() {
    let Some(mut bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    let good = bao.token("1h").await;
    bao.give_to(&site, &bao.token("1s").await);
    let job = seeded.drive(quick());
    bao.kill();
    let worker = site.worker(job.uid).await.start();
    until("it waits", || async { worker.stderr().contains("does not respond as it should") }).await;
    let next = site.dir.path().with_extension("token");
    std::fs::write(&next, &good).unwrap();
    std::fs::rename(next, site.dir.path().join("transit-token")).unwrap();
    // A worker compares the files of the Secret every 5 s.
    tokio::time::sleep(Duration::from_secs(6)).await;
    bao.come_back().await;
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_keys_move_from_a_file_to_openbao_and_from_version_to_version_and_the_job_continues() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let manifest = |name: &str| generated(name, 300, SPEC);
    for name in ["one", "two", "three"] {
        site.run(&manifest(name)).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    }
    let old = site.dir.path().join("old");
    std::fs::copy(site.kek(), &old).unwrap();
    let token = site.dir.path().join("transit-token");
    bao.give_to(&site, &bao.token("1h").await);
    let (url, ca) = (bao.url("vaultstream"), bao.ca());
    let service =
        ["--kek-url", &url, "--kek-token-file", token.to_str().unwrap(), "--kek-ca-file", ca.to_str().unwrap()];
    let rewrap = |further: &[&str]| site.ledger_command(&["keys", "rewrap"]).args(&service).args(further);
    let from_file = ["--old-kek-file", old.to_str().unwrap()];
    let under = |id: &str| {
        format!("SELECT count(*) FROM vaultstream.data_keys WHERE kek_id = 'transit:transit/vaultstream@{id}'")
    };

    rewrap(&from_file).fault("data-key-rewrapped:2=kill").end().await.assert_killed("data-key-rewrapped");
    assert_eq!(site.number(&under("1")).await, 2);
    let told = rewrap(&from_file).end().await;
    assert!(
        told.assert_code(0).stdout.starts_with("1 data key was moved to the key-encryption key transit:"),
        "{}",
        told.stdout
    );
    assert_eq!(site.number(&under("1")).await, 3);

    bao.command(&["write", "-f", "transit/keys/vaultstream/rotate"]).await;
    rewrap(&[]).fault("data-key-rewrapped=kill").end().await.assert_killed("data-key-rewrapped");
    assert_eq!(site.number(&under("2")).await, 1);
    // Workers have both versions meanwhile.
    let run = |name: &str| site.run_without_kek(&manifest(name)).args(&service);
    run("three").end().await.assert_code(0);
    rewrap(&[]).end().await.assert_code(0);
    assert_eq!(site.number(&under("2")).await, 2);
    bao.command(&["write", "transit/keys/vaultstream/config", "min_decryption_version=2"]).await;
    for name in ["one", "two"] {
        run(name).end().await.assert_code(0);
    }
    for name in ["one", "two", "three"] {
        assert_signed_exactly_once(&site, name, 300).await;
    }
}

/// Bytes of the ledger that were changed are not taken for a wrong key, nor another key of the same name for damage.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_data_key_is_told_from_another_key_of_the_same_name() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    bao.give_to(&site, &bao.token("1h").await);
    let job = seeded.drive(quick());
    let worker = site.worker(job.uid).await.fault("after-commit:2=kill").start();
    worker.end().await.assert_killed("after-commit");
    let flip = "ALTER TABLE vaultstream.data_keys DISABLE TRIGGER USER;
         UPDATE vaultstream.data_keys SET wrapped_key = set_byte(wrapped_key, 40, get_byte(wrapped_key, 40) # 1);
         ALTER TABLE vaultstream.data_keys ENABLE TRIGGER USER;";
    site.execute(flip).await;
    let (code, told) = site.end_of_worker("30s").await;
    assert!(code == Some(1) && told.starts_with("KeysDamaged: the job's data key is damaged in the ledger"), "{told}");
    site.execute(flip).await;
    let kept = site.dir.path().join("kept");
    bao.command(&[
        "write",
        "transit/keys/vaultstream/config",
        "exportable=true",
        "allow_plaintext_backup=true",
        "deletion_allowed=true",
    ])
    .await;
    let backup = bao.command(&["read", "-field=backup", "transit/backup/vaultstream"]).await;
    std::fs::write(&kept, backup.trim()).unwrap();
    bao.command(&["delete", "transit/keys/vaultstream"]).await;
    bao.command(&["write", "-f", "transit/keys/vaultstream"]).await;
    let (code, told) = site.end_of_worker("30s").await;
    assert!(
        code == Some(2) && told.starts_with("WrongKek: the key service has another key under the id transit:"),
        "{told}"
    );
    bao.command(&["write", "-f", "transit/keys/vaultstream/rotate"]).await;
    let token = site.dir.path().join("transit-token");
    let rewrap = site.ledger_command(&["keys", "rewrap", "--kek-url", &bao.url("vaultstream"), "--kek-token-file"]);
    let rewrap = rewrap.args(&[token.to_str().unwrap(), "--kek-ca-file", bao.ca().to_str().unwrap()]).end().await;
    assert!(
        rewrap.assert_code(2).stderr.contains("has another key under the id transit:transit/vaultstream@1"),
        "{}",
        rewrap.stderr
    );
    let from = format!("backup=@{}", kept.display());
    bao.command(&["write", "transit/restore/vaultstream", &from, "force=true"]).await;
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_openbao_wrapped_opens_for_its_own_purpose_only() {
    let Some(bao) = Bao::start().await else { return };
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), bao.token("1h").await).unwrap();
    let files = TransitFiles { login: TransitLogin::TokenFile(token.path().to_owned()), ca: Some(bao.ca()) };
    let transit = Transit::new(&bao.url("vaultstream"), files).unwrap();
    let secret = [7; 32];
    let wrapped = transit.wrap(b"one", &secret).await.unwrap();
    assert_eq!(wrapped.kek_id.as_str(), "transit:transit/vaultstream@1");
    assert_eq!(*transit.unwrap(b"one", &wrapped).await.unwrap(), secret);
    let damaged = async |aad: &[u8], bytes: Vec<u8>| {
        let changed = WrappedKey { bytes, ..wrapped.clone() };
        let opened = transit.unwrap(aad, &changed).await;
        assert!(matches!(opened, Err(WrapperError::Damaged)), "{opened:?}");
    };
    damaged(b"other", wrapped.bytes.clone()).await;
    for place in 0..wrapped.bytes.len() {
        let mut bytes = wrapped.bytes.clone();
        bytes[place] ^= 1;
        damaged(b"one", bytes).await;
    }
    for length in [0, 8, 9, 12, wrapped.bytes.len() - 4] {
        damaged(b"one", wrapped.bytes[..length].to_vec()).await;
    }
    let later = WrappedKey { kek_id: "transit:transit/vaultstream@2".parse().unwrap(), ..wrapped.clone() };
    assert!(matches!(transit.unwrap(b"one", &later).await, Err(WrapperError::Damaged)));
    let of_another = WrappedKey { kek_id: "transit:transit/other@1".parse().unwrap(), ..wrapped.clone() };
    assert!(matches!(transit.unwrap(b"one", &of_another).await, Err(WrapperError::UnknownKey(_))));
    assert!(matches!(transit.wrap(b"one", &[7; 34]).await, Err(WrapperError::TooLong(34))));
}

/// Ids of services' keys are no secrets.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_tenant_registered_under_the_id_of_a_service_s_key_stops_no_job() {
    let Some(bao) = Bao::start().await else { return };
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    site.execute("SELECT vaultstream.register_kek('transit:transit/vaultstream@1', 'mine')").await;
    bao.give_to(&site, &bao.token("1h").await);
    let job = seeded.drive(quick());
    // One makes the data key, and the next one unwraps it.
    let worker = site.worker(job.uid).await.fault("after-commit:2=kill").start();
    worker.end().await.assert_killed("after-commit");
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_the_token_of_a_service_says_what_is_missing() {
    let site = Site::new().await;
    let told = site
        .run_without_kek(&generated("job", 20, SPEC))
        .args(&["--kek-url", "transit+https://bao/transit/keys/a"])
        .end()
        .await;
    assert!(told.assert_code(2).stderr.contains("--kek-token-file"), "{}", told.stderr);
    let empty = site.dir.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let args = ["--kek-url", "transit+https://bao/transit/keys/a", "--kek-token-file", empty.to_str().unwrap()];
    let told = site.run_without_kek(&generated("job", 20, SPEC)).args(&args).end().await;
    assert!(told.assert_code(2).stderr.contains("the token is empty"), "{}", told.stderr);
    std::fs::remove_file(&empty).unwrap();
    let told = site.run_without_kek(&generated("job", 20, SPEC)).args(&args).end().await;
    assert!(told.assert_code(2).stderr.contains("failed to read the token in"), "{}", told.stderr);
}
