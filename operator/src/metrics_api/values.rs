//! The values: one item for each job that signs, selected by the job's name. An unknown value is 503, never a number.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use vaultstream_api::names::JOB_LABEL;

use super::api::{BACKLOG_RECORDS, DESIRED_WORKERS, GROUP, LAG_MILLISECONDS, VERSION, failure};
use crate::scaling::backlog_cache::{BacklogCache, JobLoad};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selection {
    #[serde(default)]
    label_selector: String,
}

pub(super) async fn get(
    State(backlog): State<BacklogCache>,
    Path((namespace, metric)): Path<(String, String)>,
    Query(selection): Query<Selection>,
) -> Response {
    let read: fn(&JobLoad) -> Option<u64> = match metric.as_str() {
        BACKLOG_RECORDS => |load| Some(load.backlog),
        DESIRED_WORKERS => |load| Some(load.desired_workers.into()),
        LAG_MILLISECONDS => lag,
        _ => {
            let message =
                format!("unknown metric {metric:?}: use {BACKLOG_RECORDS}, {DESIRED_WORKERS} or {LAG_MILLISECONDS}");
            return failure(StatusCode::NOT_FOUND, "NotFound", &message).into_response();
        }
    };
    let job = match job_of(&selection.label_selector) {
        Ok(job) => job,
        Err(message) => return failure(StatusCode::BAD_REQUEST, "BadRequest", &message).into_response(),
    };
    match backlog.in_namespace(&namespace) {
        Ok(jobs) => {
            let chosen = jobs.iter().filter(|load| job.is_none_or(|job| load.name == job));
            let items: Vec<Value> = chosen.filter_map(|load| Some(item(&metric, load, read(load)?))).collect();
            let list = json!({
                "kind": "ExternalMetricValueList", "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": {}, "items": items,
            });
            Json(list).into_response()
        }
        Err(unknown) => {
            failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", &unknown.to_string()).into_response()
        }
    }
}

fn lag(load: &JobLoad) -> Option<u64> {
    let lateness = load.following.as_ref()?.lateness?;
    Some(u64::try_from(lateness.counted().as_millis()).unwrap_or(u64::MAX))
}

fn item(metric: &str, load: &JobLoad, value: u64) -> Value {
    json!({
        "metricName": metric, "metricLabels": {JOB_LABEL: load.name}, "timestamp": Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string(),
        "value": value.to_string(),
    })
}

/// The job that a label selector names. An empty selector selects all of the namespace.
fn job_of(selector: &str) -> Result<Option<&str>, String> {
    if selector.is_empty() {
        return Ok(None);
    }
    let named = selector.split_once('=').map(|(label, value)| (label, value.trim_start_matches('=')));
    match named {
        Some((JOB_LABEL, job)) if !job.contains([',', '=']) => Ok(Some(job)),
        _ => Err(format!("the label selector {selector:?} is not of the form {JOB_LABEL}=NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_selected_by_its_label_and_nothing_else() {
        assert_eq!(job_of(""), Ok(None));
        assert_eq!(job_of("vaultstream.dev/job=invoices"), Ok(Some("invoices")));
        assert_eq!(job_of("vaultstream.dev/job==invoices"), Ok(Some("invoices")));
        for other in ["job=invoices", "vaultstream.dev/job!=a", "vaultstream.dev/job=a,b=c", "vaultstream.dev/job"] {
            assert!(job_of(other).is_err(), "{other}");
        }
    }
}
