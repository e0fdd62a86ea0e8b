//! Checks that the SigningJob type in the cluster has every field that this operator reads. The API server silently drops
//! fields that the type does not have: under an older type a job would not be signed as its author wrote.

use std::time::Duration;

use axum::http::Request;
use kube::Client;
use serde_json::Value;
use tokio::sync::watch;

/// Every authenticated account may read it (the role system:discovery).
const SCHEMA_PATH: &str = "/openapi/v3/apis/vaultstream.dev/v1alpha1";
/// How often the type is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The first field that the type in the cluster lacks, such as `spec.workers.maxRecordsPerSecond`.
async fn missing_field(client: &Client) -> Result<Option<String>, kube::Error> {
    let request = Request::get(SCHEMA_PATH).body(Vec::new()).map_err(kube::Error::HttpError)?;
    let published: Value = client.request(request).await?;
    let schemas = published.pointer("/components/schemas").and_then(Value::as_object);
    let is_ours = |schema: &&Value| {
        schema.pointer("/x-kubernetes-group-version-kind/0/kind").and_then(Value::as_str) == Some("SigningJob")
    };
    let theirs = schemas.into_iter().flat_map(|schemas| schemas.values()).find(is_ours);
    Ok(theirs.and_then(|theirs| first_missing(vaultstream_api::schema(), theirs, "")))
}

/// Checks once. The first check is made before the first job is read.
pub(crate) async fn check(client: &Client, missing_field_sender: &watch::Sender<Option<String>>) {
    match missing_field(client).await {
        Ok(missing) => {
            if let Some(field) = &missing {
                tracing::warn!(
                    field,
                    "the SigningJob type in this cluster is older than this operator: upgrade the CRD"
                );
            }
            missing_field_sender.send_if_modified(|known| {
                let changed = *known != missing;
                *known = missing;
                changed
            });
        }
        Err(error) => tracing::debug!(error = vaultstream_program::chain(&error), "the type's schema cannot be read"),
    }
}

/// Checks until it is dropped.
pub(crate) async fn check_for_ever(client: &Client, missing_field_sender: &watch::Sender<Option<String>>) {
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        check(client, missing_field_sender).await;
    }
}

/// The path of a property that `ours` has and `theirs` has not.
fn first_missing(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    // The API server drops nothing there.
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
            // What every object has is not described here.
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
    fn the_same_type_lacks_nothing_and_one_that_keeps_unknown_fields_drops_nothing() {
        assert_eq!(first_missing(schema(), schema(), ""), None);
        let lax = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        assert_eq!(first_missing(schema(), &lax, ""), None);
    }

    #[test]
    fn a_missing_field_is_named_by_its_path() {
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
