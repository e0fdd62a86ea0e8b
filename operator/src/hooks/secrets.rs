//! The Secrets of a development installation. They are created once and never replaced, so that the key-encryption key is kept
//! when the chart is rendered again.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use uuid::Uuid;
use vaultstream_ledger::tenants;
use vaultstream_signing::{Kek, kek::KekError};

use super::declared::{AUDITOR, OPERATOR};
use crate::{api_client, config::MakeDevSecrets, tenant_login::TenantLogin};

/// Read by the development servers.
const SERVERS: &str = "vaultstream-dev";
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

/// A Secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The API server's address is unknown.
    #[error("failed to find the API server")]
    Client(#[source] kube::Error),
    /// A Secret could not be read or created.
    #[error("failed to {action} the Secret {namespace}/{name}")]
    Secret {
        /// What was tried.
        action: &'static str,
        /// Where.
        namespace: String,
        /// Which.
        name: &'static str,
        /// Why not.
        #[source]
        source: kube::Error,
    },
    /// The system gave no randomness.
    #[error("failed to make a key-encryption key")]
    Kek(#[from] KekError),
    /// The Secret was made by other means.
    #[error("the Secret {namespace}/{name} has no key {key}: delete the Secret, and it will be made again")]
    Incomplete {
        /// Where.
        namespace: String,
        /// Which.
        name: &'static str,
        /// What it lacks.
        key: &'static str,
    },
}

/// Creates the Secrets that are absent.
///
/// # Errors
/// [`SecretsError`].
pub(crate) async fn make(args: MakeDevSecrets) -> Result<(), SecretsError> {
    let client = api_client::connect().await.map_err(SecretsError::Client)?;
    let home = args.namespace.as_str();
    let password = Uuid::new_v4().simple().to_string();
    let token = Uuid::new_v4().simple().to_string();
    let config = format!(
        "port: 4222\njetstream {{ store_dir: /data/jetstream }}\nauthorization {{ token: \"{token}\" }}\nmax_payload: 1MB\n"
    );
    let servers = ensure(&client, home, SERVERS, || {
        Ok([("postgres-password", password.as_str()), ("nats-token", &token), ("nats.conf", &config)].map(pair).into())
    })
    .await?;
    let password = text(&servers, home, SERVERS, "postgres-password")?;
    let token = text(&servers, home, SERVERS, "nats-token")?;
    let urls = Urls::of(home, password, token);
    let logins = make_of_release(&client, home, &args.job_namespaces, &urls).await?;
    for login in &logins {
        let workers = urls.workers(login);
        let there = ensure(&client, &login.namespace, WORKERS, || {
            // Stored without its name: the reader of a KEK names it by its content.
            let kek = Kek::generate("new".parse().map_err(|_| KekError::Form)?)?.to_base64();
            Ok(workers.iter().cloned().chain([pair(("kek", kek.as_str()))]).collect())
        })
        .await?;
        urls.update(&client, &login.namespace, WORKERS, &there, workers).await?;
    }
    Ok(())
}

/// The Secrets of owner, operator and auditor, by which `helm test` verifies. Returns the logins of namespaces that the owner's declares.
async fn make_of_release(
    client: &Client,
    home: &str,
    job_namespaces: &[String],
    urls: &Urls,
) -> Result<Vec<TenantLogin>, SecretsError> {
    let owners = ensure(client, home, OWNERS, || Ok([urls.owners()[0].clone()].into())).await?;
    let before = get(client, home, OPERATORS).await?.unwrap_or_default();
    let (declared, logins) = declare(&owners, &before, home, job_namespaces);
    if declared.data.iter().any(|(key, value)| owners.get(key) != Some(value)) {
        patch(client, home, OWNERS, json!(declared.data)).await?;
        println!("{home}/{OWNERS}: declares the database logins of operator, auditor and namespaces");
    }
    let wanted = urls.connection(&format!("{OPERATOR_ROLE}:{}", declared.operator));
    let operators = ensure(client, home, OPERATORS, || Ok(wanted.clone().into())).await?;
    urls.update(client, home, OPERATORS, &operators, wanted).await?;
    // Earlier versions declared them there.
    if [TenantLogin::KEY, AUDITOR].iter().any(|key| operators.contains_key(*key)) {
        patch(client, home, OPERATORS, json!({ (TenantLogin::KEY): null, (AUDITOR): null })).await?;
    }
    let [url, _] = urls.connection(&format!("{AUDITOR_ROLE}:{}", declared.auditor));
    ensure(client, home, AUDITORS, || Ok([url].into())).await?;
    Ok(logins)
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

/// Logins that are declared already keep their passwords, also those that an earlier version declared in the operator's Secret.
fn declare(owners: &Data, operators: &Data, home: &str, job_namespaces: &[String]) -> (Declared, Vec<TenantLogin>) {
    let present = |key: &str| {
        let value = owners.get(key).or_else(|| operators.get(key));
        value.and_then(|text| std::str::from_utf8(&text.0).ok()).unwrap_or_default()
    };
    let password = |key: &str| match present(key).split_whitespace().nth(1) {
        Some(known) => known.to_owned(),
        None => Uuid::new_v4().simple().to_string(),
    };
    let (operator, auditor) = (password(OPERATOR), password(AUDITOR));
    let (logins, tenants) = with_logins(present(TenantLogin::KEY), home, job_namespaces);
    let data = [
        pair((OPERATOR, &format!("{OPERATOR_ROLE} {operator}"))),
        pair((AUDITOR, &format!("{AUDITOR_ROLE} {auditor}"))),
        pair((TenantLogin::KEY, &tenants)),
    ];
    (Declared { operator, auditor, data: data.into() }, logins)
}

/// The logins of these namespaces, which are made by `vaultstream-operator migrate`, and all that are declared then.
fn with_logins(present: &str, home: &str, job_namespaces: &[String]) -> (Vec<TenantLogin>, String) {
    let mut declared = present.to_owned();
    let mut logins: Vec<TenantLogin> = Vec::new();
    for namespace in std::iter::once(home).chain(job_namespaces.iter().map(String::as_str)) {
        if logins.iter().any(|login| login.namespace == namespace) {
            continue;
        }
        let known = present.lines().filter_map(TenantLogin::parse).find(|login| login.namespace == namespace);
        logins.push(known.unwrap_or_else(|| {
            let made = TenantLogin {
                namespace: namespace.to_owned(),
                role: tenants::role_of(namespace),
                password: Uuid::new_v4().simple().to_string(),
            };
            declared += &made.to_line();
            made
        }));
    }
    (logins, declared)
}

/// The URLs of the development servers. They have no TLS, and the URLs allow that.
struct Urls {
    /// Host and database.
    database: String,
    /// The superuser's login.
    owner: String,
    nats: String,
}

/// The parameters that the URLs of earlier versions lack.
const WITHOUT_TLS: [&str; 2] = ["?sslmode=disable", "?tls=disable"];

impl Urls {
    fn of(home: &str, password: &str, token: &str) -> Self {
        let [_, nats] = WITHOUT_TLS;
        Self {
            database: format!("vaultstream-dev-postgres.{home}.svc:5432/postgres"),
            owner: format!("vaultstream:{password}"),
            nats: format!("nats://{token}@vaultstream-dev-nats.{home}.svc:4222{nats}"),
        }
    }

    /// What the owner logs in with, and earlier versions gave to everybody.
    fn owners(&self) -> [(String, ByteString); 2] {
        self.connection(&self.owner)
    }

    /// What the workers of a namespace log in with.
    fn workers(&self, login: &TenantLogin) -> [(String, ByteString); 2] {
        self.connection(&format!("{}:{}", login.role, login.password))
    }

    fn connection(&self, login: &str) -> [(String, ByteString); 2] {
        let database = format!("postgresql://{login}@{}{}", self.database, WITHOUT_TLS[0]);
        [("DATABASE_URL", database.as_str()), ("NATS_URL", &self.nats)].map(pair)
    }

    /// Updates URLs that an earlier version wrote to those that are `wanted`, and nothing else.
    async fn update(
        &self,
        client: &Client,
        namespace: &str,
        name: &'static str,
        data: &Data,
        wanted: [(String, ByteString); 2],
    ) -> Result<(), SecretsError> {
        let changed = self.outdated(data, wanted);
        if changed.is_empty() {
            return Ok(());
        }
        patch(client, namespace, name, json!(changed)).await?;
        println!("{namespace}/{name}: its URLs are those of this release");
        Ok(())
    }

    /// Those of the wanted URLs in whose place the Secret has one that an earlier version wrote: the owner's for everybody, and at
    /// first without the parameters about TLS.
    fn outdated(&self, data: &Data, wanted: [(String, ByteString); 2]) -> Data {
        let earlier = self.owners();
        let bare = earlier.each_ref().map(|(_, url)| {
            let url = String::from_utf8_lossy(&url.0);
            ByteString(url.split('?').next().unwrap_or_default().as_bytes().to_vec())
        });
        let written = |key: &str, value: &ByteString| {
            earlier.iter().zip(&bare).any(|((name, url), bare)| name == key && (value == url || value == bare))
        };
        wanted
            .into_iter()
            .filter(|(key, url)| data.get(key).is_some_and(|present| present != url && written(key, present)))
            .collect()
    }
}

/// The data of a Secret; `None` when it is absent.
async fn get(client: &Client, namespace: &str, name: &'static str) -> Result<Option<Data>, SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let failed = |source| SecretsError::Secret { action: "read", namespace: namespace.to_owned(), name, source };
    Ok(api.get_opt(name).await.map_err(failed)?.map(|present| present.data.unwrap_or_default()))
}

/// Sets these keys of a Secret, and removes those that are null.
async fn patch(client: &Client, namespace: &str, name: &'static str, data: Value) -> Result<(), SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let patch = json!({ "data": data });
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(drop)
        .map_err(|source| SecretsError::Secret { action: "change", namespace: namespace.to_owned(), name, source })
}

type Data = BTreeMap<String, ByteString>;

fn pair((key, value): (&str, &str)) -> (String, ByteString) {
    (key.to_owned(), ByteString(value.as_bytes().to_vec()))
}

fn text<'a>(data: &'a Data, namespace: &str, name: &'static str, key: &'static str) -> Result<&'a str, SecretsError> {
    let found = data.get(key).and_then(|value| std::str::from_utf8(&value.0).ok());
    found.ok_or_else(|| SecretsError::Incomplete { namespace: namespace.to_owned(), name, key })
}

