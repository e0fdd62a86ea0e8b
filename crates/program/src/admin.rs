//! The admin server of a program that runs for long: `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` says that the process responds, and nothing else: a program is not restarted because a dependency is down.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Exposition, Format};

/// What the admin server asks its program.
pub trait Probes: Clone + Send + Sync + 'static {
    /// All metrics.
    fn metrics(&self) -> Exposition;

    /// Why the program is not ready; `None` when it is.
    fn unready(&self) -> Option<&'static str>;

    /// Each dependency with what is wrong with it, for `/readyz?verbose`.
    fn dependencies(&self) -> Vec<(&'static str, Option<String>)> {
        Vec::new()
    }
}

/// The port cannot be had, or the server failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there, or the address is not ours.
    #[error("failed to listen on {address}: is another program using it? choose another with {option}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The server ended.
    #[error("the admin server failed")]
    Serve(#[source] std::io::Error),
}

/// Takes the port that `option` names, so that a taken one is reported at once.
///
/// # Errors
/// [`ServeError::Listen`].
pub async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, option, source })
}

/// Serves until `stop`.
///
/// # Errors
/// [`ServeError::Serve`].
pub async fn serve(listener: TcpListener, probes: impl Probes, stop: CancellationToken) -> Result<(), ServeError> {
    serve_beside(listener, probes, Router::new(), stop).await
}

/// Serves until `stop`, and `more` beside the admin server's own paths.
///
/// # Errors
/// [`ServeError::Serve`].
pub async fn serve_beside(
    listener: TcpListener,
    probes: impl Probes,
    more: Router,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let serving = axum::serve(listener, router(probes).merge(more)).with_graceful_shutdown(stop.cancelled_owned());
    serving.await.map_err(ServeError::Serve)
}

fn router<P: Probes>(probes: P) -> Router {
    Router::new()
        .route("/metrics", get(metrics::<P>))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready::<P>))
        .with_state(probes)
}

async fn metrics<P: Probes>(State(probes): State<P>, headers: HeaderMap) -> impl IntoResponse {
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted_by(&accepted.join(","));
    match probes.metrics().text(format) {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn ready<P: Probes>(State(probes): State<P>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let unready = probes.unready();
    let status = if unready.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = format!("{}\n", unready.unwrap_or("ok"));
    if query.is_some_and(|query| query.starts_with("verbose")) {
        for (name, fault) in probes.dependencies() {
            text += &format!("{name}: {}\n", fault.as_deref().unwrap_or("ok"));
        }
    }
    (status, text)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, request::Builder},
    };
    use prometheus::{IntGauge, Registry};
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Clone)]
    struct Fake {
        unready: Option<&'static str>,
    }

    impl Probes for Fake {
        fn metrics(&self) -> Exposition {
            let registry = Registry::new();
            let up = IntGauge::new("up", "Up.").unwrap();
            up.set(1);
            registry.register(Box::new(up)).unwrap();
            Exposition::of(&registry, &[])
        }

        fn unready(&self) -> Option<&'static str> {
            self.unready
        }

        fn dependencies(&self) -> Vec<(&'static str, Option<String>)> {
            vec![("postgres", None), ("nats", Some("no route".to_owned()))]
        }
    }

    async fn get(path: &str, unready: Option<&'static str>) -> (u16, String) {
        let (status, _, body) = response(Request::get(path), unready).await;
        (status, body)
    }

    async fn response(request: Builder, unready: Option<&'static str>) -> (u16, String, String) {
        let response = router(Fake { unready }).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn metrics_are_prometheus_text_unless_openmetrics_is_preferred() {
        let why = Some("a dependency is down");
        let request = || Request::get("/metrics");
        let text = "# HELP up Up.\n# TYPE up gauge\nup 1\n";
        assert_eq!(response(request(), why).await, (200, prometheus::TEXT_FORMAT.to_owned(), text.to_owned()));
        let request = request().header("accept", "application/openmetrics-text; version=1.0.0");
        let (status, content_type, body) = response(request.header("accept", "text/plain;q=0.5"), why).await;
        assert_eq!((status, body.as_str()), (200, "# HELP up Up.\n# TYPE up gauge\nup 1.0\n# EOF\n"));
        assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    }

    #[tokio::test]
    async fn a_program_that_is_not_ready_lives_and_says_why() {
        let why = Some("a dependency is down");
        assert_eq!(get("/livez", why).await, (200, "ok\n".to_owned()));
        assert_eq!(get("/readyz", why).await, (503, "a dependency is down\n".to_owned()));
        assert_eq!(get("/readyz", None).await, (200, "ok\n".to_owned()));
        assert_eq!(get("/nonsense", None).await.0, 404);
    }

    #[tokio::test]
    async fn dependencies_are_listed_where_they_are_asked_for() {
        assert_eq!(get("/readyz?verbose", None).await, (200, "ok\npostgres: ok\nnats: no route\n".to_owned()));
    }
}
