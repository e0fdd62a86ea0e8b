//! Secrets as the API server has them: read, made when they are absent, changed key by key.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use vaultstream_signing::kek::KekError;

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
    /// The cluster's name, which is in the permissions of users, could not be read.
    #[error(
        "failed to read the uid of the namespace kube-system or {0}, which names this cluster: apply the rights of this release"
    )]
    Uid(String),
    /// SigningJobs could not be listed.
    #[error("failed to list the SigningJobs of {namespace}")]
    Jobs {
        /// Where.
        namespace: String,
        /// Why not.
        #[source]
        source: kube::Error,
    },
    /// The server of the changed configuration could not be restarted.
    #[error("failed to restart the development NATS")]
    Restart(#[source] kube::Error),
}

/// Keys and values of a Secret.
pub(super) type Data = BTreeMap<String, ByteString>;

pub(super) fn pair((key, value): (&str, &str)) -> (String, ByteString) {
    (key.to_owned(), ByteString(value.as_bytes().to_vec()))
}

/// The value of a key, if it is text.
pub(super) fn text<'a>(data: &'a Data, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&data.get(key)?.0).ok()
}

/// The data of a Secret; `None` when it is absent.
pub(super) async fn get(client: &Client, namespace: &str, name: &'static str) -> Result<Option<Data>, SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let failed = |source| SecretsError::Secret { action: "read", namespace: namespace.to_owned(), name, source };
    Ok(api.get_opt(name).await.map_err(failed)?.map(|present| present.data.unwrap_or_default()))
}

/// Sets these keys of a Secret, and removes those that are null.
pub(super) async fn patch(
    client: &Client,
    namespace: &str,
    name: &'static str,
    data: Value,
) -> Result<(), SecretsError> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let patch = json!({ "data": data });
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(drop)
        .map_err(|source| SecretsError::Secret { action: "change", namespace: namespace.to_owned(), name, source })
}

/// The Secret's data. The Secret is created with what `make` returns if it is absent.
pub(super) async fn ensure(
    client: &Client,
    namespace: &str,
    name: &'static str,
    make: impl FnOnce() -> Result<Data, KekError>,
) -> Result<Data, SecretsError> {
    if let Some(present) = get(client, namespace, name).await? {
        println!("{namespace}/{name}: exists already");
        return Ok(present);
    }
    let data = make()?;
    let labels = [("app.kubernetes.io/part-of".to_owned(), "vaultstream".to_owned())];
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels.into()), ..ObjectMeta::default() };
    let secret = Secret { metadata, data: Some(data.clone()), ..Secret::default() };
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let failed = |source| SecretsError::Secret { action: "create", namespace: namespace.to_owned(), name, source };
    api.create(&PostParams::default(), &secret).await.map_err(failed)?;
    println!("{namespace}/{name}: made");
    Ok(data)
}