/// The Secret's data. The Secret is created with what `make` returns if it is absent.
async fn ensure(
    client: &Client,
    namespace: &str,
    name: &'static str,
    make: impl FnOnce() -> Result<Data, KekError>,
) -> Result<Data, SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    if let Some(present) = get(client, namespace, name).await? {
        println!("{namespace}/{name}: exists already, not changed");
        return Ok(present);
    }
    let data = make()?;
    let labels = [("app.kubernetes.io/part-of".to_owned(), "vaultstream".to_owned())];
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels.into()), ..ObjectMeta::default() };
    let secret = Secret { metadata, data: Some(data.clone()), ..Secret::default() };
    let failed = |source| SecretsError::Secret { action: "create", namespace: namespace.to_owned(), name, source };
    api.create(&PostParams::default(), &secret).await.map_err(failed)?;
    println!("{namespace}/{name}: made");
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(namespace: &str) -> TenantLogin {
        TenantLogin { namespace: namespace.to_owned(), role: tenants::role_of(namespace), password: "own".to_owned() }
    }

    #[test]
    fn only_urls_that_an_earlier_version_wrote_are_updated() {
        let urls = Urls::of("home", "password", "token");
        let first = [
            ("DATABASE_URL", "postgresql://vaultstream:password@vaultstream-dev-postgres.home.svc:5432/postgres"),
            ("NATS_URL", "nats://token@vaultstream-dev-nats.home.svc:4222"),
        ];
        let changed = urls.outdated(&first.map(pair).into(), urls.owners());
        assert_eq!(changed, urls.owners().into());
        let wanted = urls.workers(&login("team"));
        for earlier in [first.map(pair), urls.owners()] {
            let changed = urls.outdated(&earlier.into(), wanted.clone());
            assert_eq!(changed["DATABASE_URL"], wanted[0].1, "a worker that had the owner's login");
        }
        let present: Data = wanted.iter().cloned().chain([pair(("kek", "x"))]).collect();
        assert_eq!(urls.outdated(&present, wanted.clone()), Data::new());
        let own = [("DATABASE_URL", "postgresql://me@elsewhere/postgres"), ("NATS_URL", "tls://elsewhere")];
        assert_eq!(urls.outdated(&own.map(pair).into(), wanted), Data::new());
    }

    #[test]
    fn logins_that_an_earlier_version_declared_in_the_operator_s_secret_keep_their_passwords() {
        let earlier: Data =
            [("auditor", "vaultstream_dev_auditor known"), ("tenants", "home vs_home own\n")].map(pair).into();
        let (declared, logins) = declare(&Data::new(), &earlier, "home", &[]);
        assert_eq!((declared.auditor.as_str(), logins), ("known", vec![login("home")]));
        assert_eq!(declared.data[OPERATOR].0, format!("{OPERATOR_ROLE} {}", declared.operator).into_bytes());
        let (again, _) = declare(&declared.data, &Data::new(), "home", &[]);
        assert_eq!(again.data, declared.data);
    }

    #[test]
    fn each_namespace_keeps_the_login_that_was_declared_for_it() {
        let (first, declared) = with_logins("", "home", &["team".to_owned(), "home".to_owned()]);
        assert_eq!(first.iter().map(|login| login.namespace.as_str()).collect::<Vec<_>>(), ["home", "team"]);
        assert_ne!(first[0].password, first[1].password);
        let (again, unchanged) = with_logins(&declared, "home", &["team".to_owned()]);
        assert_eq!((again, &unchanged), (first.clone(), &declared));
        let (more, longer) = with_logins(&declared, "home", &["other".to_owned()]);
        assert_eq!((&more[0], more.len()), (&first[0], 2));
        assert!(
            longer.starts_with(&declared) && longer.contains("other vs_other "),
            "a namespace that left stays declared"
        );
    }
}
