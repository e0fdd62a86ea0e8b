//! The names of the served API, and its errors.

use axum::{Json, http::StatusCode};
use serde_json::{Value, json};

/// The group and version that are served.
pub(super) const GROUP: &str = "external.metrics.k8s.io";
pub(super) const VERSION: &str = "v1beta1";

/// Records neither signed nor rejected, of one job.
pub(crate) const BACKLOG_RECORDS: &str = "vaultstream_backlog_records";
/// Workers that the backlog needs, of one job.
pub(crate) const DESIRED_WORKERS: &str = "vaultstream_desired_workers";

/// How late a job is that follows its table, in milliseconds, as far as more workers could shorten that; of a job with a target for it.
pub(crate) const LAG_MILLISECONDS: &str = "vaultstream_lag_milliseconds";

/// An error as the API server returns it: a `Status`.
pub(super) fn failure(code: StatusCode, reason: &str, message: &str) -> (StatusCode, Json<Value>) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": message,
    });
    (code, Json(status))
}
