//! `/metrics`, `/livez` and `/readyz`.
//!
//! Live: the process answers. Ready: Postgres and NATS answer. A worker is not restarted because a dependency is down.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// The port cannot be had, or the server failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Another program listens there, or the address is not ours.
    #[error("failed to listen on {address}: is another program using it? choose another with --http-address")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The server ended.
    #[error("the metrics server failed")]
    Serve(#[source] std::io::Error),
}

/// Takes the port, so that a taken one is told at once.
///
/// # Errors
/// [`HttpError::Listen`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, HttpError> {
    TcpListener::bind(address).await.map_err(|source| HttpError::Listen { address, source })
}

/// Serves until `stop`.
///
/// # Errors
/// [`HttpError::Serve`].
pub async fn serve(listener: TcpListener, worker: Worker, stop: CancellationToken) -> Result<(), HttpError> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(worker);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await.map_err(HttpError::Serve)
}

async fn metrics(State(worker): State<Worker>) -> impl IntoResponse {
    match worker.metrics().encode() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn ready(State(worker): State<Worker>) -> impl IntoResponse {
    if worker.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "a dependency does not answer\n")
    }
}
