//! The admin server of a program that runs for long: `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` says that the process responds, and nothing else: a program is not restarted because a dependency is down.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the admin server asks its program.
pub trait Probes: Clone + Send + Sync + 'static {
    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When one cannot be encoded.
    fn metrics(&self) -> Result<String, prometheus::Error>;

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
    let serving = axum::serve(listener, router(probes)).with_graceful_shutdown(stop.cancelled_owned());
    serving.await.map_err(ServeError::Serve)
}

fn router<P: Probes>(probes: P) -> Router {
    Router::new()
        .route("/metrics", get(metrics::<P>))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready::<P>))
        .with_state(probes)
}

async fn metrics<P: Probes>(State(probes): State<P>) -> impl IntoResponse {
    match probes.metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
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
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Clone)]
    struct Fake {
        unready: Option<&'static str>,
    }

    impl Probes for Fake {
        fn metrics(&self) -> Result<String, prometheus::Error> {
            Ok("up 1\n".to_owned())
        }

        fn unready(&self) -> Option<&'static str> {
            self.unready
        }

        fn dependencies(&self) -> Vec<(&'static str, Option<String>)> {
            vec![("postgres", None), ("nats", Some("no route".to_owned()))]
        }
    }

    async fn get(path: &str, unready: Option<&'static str>) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(Fake { unready }).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_program_that_is_not_ready_lives_and_says_why() {
        let why = Some("a dependency is down");
        assert_eq!(get("/livez", why).await, (200, "ok\n".to_owned()));
        assert_eq!(get("/readyz", why).await, (503, "a dependency is down\n".to_owned()));
        assert_eq!(get("/readyz", None).await, (200, "ok\n".to_owned()));
        assert_eq!(get("/metrics", why).await, (200, "up 1\n".to_owned()));
        assert_eq!(get("/nonsense", None).await.0, 404);
    }

    #[tokio::test]
    async fn dependencies_are_listed_where_they_are_asked_for() {
        assert_eq!(get("/readyz?verbose", None).await, (200, "ok\npostgres: ok\nnats: no route\n".to_owned()));
    }
}
