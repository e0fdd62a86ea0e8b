//! `/metrics`, `/livez` and `/readyz`.
//!
//! Ready: the SigningJob type is known to the API server, all watches have seen what is there, and the metrics API, where it
//! is served, has its certificate. Postgres and NATS make nobody unready: `/readyz?verbose` tells of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    dependencies::Dependencies, metrics::Metrics, metrics_api::MetricsApi, scaling::backlog_cache::BacklogCache,
};

/// What the answers are made of.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) metrics: Metrics,
    pub(crate) dependencies: Dependencies,
    pub(crate) backlog: BacklogCache,
    pub(crate) ready: Arc<AtomicBool>,
    /// Our metrics API, where it is served.
    pub(crate) metrics_api: Option<MetricsApi>,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    probes: Probes,
    stop: CancellationToken,
) -> Result<(), std::io::Error> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(probes);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn metrics(State(probes): State<Probes>) -> impl IntoResponse {
    match probes.metrics.encode(&probes.dependencies, &probes.backlog) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn ready(State(probes): State<Probes>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let why_not =
        match (probes.ready.load(Ordering::Relaxed), probes.metrics_api.as_ref().is_none_or(MetricsApi::is_loaded)) {
            (true, true) => None,
            (false, _) => Some("the SigningJob type is not known, or watches are not synced"),
            (true, false) => Some("the certificate of the metrics API is not loaded"),
        };
    let status = if why_not.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = format!("{}\n", why_not.unwrap_or("ok"));
    if query.is_some_and(|query| query.starts_with("verbose")) {
        let tell = |name: &str, fault: Option<String>| format!("{name}: {}\n", fault.as_deref().unwrap_or("ok"));
        text += &tell("postgres", probes.dependencies.ledger().err().map(|fault| fault.message));
        text += &tell("nats", probes.dependencies.streams().err().map(|fault| fault.message));
    }
    (status, text)
}
