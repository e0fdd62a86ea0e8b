//! The Secrets of a development installation: made once and never changed, so that nothing that renders the chart again can
//! take keys away from what was signed with them.

use std::collections::BTreeMap;

use clap::Args;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use uuid::Uuid;
use vaultstream_signing::{Kek, kek::KekError};

/// What the development servers themselves read.
const SERVERS: &str = "vaultstream-dev";
/// The operator's own connection, without a key-encryption key.
const OPERATORS: &str = "vaultstream-operator-connection";
/// The workers' connection, in each namespace with jobs.
const WORKERS: &str = "vaultstream-connection";

/// `vaultstream-operator make-dev-secrets`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MakeDevSecrets {
    /// The release's namespace, where the development servers are.
    #[arg(long)]
    namespace: String,

    /// Further namespaces that get the Secret vaultstream-connection, with commas between them.
    #[arg(long, value_delimiter = ',')]
    job_namespaces: Vec<String>,
}

/// A Secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The API server is unknown.
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
    /// There is no randomness.
    #[error("failed to make a key-encryption key")]
    Kek(#[from] KekError),
    /// Somebody made one of these Secrets by hand.
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

/// Makes those that are absent.
///
/// # Errors
/// [`SecretsError`].
pub(crate) async fn make(args: MakeDevSecrets) -> Result<(), SecretsError> {
    let client = Client::try_default().await.map_err(SecretsError::Client)?;
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
    let database = format!("postgresql://vaultstream:{password}@vaultstream-dev-postgres.{home}.svc:5432/postgres");
    let nats = format!("nats://{token}@vaultstream-dev-nats.{home}.svc:4222");
    let connection = [("DATABASE_URL", database.as_str()), ("NATS_URL", &nats)].map(pair);
    ensure(&client, home, OPERATORS, || Ok(connection.clone().into())).await?;
    let here = ensure(&client, home, WORKERS, || {
        // Stored without its name: whoever reads a KEK names it after itself.
        let kek = Kek::generate("new".parse().map_err(|_| KekError::Form)?)?.to_base64();
        Ok(connection.iter().cloned().chain([pair(("kek", kek.as_str()))]).collect())
    })
    .await?;
    for namespace in args.job_namespaces.iter().filter(|namespace| *namespace != home) {
        ensure(&client, namespace, WORKERS, || Ok(here.clone())).await?;
    }
    Ok(())
}

type Data = BTreeMap<String, ByteString>;

fn pair((key, value): (&str, &str)) -> (String, ByteString) {
    (key.to_owned(), ByteString(value.as_bytes().to_vec()))
}

fn text<'a>(data: &'a Data, namespace: &str, name: &'static str, key: &'static str) -> Result<&'a str, SecretsError> {
    let found = data.get(key).and_then(|value| std::str::from_utf8(&value.0).ok());
    found.ok_or_else(|| SecretsError::Incomplete { namespace: namespace.to_owned(), name, key })
}

/// The Secret's data; made by `make` if it is absent.
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
