//! The Secrets of a development installation. They are created once and never replaced, so that the key-encryption key is kept
//! when the chart is rendered again.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use uuid::Uuid;
use vaultstream_signing::{Kek, kek::KekError};

use crate::{api_client, config::MakeDevSecrets};

/// Read by the development servers.
const SERVERS: &str = "vaultstream-dev";
/// The operator's own connection, without a key-encryption key.
const OPERATORS: &str = "vaultstream-operator-connection";
/// The workers' connection, in each namespace with jobs.
const WORKERS: &str = "vaultstream-connection";

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
    let connection = [("DATABASE_URL", urls.database.as_str()), ("NATS_URL", &urls.nats)].map(pair);
    let operators = ensure(&client, home, OPERATORS, || Ok(connection.clone().into())).await?;
    urls.update_urls(&client, home, OPERATORS, &operators).await?;
    let here = ensure(&client, home, WORKERS, || {
        // Stored without its name: the reader of a KEK names it by its content.
        let kek = Kek::generate("new".parse().map_err(|_| KekError::Form)?)?.to_base64();
        Ok(connection.iter().cloned().chain([pair(("kek", kek.as_str()))]).collect())
    })
    .await?;
    let here = urls.update_urls(&client, home, WORKERS, &here).await?;
    for namespace in args.job_namespaces.iter().filter(|namespace| *namespace != home) {
        let there = ensure(&client, namespace, WORKERS, || Ok(here.clone())).await?;
        urls.update_urls(&client, namespace, WORKERS, &there).await?;
    }
    Ok(())
}

/// The URLs of the development servers. They have no TLS, and the URLs allow that.
struct Urls {
    database: String,
    nats: String,
}

/// The parameters that the URLs of earlier versions lack.
const WITHOUT_TLS: [&str; 2] = ["?sslmode=disable", "?tls=disable"];

impl Urls {
    fn of(home: &str, password: &str, token: &str) -> Self {
        let [database, nats] = WITHOUT_TLS;
        Self {
            database: format!(
                "postgresql://vaultstream:{password}@vaultstream-dev-postgres.{home}.svc:5432/postgres{database}"
            ),
            nats: format!("nats://{token}@vaultstream-dev-nats.{home}.svc:4222{nats}"),
        }
    }

    /// Updates URLs that an earlier version wrote, and nothing else. Returns the Secret's data.
    async fn update_urls(
        &self,
        client: &Client,
        namespace: &str,
        name: &'static str,
        data: &Data,
    ) -> Result<Data, SecretsError> {
        let changed = self.outdated(data);
        let mut data = data.clone();
        if changed.is_empty() {
            return Ok(data);
        }
        data.extend(changed.iter().cloned());
        let patch = serde_json::json!({ "data": changed.into_iter().collect::<Data>() });
        let api = Api::<Secret>::namespaced(client.clone(), namespace);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(|source| {
            SecretsError::Secret { action: "change", namespace: namespace.to_owned(), name, source }
        })?;
        println!("{namespace}/{name}: its URLs now allow that these servers have no TLS");
        Ok(data)
    }

    /// The new values of URLs that are exactly those of an earlier version.
    fn outdated(&self, data: &Data) -> Vec<(String, ByteString)> {
        let known = [("DATABASE_URL", &self.database), ("NATS_URL", &self.nats)];
        let lacking = known.into_iter().zip(WITHOUT_TLS).filter(|((key, url), parameter)| {
            let before = url.strip_suffix(parameter);
            data.get(*key).is_some_and(|value| before.is_some_and(|before| before.as_bytes() == value.0))
        });
        lacking.map(|((key, url), _)| pair((key, url.as_str()))).collect()
    }
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

    #[test]
    fn only_urls_that_an_earlier_version_wrote_are_updated() {
        let urls = Urls::of("home", "password", "token");
        let earlier = [
            ("DATABASE_URL", "postgresql://vaultstream:password@vaultstream-dev-postgres.home.svc:5432/postgres"),
            ("NATS_URL", "nats://token@vaultstream-dev-nats.home.svc:4222"),
        ];
        let changed = urls.outdated(&earlier.map(pair).into());
        assert_eq!(changed, [("DATABASE_URL", urls.database.as_str()), ("NATS_URL", &urls.nats)].map(pair));
        let present: Data = changed.into_iter().chain([pair(("kek", "x"))]).collect();
        assert!(urls.outdated(&present).is_empty());
        let own = [("DATABASE_URL", "postgresql://me@elsewhere/postgres"), ("NATS_URL", "tls://elsewhere")];
        assert!(urls.outdated(&own.map(pair).into()).is_empty());
    }
}
