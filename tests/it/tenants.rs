//! Several namespaces and an auditor on one ledger, each under a login of its own, with real programs.

use std::path::PathBuf;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use vaultstream_lifecycle::Settings;

use crate::harness::{Program, Site, assert_signed_exactly_once, generated, mount, role_for, until};

const RECORDS: u64 = 3_000;

/// A namespace's Secret as `tenant add` prints it, mounted as a folder.
async fn connection(site: &Site, namespace: &str) -> PathBuf {
    let kek = site.kek();
    let role = role_for(namespace);
    let added = site.tenant(&["add", namespace, "--role", &role, "--kek-file", kek.to_str().unwrap()]).await;
    added.assert_code(0);
    let folder = site.dir.path().join(namespace);
    let secret = mount(&added.stdout, &folder);
    assert_eq!((&secret["kind"], &secret["metadata"]["namespace"]), (&"Secret".into(), &namespace.into()));
    std::fs::write(folder.join("NATS_URL"), &site.nats_url).unwrap();
    let url = std::fs::read_to_string(folder.join("DATABASE_URL")).unwrap();
    assert!(url.contains(&role) && !url.contains("://vaultstream@"), "{url}");
    folder
}

async fn auditor(site: &Site) -> String {
    let made = site.tenant(&["auditor", "vaultstream-system", "--role", &role_for("auditor")]).await;
    made.assert_code(0);
    let secret: Value = serde_yaml_ng::from_str(&made.stdout).unwrap();
    assert_eq!(secret["data"].as_object().unwrap().len(), 1, "{secret}");
    String::from_utf8(BASE64_STANDARD.decode(secret["data"]["DATABASE_URL"].as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_signed_by_its_namespace_s_login_and_verified_by_an_auditor() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", RECORDS, "batchSize: 100\nkeys: {count: 3}"), Settings::default()).await;
    let (own, other) = (connection(&site, "default").await, connection(&site, "other").await);

    // The worker of another namespace does not see the job.
    let stranger = site.worker_with(job.uid, &other).await.start();
    until("it says that it sees no job", || async { stranger.stderr().contains("sees no job of this uid") }).await;
    assert_eq!(site.signed().await, 0);

    let _worker = site.worker_with(job.uid, &own).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", RECORDS as i64).await;

    let auditor = auditor(&site).await;
    let [own, other] = [&own, &other].map(|folder| std::fs::read_to_string(folder.join("DATABASE_URL")).unwrap());
    for (command, expected) in [
        (&["verify", "--job", "job"][..], "3,000"),
        (&["status"], "default/job"),
        (&["status", "--job", "job"], "default/job"),
        (&["receipt", "--job", "job"], "."),
        (&["keys", "--job", "job"], "BEGIN PUBLIC KEY"),
        (&["export", "--job", "job"], "signature"),
    ] {
        // A namespace reads what is its own.
        for url in [&auditor, &own] {
            let ended = Program::vaultstream(command).env("VAULTSTREAM_DATABASE_URL", url).end().await;
            ended.assert_code(0);
            assert!(ended.stdout.contains(expected), "{command:?}: {}", ended.stdout);
        }
        // To another one, the job does not exist.
        let ended = Program::vaultstream(command).env("VAULTSTREAM_DATABASE_URL", &other).end().await;
        assert!(!ended.stdout.contains(expected), "{command:?}: {}", ended.stdout);
        if command.contains(&"--job") {
            ended.assert_code(2);
            assert!(ended.stderr.contains("there is no job"), "{command:?}: {}", ended.stderr);
        }
    }
    // Of those who verified (the owner did in the check above, too) an auditor leaves no verdict.
    let verdicts = site.text("SELECT string_agg(given_by, ',' ORDER BY given_by) FROM vaultstream.verdicts").await;
    assert!(verdicts.starts_with("vaultstream,vs_default_") && verdicts.matches(',').count() == 1, "{verdicts}");
    // An auditor changes nothing, and says so in one sentence.
    let deleted = Program::vaultstream(&["delete", "--job", "job", "--yes", "--nats-url", &site.nats_url]);
    let deleted = deleted.env("VAULTSTREAM_DATABASE_URL", &auditor).end().await;
    assert!(!deleted.status.success(), "{}", deleted.stdout);
    assert_signed_exactly_once(&site, "job", RECORDS as i64).await;

    let listed = site.tenant(&["list", "--output", "json"]).await;
    listed.assert_code(0);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);
    for namespace in ["default", "other"] {
        site.tenant(&["remove", namespace]).await.assert_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_key_is_in_a_service_gets_none_in_its_secret() {
    let site = Site::new().await;
    Program::vaultstream(&["migrate"]).env("VAULTSTREAM_DATABASE_URL", &site.database_url).end().await.assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("KEK_URL");
    std::fs::write(&url, "kms+unix:///run/kms/plugin.sock").unwrap();
    let (role, file) = (role_for("team-a"), ["--file", url.to_str().unwrap()]);
    let tenant = async |args: &[&str]| site.tenant(&[args, &["--cluster", "c"]].concat()).await;
    for args in [&["add", "team-a", "--role", &role][..], &["secret", "team-a"]] {
        let printed = tenant(&[args, &file].concat()).await;
        printed.assert_code(0);
        let secret: Value = serde_yaml_ng::from_str(&printed.stdout).unwrap();
        let keys: Vec<&String> = secret["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["DATABASE_URL", "KEK_URL"], "{args:?}");
    }
    let neither = tenant(&["secret", "team-a"]).await;
    neither.assert_code(2);
    assert!(neither.stderr.contains("give --kek-file FILE, or --file KEK_URL"), "{}", neither.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_login_is_no_tenant_s_says_what_to_do() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 100, "keys: {count: 1}"), Settings::default()).await;
    let role = role_for("nobody");
    site.execute(&format!("CREATE ROLE {role} LOGIN")).await;
    let folder = connection(&site, "default").await;
    let url = site.database_url.split_once('@').unwrap().1.to_owned();
    std::fs::write(folder.join("DATABASE_URL"), format!("postgres://{role}@{url}")).unwrap();
    let ended = site.worker_with(job.uid, &folder).await.end().await;
    ended.assert_code(2);
    assert!(ended.stderr.contains("vaultstream tenant add"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_of_tenant_makes_no_login() {
    let site = Site::new().await;
    Program::vaultstream(&["migrate"]).env("VAULTSTREAM_DATABASE_URL", &site.database_url).end().await.assert_code(0);
    let kek = site.dir.path().join("short");
    std::fs::write(&kek, "c2hvcnQ=").unwrap();
    for (args, sentence) in [
        (&["add", "Team_A"][..], "\"Team_A\" is no namespace"),
        (&["add", "team-a"], "which cluster? the ledger knows none yet"),
        (&["add", "team-a", "--cluster", "c", "--kek-file", kek.to_str().unwrap()], "is not a valid key file"),
        (&["add", "team-a", "--cluster", "c", "--nats-url-file", "/nowhere"], "failed to read the URL of NATS"),
        (&["add", "team-a", "--cluster", "c", "--file", "ca.crt"], "workers read no file ca.crt"),
        (&["add", "team-a", "--cluster", "c", "--role", "vaultstream"], "there is a role vaultstream on this server"),
        (&["remove", "team-a", "--cluster", "c"], "has no login in this ledger"),
    ] {
        let ended = site.tenant(args).await;
        ended.assert_code(2);
        assert!(ended.stderr.contains(sentence), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.tenants").await, 0);
}
