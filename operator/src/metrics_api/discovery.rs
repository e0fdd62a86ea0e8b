//! What the API server and kubectl ask an aggregated API: which groups, versions and resources it has. Always answered.

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{GROUP, VERSION, failure};

/// Records neither signed nor rejected, of one job.
pub(crate) const BACKLOG_RECORDS: &str = "vaultstream_backlog_records";
/// Workers that the backlog needs, of one job.
pub(crate) const DESIRED_WORKERS: &str = "vaultstream_desired_workers";

/// The routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/apis", get(|headers: HeaderMap| async move { plain(&headers, groups()) }))
        .route("/apis/external.metrics.k8s.io", get(|| async { Json(group()) }))
        .route("/apis/external.metrics.k8s.io/v1beta1", get(|| async { Json(resources()) }))
}

/// Aggregated discovery is not offered: whoever accepts nothing else is told so, and then asks in the plain way. An answer
/// of another type than asked for would be taken for a broken API (kubernetes#119662).
fn plain(headers: &HeaderMap, body: Value) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let takes_plain = accepted.split(',').map(str::trim).any(|kind| !kind.contains("as=APIGroupDiscoveryList"));
    match takes_plain {
        true => Json(body).into_response(),
        false => {
            failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", "only application/json is offered").into_response()
        }
    }
}

fn groups() -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]})
}

fn group() -> Value {
    let version = json!({"groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION});
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": GROUP, "versions": [version], "preferredVersion": version})
}

fn resources() -> Value {
    let resource = |name: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": ["get"]});
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": [resource(BACKLOG_RECORDS), resource(DESIRED_WORKERS)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_only_aggregated_discovery_is_told_that_there_is_none() {
        let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let status = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            plain(&headers, groups()).status()
        };
        assert_eq!(status(aggregated), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(status(&format!("{aggregated},application/json")), StatusCode::OK);
        assert_eq!(plain(&HeaderMap::new(), groups()).status(), StatusCode::OK);
    }
}
