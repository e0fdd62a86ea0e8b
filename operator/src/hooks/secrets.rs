//! The Secrets of a development installation. They are created once and never replaced, so that the key-encryption key is kept
//! when the chart is rendered again.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use uuid::Uuid;
use vaultstream_ledger::tenants;
use vaultstream_signing::{Kek, kek::KekError};

use crate::{api_client, config::MakeDevSecrets, tenant_login::TenantLogin};

/// Read by the development servers.
const SERVERS: &str = "vaultstream-dev";
/// The operator's own connection, without a key-encryption key.
const OPERATORS: &str = "vaultstream-operator-connection";
/// The workers' connection, in each namespace with jobs.
const WORKERS: &str = "vaultstream-connection";

/// The auditor's connection, in the release's namespace.
const AUDITORS: &str = "vaultstream-auditor";
/// Its login.
const AUDITOR_ROLE: &str = "vaultstream_dev_auditor";
/// The key of the operator's Secret that declares it.
const AUDITOR_KEY: &str = "auditor";

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
    let operators = ensure(&client, home, OPERATORS, || Ok(urls.operators().into())).await?;
    urls.update(&client, home, OPERATORS, &operators, urls.operators()).await?;
    declare_auditor(&client, home, &operators, &urls).await?;
    let logins = declare_tenants(&client, home, &args.job_namespaces, &operators).await?;
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

/// The Secret of an auditor, by which `helm test` verifies, and its login in the operator's Secret.
async fn declare_auditor(client: &Client, home: &str, operators: &Data, urls: &Urls) -> Result<(), SecretsError> {
    let present = operators.get(AUDITOR_KEY).and_then(|text| std::str::from_utf8(&text.0).ok());
    let known = present.and_then(|text| text.split_once(' ')).map(|(_, password)| password.to_owned());
    let password = known.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let declared = format!("{AUDITOR_ROLE} {password}");
    if present != Some(declared.as_str()) {
        patch(client, home, OPERATORS, [pair((AUDITOR_KEY, &declared))].into()).await?;
    }
    let [url, _] = urls.connection(&format!("{AUDITOR_ROLE}:{password}"));
    ensure(client, home, AUDITORS, || Ok([url].into())).await.map(drop)
}

/// Adds the namespaces that have no login yet to the operator's Secret, and returns the logins of all.
async fn declare_tenants(
    client: &Client,
    home: &str,
    job_namespaces: &[String],
    operators: &Data,
) -> Result<Vec<TenantLogin>, SecretsError> {
    let present =
        operators.get(TenantLogin::KEY).and_then(|text| std::str::from_utf8(&text.0).ok()).unwrap_or_default();
    let (logins, declared) = with_logins(present, home, job_namespaces);
    if declared != present {
        patch(client, home, OPERATORS, [pair((TenantLogin::KEY, &declared))].into()).await?;
        println!("{home}/{OPERATORS}: declares a database login for each namespace");
    }
    Ok(logins)
}

/// The logins of these namespaces, which the operator makes (see `leader/declared_tenants.rs`), and all that are declared then.
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

    /// What the operator logs in with.
    fn operators(&self) -> [(String, ByteString); 2] {
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
        patch(client, namespace, name, changed).await?;
        println!("{namespace}/{name}: its URLs are those of this release");
        Ok(())
    }

    /// Those of the wanted URLs in whose place the Secret has one that an earlier version wrote: the owner's for everybody, and at
    /// first without the parameters about TLS.
    fn outdated(&self, data: &Data, wanted: [(String, ByteString); 2]) -> Data {
        let earlier = self.operators();
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

/// Sets these keys of a Secret.
async fn patch(client: &Client, namespace: &str, name: &'static str, data: Data) -> Result<(), SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let patch = serde_json::json!({ "data": data });
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
    let failed = |action| {
        let namespace = namespace.to_owned();
        move |source| SecretsError::Secret { action, namespace, name, source }
    };
    if let Some(present) = api.get_opt(name).await.map_err(failed("read"))? {
        println!("{namespace}/{name}: exists already, not changed");
        return Ok(present.data.unwrap_or_default());
    }
    let data = make()?;
    let labels = [("app.kubernetes.io/part-of".to_owned(), "vaultstream".to_owned())];
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels.into()), ..ObjectMeta::default() };
    let secret = Secret { metadata, data: Some(data.clone()), ..Secret::default() };
    api.create(&PostParams::default(), &secret).await.map_err(failed("create"))?;
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
        let changed = urls.outdated(&first.map(pair).into(), urls.operators());
        assert_eq!(changed, urls.operators().into());
        let wanted = urls.workers(&login("team"));
        for earlier in [first.map(pair), urls.operators()] {
            let changed = urls.outdated(&earlier.into(), wanted.clone());
            assert_eq!(changed["DATABASE_URL"], wanted[0].1, "a worker that had the owner's login");
        }
        let present: Data = wanted.iter().cloned().chain([pair(("kek", "x"))]).collect();
        assert_eq!(urls.outdated(&present, wanted.clone()), Data::new());
        let own = [("DATABASE_URL", "postgresql://me@elsewhere/postgres"), ("NATS_URL", "tls://elsewhere")];
        assert_eq!(urls.outdated(&own.map(pair).into(), wanted), Data::new());
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
