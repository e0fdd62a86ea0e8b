//! Servers, keys and folders that cannot be used.

use std::os::unix::fs::PermissionsExt as _;

use super::{SPEC, assert_nothing_made, assert_refused, url_as};
use crate::harness::{Program, Site, assert_signed_exactly_once, generated, skipped, until};

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_let_us_in_are_told_in_one_sentence() {
    let site = Site::breakable().await;
    let database = site.text("SELECT current_database()::text").await;
    let hba = site.text("SHOW hba_file").await;
    site.execute(&format!(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE guarded LOGIN PASSWORD 'right';
         GRANT CREATE ON DATABASE {database} TO guarded",
    ))
    .await;
    std::fs::write(&hba, "local all guarded scram-sha-256\nlocal all banned reject\nlocal all all trust\n").unwrap();
    site.execute("CREATE ROLE banned LOGIN; SELECT pg_reload_conf()").await;
    let manifest = generated("job", 100, SPEC);
    let with = |url: String| site.run(&manifest).env("DATABASE_URL", url).env("VAULTSTREAM_CONNECT_TIMEOUT", "1s");
    let guarded = |password: &str| url_as(&site.database_url, &format!("guarded:{password}"));

    let wrong = with(guarded("wrong-s3cret")).end().await;
    assert_refused("a wrong password", &wrong, &["password", "guarded"]);
    assert!(!wrong.stderr.contains("wrong-s3cret"), "the password is told: {}", wrong.stderr);
    let none = with(url_as(&site.database_url, "guarded")).end().await;
    assert_refused("no password", &none, &["password"]);
    assert_refused("a banned role", &with(url_as(&site.database_url, "banned")).end().await, &["banned"]);
    assert_refused("a role that is not there", &with(url_as(&site.database_url, "ghost")).end().await, &["ghost"]);
    let (server, _) = site.database_url.rsplit_once('/').unwrap();
    assert_refused("a database that is not there", &with(format!("{server}/ghost")).end().await, &["ghost"]);
    assert_refused("a URL that is none", &with("nonsense".into()).end().await, &["URL"]);
    assert_refused(
        "a server that is down",
        &with("postgres://someone@127.0.0.1:9/ledger".into()).end().await,
        &["127.0.0.1", "cannot be reached"],
    );
    let nats = |url: &str| with(guarded("right")).env("VAULTSTREAM_NATS_URL", url);
    assert_refused("a NATS that is down", &nats("nats://127.0.0.1:9").end().await, &["127.0.0.1:9"]);
    let (_, place) = site.nats_url.split_once('@').unwrap();
    let wrong = nats(&format!("nats://wrong-t0ken@{place}")).end().await;
    assert_refused("a wrong token", &wrong, &["nats"]);
    assert!(!wrong.stderr.contains("wrong-t0ken"), "the token is told: {}", wrong.stderr);
    assert_refused("a NATS URL that is none", &nats("http://localhost").end().await, &["nats"]);
    assert_nothing_made("servers that refuse", &site).await;
    with(guarded("right")).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_newer_than_the_program_is_left_alone() {
    let site = Site::new().await;
    site.ledger().await.migrate().await.unwrap();
    site.execute("UPDATE vaultstream.meta SET least_program = 999").await;
    let manifest = generated("job", 100, SPEC);
    assert_refused("run", &site.run(&manifest).end().await, &["ledger", "999"]);
    assert_refused("migrate", &site.ledger_command(&["migrate"]).end().await, &["ledger", "999"]);
    assert_refused("verify", &site.ledger_command(&["verify", "--job", "job"]).end().await, &["ledger", "999"]);
    assert_refused("a worker", &site.worker(uuid::Uuid::new_v4()).await.end().await, &["ledger", "999"]);
    assert_nothing_made("a newer ledger", &site).await;
    site.execute("UPDATE vaultstream.meta SET least_program = 1").await;
    site.run(&manifest).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kek_that_is_missing_damaged_or_wrong_is_refused_before_anything_is_made() {
    let site = Site::new().await;
    let manifest = generated("job", 400, SPEC);
    let right = std::fs::read_to_string(site.kek()).unwrap();
    std::fs::write(site.kek(), "no key").unwrap();
    assert_refused("no key", &site.run(&manifest).end().await, &["kek"]);
    std::fs::remove_file(site.kek()).unwrap();
    assert_refused("a missing file", &site.run(&manifest).end().await, &["kek"]);
    assert_nothing_made("without a KEK", &site).await;
    let given = Program::vaultstream(&["run", "-f", "-"]).env("DATABASE_URL", &site.database_url);
    assert_refused("no manifest and no KEK", &given.end().await, &[]);

    // The job begins under one KEK and continues under no other.
    std::fs::write(site.kek(), &right).unwrap();
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    // What its other lanes had sent before it died may still be committed.
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until("its sessions are gone", || async { site.number(sessions).await == 0 }).await;
    let before = (site.signed().await, made_keys(&site).await);
    let other = tempfile::tempdir().unwrap();
    let other = vaultstream_embedded::kek_file(other.path())
        .map(|file| (std::fs::read_to_string(file).unwrap(), other))
        .unwrap();
    std::fs::write(site.kek(), &other.0).unwrap();
    assert_refused("another KEK", &site.run(&manifest).end().await, &["key-encryption key"]);
    assert_refused(
        "another KEK at a worker",
        &site.worker(site.uid().await).await.end().await,
        &["key-encryption key"],
    );
    assert_eq!((site.signed().await, made_keys(&site).await), before, "something was made under the wrong KEK");
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.keks").await, 1, "the wrong KEK was noted as a right one");
    std::fs::write(site.kek(), &right).unwrap();
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 400).await;
}

async fn made_keys(site: &Site) -> i64 {
    site.number("SELECT count(*) FROM vaultstream.keys WHERE public_key IS NOT NULL").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_start_says_why_in_one_sentence() {
    let site = Site::new().await;
    let uid = uuid::Uuid::new_v4();
    assert_refused("a ledger that is none", &site.worker(uid).await.end().await, &["vaultstream migrate"]);
    site.ledger().await.migrate().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut args = vec!["--job-uid".to_owned(), uid.to_string(), "--http-address".to_owned(), address.clone()];
    args.extend(["--connection-dir".to_owned(), site.dir.path().to_str().unwrap().to_owned()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_refused("a port taken", &Program::worker(&args).end().await, &[&address, "--http-address"]);
    for file in ["DATABASE_URL", "NATS_URL", "kek"] {
        let path = site.dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_refused(file, &site.worker(uid).await.end().await, &["connection Secret", file]);
        std::fs::write(&path, text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_dir_that_cannot_be_used_is_refused() {
    let site = Site::new().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let manifest = dir.path().join("job.yaml");
    std::fs::write(&manifest, generated("job", 10, SPEC)).unwrap();
    let run = |data: &std::path::Path| {
        Program::vaultstream(&["run", "-f", manifest.to_str().unwrap(), "--data-dir", data.to_str().unwrap()])
    };
    assert_refused("a file", &run(&file).end().await, &["data-dir"]);
    assert_refused("below a file", &run(&file.join("data")).end().await, &["data-dir"]);
    let verify = Program::vaultstream(&["verify", "--job", "job", "--data-dir", dir.path().to_str().unwrap()]);
    assert_refused("no run there", &verify.end().await, &["is not a data-dir", "--data-dir"]);
    let unknown = site.run(&generated("job", 10, SPEC)).end().await;
    unknown.assert_code(0);
    let unknown = site.ledger_command(&["verify", "--job", "other"]).end().await;
    assert_refused("an unknown job", &unknown, &["default/other"]);
}

/// On a file system of its own that is too small, and large enough afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_in_one_sentence_and_the_job_continues_when_there_is_room() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=150m,mode=755 tmpfs "$DISK" || exit 77
        "$0" "$@"; echo "first: $?"
        mount -o remount,size=1g "$DISK" || exit 78
        exec "$0" "$@""#;
    let disk = tempfile::tempdir().unwrap();
    let manifest = disk.path().with_extension("yaml");
    std::fs::write(&manifest, generated("job", 300_000, "batchSize: 5000")).unwrap();
    let data = disk.path().join("data");
    let run = ["run", "-f", manifest.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--output", "json"];
    let ended = Program::in_mount_namespace(SCRIPT, &run).env("DISK", disk.path()).end().await;
    std::fs::remove_file(&manifest).unwrap();
    if ended.status.code() == Some(77) || ended.stderr.contains("unshare: unshare failed") {
        skipped(&format!("a_full_disk: this system does not let this user mount a file system: {}", ended.stderr));
        return;
    }
    ended.assert_code(0);
    assert!(ended.stdout.starts_with("first: 2\n"), "{}{}", ended.stdout, ended.stderr);
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("vaultstream:")).collect();
    assert_eq!(told.len(), 1, "{}", ended.stderr);
    // Postgres refuses what it has no room for, or ends when that is its own log.
    let full = ["out of space", "the disk is full"].iter().any(|words| told[0].contains(words));
    assert!(full && told[0].contains("free some space"), "{}", told[0]);
    assert_eq!(
        (ended.report()["signed"].as_u64(), ended.report()["verified"].as_u64() > Some(9_000)),
        (Some(300_000), true)
    );
}
