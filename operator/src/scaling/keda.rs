//! The read-only port that KEDA's `metrics-api` trigger reads: how many workers a job's backlog needs. KEDA takes any status
//! but 200 for an error, and without a `fallback` it then keeps the number of workers.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::backlog_cache::BacklogCache;

/// The path of a job's number of workers.
pub(crate) fn path(namespace: &str, job: &str) -> String {
    format!("/v1/namespaces/{namespace}/jobs/{job}/scaling")
}

/// The field of the response that KEDA reads.
pub(crate) const FIELD: &str = "desiredWorkers";

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    backlog: BacklogCache,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new().route(&path("{namespace}", "{job}"), get(desired)).with_state(backlog);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn desired(State(backlog): State<BacklogCache>, Path((namespace, job)): Path<(String, String)>) -> Response {
    let found = backlog.in_namespace(&namespace).map(|jobs| jobs.into_iter().find(|load| load.name == job));
    match found {
        Ok(Some(load)) => Json(json!({"backlogRecords": load.backlog, FIELD: load.desired_workers})).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "this job is not running\n").into_response(),
        Err(unknown) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unknown}\n")).into_response(),
    }
}
