//! The operator's own login, as the programs make, check and refuse it.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use uuid::Uuid;
use vaultstream_ledger::schema_version;
use vaultstream_lifecycle::Settings;

use crate::harness::{Ended, Program, Site, generated};

const VERSION: &str = "SELECT max(version)::bigint FROM vaultstream.schema_history";

/// A folder as a Secret is mounted, with this DATABASE_URL.
fn folder(site: &Site, name: &str, database_url: &str) -> PathBuf {
    let folder = site.dir.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("DATABASE_URL"), database_url).unwrap();
    folder
}

/// `vaultstream tenant operator`, and the URL in the Secret that it prints.
async fn operator_url(site: &Site) -> String {
    let role = format!("operate_{:x}", Uuid::new_v4().as_u128());
    let nats = site.dir.path().join("NATS_URL");
    let user = site.dir.path().join("operator.conf");
    let made = Program::vaultstream(&["tenant", "operator", "vaultstream-system", "--role", &role])
        .args(&["--nats-url-file", nats.to_str().unwrap(), "--nats-user-file", user.to_str().unwrap()])
        .env("VAULTSTREAM_DATABASE_URL", &site.database_url)
        .end()
        .await;
    made.assert_code(0);
    assert!(std::fs::read_to_string(user).unwrap().contains("$JS.API.STREAM.CREATE.*"));
    let secret: Value = serde_yaml_ng::from_str(&made.stdout).unwrap();
    assert_eq!(secret["metadata"]["name"], "vaultstream-operator");
    let field =
        |key: &str| String::from_utf8(BASE64_STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()).unwrap();
    assert!(field("NATS_URL").contains(&role));
    field("DATABASE_URL")
}

async fn migrate(site: &Site) {
    Program::vaultstream(&["migrate"]).env("VAULTSTREAM_DATABASE_URL", &site.database_url).end().await.assert_code(0);
}

async fn hook(connection: &Path, owner: &Path) -> Ended {
    Program::migrate_hook(connection, owner).end().await
}

/// A release of before the operator had a login of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_whose_operator_has_the_owner_s_login_is_refused_before_anything_is_changed() {
    let site = Site::new().await;
    site.execute(include_str!("earlier/v7.sql")).await;
    let owner = folder(&site, "owner", &site.database_url);
    let before = folder(&site, "before", &site.database_url);
    let refused = hook(&before, &owner).await;
    assert!(!refused.status.success(), "{}", refused.stderr);
    for word in ["is a superuser", "`vaultstream migrate`", "`vaultstream tenant operator NAMESPACE`", "--allow-owner"]
    {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    assert_eq!(site.number(VERSION).await, 7, "the ledger was migrated all the same");

    // Doing as told helps.
    migrate(&site).await;
    let after = folder(&site, "after", &operator_url(&site).await);
    hook(&after, &owner).await.assert_code(0);
    // What allows the owner's login migrates.
    let allowed = Program::migrate_hook(&before, &owner).args(&["--allow-owner"]).end().await;
    allowed.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_s_secret_migrates_and_makes_the_logins_that_it_declares() {
    let site = Site::new().await;
    let unique = Uuid::new_v4().as_u128();
    let (role, auditor) = (format!("operate_{unique:x}"), format!("audit_{unique:x}"));
    let url = site.database_url.replace("://vaultstream@", &format!("://{role}:secret@"));
    let (own, none) = (folder(&site, "own", &url), site.dir.path().join("none"));
    // Nobody has made that login, and there is no ledger: the operator waits for both, and says so.
    hook(&own, &none).await.assert_code(0);
    let owner = folder(&site, "owner", &site.database_url);
    std::fs::write(owner.join("operator"), format!("{role} secret\n")).unwrap();
    std::fs::write(owner.join("auditor"), format!("{auditor} secret")).unwrap();
    for _ in 0..2 {
        hook(&own, &owner).await.assert_code(0);
    }
    assert_eq!(site.number(VERSION).await, i64::from(schema_version()));
    // Without the owner's login it only checks.
    hook(&own, &none).await.assert_code(0);
    site.execute(&format!("REVOKE vaultstream_operator FROM {role}")).await;
    let refused = hook(&own, &none).await;
    assert!(
        !refused.status.success() && refused.stderr.contains("GRANT vaultstream_operator TO"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_not_migrated_is_refused_without_the_owner_s_login() {
    let site = Site::new().await;
    migrate(&site).await;
    let own = folder(&site, "own", &operator_url(&site).await);
    site.execute(
        "DELETE FROM vaultstream.schema_history WHERE version = (SELECT max(version) FROM vaultstream.schema_history)",
    )
    .await;
    let refused = hook(&own, &site.dir.path().join("none")).await;
    assert!(!refused.status.success() && refused.stderr.contains("run `vaultstream migrate`"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_the_owner_s_login_is_refused_and_told_what_to_do() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 100, "keys: {count: 1}"), Settings::default()).await;
    let refused = site.worker(job.uid).await.env("VAULTSTREAM_ALLOW_OWNER", "false").end().await;
    refused.assert_code(2);
    for word in ["is a superuser", "`vaultstream tenant add NAMESPACE`", "--allow-owner"] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
}
