//! Whether the SigningJob type in the cluster has every field that this operator reads. The API server drops what the type does
//! not have, without a word: under an older type a job would be signed otherwise than its author wrote.

use std::time::Duration;

use axum::http::Request;
use kube::Client;
use serde_json::Value;
use tokio::sync::watch;

/// Every authenticated account may read it (the role system:discovery).
const PUBLISHED: &str = "/openapi/v3/apis/vaultstream.dev/v1alpha1";
const EVERY: Duration = Duration::from_secs(60);

/// The first field that the type in the cluster lacks, such as `spec.workers.maxRecordsPerSecond`.
async fn lacking(client: &Client) -> Result<Option<String>, kube::Error> {
    let request = Request::get(PUBLISHED).body(Vec::new()).map_err(kube::Error::HttpError)?;
    let published: Value = client.request(request).await?;
    let schemas = published.pointer("/components/schemas").and_then(Value::as_object);
    let is_ours = |schema: &&Value| {
        schema.pointer("/x-kubernetes-group-version-kind/0/kind").and_then(Value::as_str) == Some("SigningJob")
    };
    let theirs = schemas.into_iter().flat_map(|schemas| schemas.values()).find(is_ours);
    Ok(theirs.and_then(|theirs| first_missing(vaultstream_api::schema(), theirs, "")))
}

/// Looks once: before the first job is read.
pub(crate) async fn look(client: &Client, outdated: &watch::Sender<Option<String>>) {
    match lacking(client).await {
        Ok(lacking) => {
            if let Some(field) = &lacking {
                tracing::warn!(
                    field,
                    "the SigningJob type in this cluster is older than this operator: upgrade the CRD"
                );
            }
            outdated.send_if_modified(|known| {
                let news = *known != lacking;
                *known = lacking;
                news
            });
        }
        Err(error) => tracing::debug!(error = crate::chain(&error), "the type's schema cannot be read"),
    }
}

/// Looks again and again, until it is dropped.
pub(crate) async fn watch_for_ever(client: &Client, outdated: &watch::Sender<Option<String>>) {
    loop {
        tokio::time::sleep(EVERY).await;
        look(client, outdated).await;
    }
}

/// The path of a property that `ours` has and `theirs` has not.
fn first_missing(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    // Nothing is dropped there.
    if theirs.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        return None;
    }
    let in_lists = || first_missing(ours.get("items")?, theirs.get("items")?, path);
    let in_maps = || {
        let [ours, theirs] = [ours, theirs].map(|schema| schema.get("additionalProperties"));
        first_missing(ours?, theirs?, path)
    };
    let properties = ours.get("properties").and_then(Value::as_object);
    let in_properties = properties.into_iter().flatten().find_map(|(name, ours)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match theirs.get("properties").and_then(|properties| properties.get(name)) {
            Some(theirs) => first_missing(ours, theirs, &path),
            // What every object has is described elsewhere.
            None if matches!(path.as_str(), "apiVersion" | "kind" | "metadata") => None,
            None => Some(path),
        }
    });
    in_properties.or_else(in_lists).or_else(in_maps)
}

#[cfg(test)]
mod tests {
    use vaultstream_api::schema;

    use super::*;

    #[test]
    fn the_same_type_lacks_nothing_and_a_lax_one_drops_nothing() {
        assert_eq!(first_missing(schema(), schema(), ""), None);
        let lax = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        assert_eq!(first_missing(schema(), &lax, ""), None);
    }

    #[test]
    fn a_field_that_is_not_there_is_named_by_its_path() {
        for field in ["spec.workers.maxRecordsPerSecond", "status.receipt", "spec.keys.lease.duration"] {
            let mut older = schema().clone();
            let (parents, name) = field.rsplit_once('.').unwrap();
            let pointer: String = parents.split('.').map(|part| format!("/properties/{part}")).collect();
            let parent = older.pointer_mut(&pointer).unwrap();
            parent["properties"].as_object_mut().unwrap().remove(name).unwrap();
            assert_eq!(first_missing(schema(), &older, "").as_deref(), Some(field));
        }
    }
}
