//! Discovery: which groups, versions and resources the API has, as the API server and kubectl ask. It responds whatever else is
//! down.

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::api::{BACKLOG_RECORDS, DESIRED_WORKERS, GROUP, LAG_MILLISECONDS, VERSION, failure};

/// The routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/apis", get(|headers: HeaderMap| async move { plain(&headers, groups()) }))
        .route("/apis/external.metrics.k8s.io", get(|| async { Json(group()) }))
        .route("/apis/external.metrics.k8s.io/v1beta1", get(|| async { Json(resources()) }))
}

/// Aggregated discovery is not offered. A client that accepts nothing else gets 406, and then asks for the plain form. A
/// response of another type than was asked for would make the API seem broken (kubernetes#119662).
fn plain(headers: &HeaderMap, body: Value) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let takes_plain = accepted.split(',').map(str::trim).any(|kind| !kind.contains("as=APIGroupDiscoveryList"));
    if takes_plain {
        Json(body).into_response()
    } else {
        failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", "only application/json is offered").into_response()
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
        "resources": [resource(BACKLOG_RECORDS), resource(DESIRED_WORKERS), resource(LAG_MILLISECONDS)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_accepts_only_aggregated_discovery_is_refused() {
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
