//! The Secrets of a development installation. They are created once and never replaced, so that the key-encryption key is kept
//! when the chart is rendered again.

use std::time::Duration;

use kube::Client;
use serde_json::json;
use uuid::Uuid;
use vaultstream_signing::{Kek, kek::KekError};

use super::{
    declared::{AUDITOR, OPERATOR},
    dev_nats,
    nats_users::DevNatsUsers,
    stored::{Data, SecretsError, ensure, get, pair, patch, text},
    urls::Urls,
};
use crate::{api_client, cluster_id::cluster_id, config::MakeDevSecrets, tenant_login::TenantLogin};

/// Read by the development servers.
const SERVERS: &str = "vaultstream-dev";
/// The superuser's password.
const PASSWORD_KEY: &str = "postgres-password";
/// The connection of the ledger's owner, and the logins that it declares. Only what migrates reads it.
const OWNERS: &str = "vaultstream-owner-connection";
/// The operator's own connection, without a key-encryption key.
const OPERATORS: &str = "vaultstream-operator-connection";
/// Its login.
const OPERATOR_ROLE: &str = "vaultstream_dev_operator";
/// The workers' connection, in each namespace with jobs.
const WORKERS: &str = "vaultstream-connection";

/// The auditor's connection, in the release's namespace.
const AUDITORS: &str = "vaultstream-auditor";
/// Its login.
const AUDITOR_ROLE: &str = "vaultstream_dev_auditor";

/// How long the cluster's name may take to be read.
const UID_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates the Secrets that are absent, and updates what an earlier version wrote.
///
/// # Errors
/// [`SecretsError`].
pub(crate) async fn make(args: MakeDevSecrets) -> Result<(), SecretsError> {
    let client = api_client::connect().await.map_err(SecretsError::Client)?;
    let home = args.namespace.as_str();
    let namespaces: Vec<&str> = std::iter::once(home).chain(args.job_namespaces.iter().map(String::as_str)).collect();
    let cluster = tokio::time::timeout(UID_TIMEOUT, cluster_id(None, home, &client))
        .await
        .map_err(|_| SecretsError::Uid(home.to_owned()))?;

    let password = Uuid::new_v4().simple().to_string();
    let servers = ensure(&client, home, SERVERS, || Ok([pair((PASSWORD_KEY, &password))].into())).await?;
    let password = text(&servers, PASSWORD_KEY).ok_or_else(|| SecretsError::Incomplete {
        namespace: home.to_owned(),
        name: SERVERS,
        key: PASSWORD_KEY,
    })?;
    let nats = dev_nats::declare(&client, home, SERVERS, &servers, &namespaces, &cluster).await?;

    let urls = Urls::of(home, password);
    for login in make_of_release(&client, home, &namespaces, &urls, &nats.users).await? {
        let Some(user) = nats.users.worker_login(&login.namespace) else { continue };
        let wanted = [urls.database(&login.in_url()), urls.nats(&user)];
        let there = ensure(&client, &login.namespace, WORKERS, || {
            // Stored without its name: the reader of a KEK names it by its content.
            let kek = Kek::generate("new".parse().map_err(|_| KekError::Form)?)?.to_base64();
            Ok(wanted.iter().cloned().chain([pair(("kek", kek.as_str()))]).collect())
        })
        .await?;
        update(&client, &login.namespace, WORKERS, &urls.outdated(&there, wanted)).await?;
    }
    // Last: a program that the server refuses from now on finds its new login in its Secret.
    nats.restart(&client, home, SERVERS).await
}

/// The Secrets of owner, operator and auditor, by which `helm test` verifies. Returns the logins of namespaces that the owner's declares.
async fn make_of_release(
    client: &Client,
    home: &str,
    namespaces: &[&str],
    urls: &Urls,
    users: &DevNatsUsers,
) -> Result<Vec<TenantLogin>, SecretsError> {
    let owners = ensure(client, home, OWNERS, || Ok([urls.owners()].into())).await?;
    let before = get(client, home, OPERATORS).await?.unwrap_or_default();
    let (declared, logins) = declare(&owners, &before, namespaces);
    if declared.data.iter().any(|(key, value)| owners.get(key) != Some(value)) {
        patch(client, home, OWNERS, json!(declared.data)).await?;
        println!("{home}/{OWNERS}: declares the database logins of operator, auditor and namespaces");
    }
    let wanted = [urls.database(&format!("{OPERATOR_ROLE}:{}", declared.operator)), urls.nats(&users.operator_login())];
    let operators = ensure(client, home, OPERATORS, || Ok(wanted.clone().into())).await?;
    update(client, home, OPERATORS, &urls.outdated(&operators, wanted)).await?;
    // Earlier versions declared them there.
    if [TenantLogin::KEY, AUDITOR].iter().any(|key| operators.contains_key(*key)) {
        patch(client, home, OPERATORS, json!({ (TenantLogin::KEY): null, (AUDITOR): null })).await?;
    }
    let url = urls.database(&format!("{AUDITOR_ROLE}:{}", declared.auditor));
    ensure(client, home, AUDITORS, || Ok([url].into())).await?;
    Ok(logins)
}

/// Sets keys of which an earlier version wrote the present values.
async fn update(client: &Client, namespace: &str, name: &'static str, changed: &Data) -> Result<(), SecretsError> {
    if !changed.is_empty() {
        patch(client, namespace, name, json!(changed)).await?;
        println!("{namespace}/{name}: its URLs are those of this release");
    }
    Ok(())
}

/// What the owner's Secret declares.
struct Declared {
    /// The operator's password.
    operator: String,
    /// The auditor's password.
    auditor: String,
    /// All keys.
    data: Data,
}

/// Logins that are declared already keep their passwords, also those that an earlier version declared in the operator's Secret. They are
/// made by `vaultstream-operator migrate`.
fn declare(owners: &Data, operators: &Data, namespaces: &[&str]) -> (Declared, Vec<TenantLogin>) {
    let present = |key: &str| text(owners, key).or_else(|| text(operators, key)).unwrap_or_default();
    let password = |key: &str| match present(key).split_whitespace().nth(1) {
        Some(known) => known.to_owned(),
        None => Uuid::new_v4().simple().to_string(),
    };
    let (operator, auditor) = (password(OPERATOR), password(AUDITOR));
    let (logins, tenants) = TenantLogin::declare(present(TenantLogin::KEY), namespaces);
    let data = [
        pair((OPERATOR, &format!("{OPERATOR_ROLE} {operator}"))),
        pair((AUDITOR, &format!("{AUDITOR_ROLE} {auditor}"))),
        pair((TenantLogin::KEY, &tenants)),
    ];
    (Declared { operator, auditor, data: data.into() }, logins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_that_an_earlier_version_declared_in_the_operator_s_secret_keep_their_passwords() {
        let earlier: Data =
            [("auditor", "vaultstream_dev_auditor known"), ("tenants", "home vs_home own\n")].map(pair).into();
        let (declared, logins) = declare(&Data::new(), &earlier, &["home"]);
        let own = TenantLogin { namespace: "home".into(), role: "vs_home".into(), password: "own".into() };
        assert_eq!((declared.auditor.as_str(), logins), ("known", vec![own]));
        assert_eq!(declared.data[OPERATOR].0, format!("{OPERATOR_ROLE} {}", declared.operator).into_bytes());
        let (again, _) = declare(&declared.data, &Data::new(), &["home"]);
        assert_eq!(again.data, declared.data);
    }
}
