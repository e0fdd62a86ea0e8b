//! The identity of the cluster in the ledger.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

/// How often a namespace is read whose uid is not known yet.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The uid by which the ledger knows this cluster: the given one, else that of the namespace kube-system, or of the operator's own.
pub(crate) async fn cluster_id(given: Option<&str>, own_namespace: &str, client: &Client) -> String {
    if let Some(id) = given {
        return id.to_owned();
    }
    let mut logged = false;
    loop {
        let mut refused = true;
        for name in ["kube-system", own_namespace] {
            match Api::<Namespace>::all(client.clone()).get_metadata(name).await {
                Ok(namespace) => {
                    if let Some(uid) = namespace.uid() {
                        return uid;
                    }
                    refused = false;
                }
                // An operator that serves some namespaces only may not be allowed to read others.
                Err(kube::Error::Api(status)) if status.is_forbidden() => {}
                Err(error) => {
                    tracing::warn!(
                        error = vaultstream_program::chain(&error),
                        name,
                        "the uid of a namespace cannot be read; trying again"
                    );
                    refused = false;
                    break;
                }
            }
        }
        if refused && !logged {
            tracing::warn!(
                "the operator may read neither the namespace kube-system nor its own, {}, whose uid names this cluster in the \
                 ledger. Grant `get` on one of them, or set --cluster-id; waiting for it",
                own_namespace
            );
            logged = true;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}
