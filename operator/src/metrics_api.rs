//! `external.metrics.k8s.io`: what HorizontalPodAutoscalers read, served over HTTPS by every replica.
//!
//! Callers come through the API server's aggregation layer: its front proxy authenticates itself with a client certificate
//! and names the user, whose right to the metric is asked of the API server. An APIService that is not available makes every
//! deletion of a namespace hang, so discovery answers whatever is down, and only values can be unknown (503).
//!
//! Protocol: <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/>.

mod callers;
mod certificate;
mod discovery;
mod front_proxy;
mod identity;
mod values;

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, http::StatusCode, middleware, routing::get};
use kube::Client;
use serde_json::{Value, json};
use tls_listener::TlsListener;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use discovery::{BACKLOG_RECORDS, DESIRED_WORKERS};

use crate::scaling::loads::Loads;
use callers::Callers;
use front_proxy::FrontProxy;
use identity::Identity;

/// The group and version that are served.
pub(crate) const GROUP: &str = "external.metrics.k8s.io";
pub(crate) const VERSION: &str = "v1beta1";

/// Between two looks at the Secret and at the front proxy's authorities; shorter until both were read once.
const REFRESH: Duration = Duration::from_secs(30);
const REFRESH_AT_START: Duration = Duration::from_secs(1);

/// What the rest of the operator knows of a metrics API that is served.
#[derive(Clone)]
pub(crate) struct Served {
    /// The authorities that sign the serving certificate, as PEM; none before it was loaded.
    pub(crate) authorities: watch::Receiver<Option<String>>,
}

impl Served {
    /// Whether the certificate was loaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.authorities.borrow().is_some()
    }
}

/// Begins to serve as the Service `(namespace, name)`, until `stop`.
///
/// # Errors
/// When the TLS library refuses our settings.
pub(crate) fn start(
    listener: TcpListener,
    client: Client,
    (namespace, service): (&str, &str),
    loads: Loads,
    stop: &CancellationToken,
) -> Result<Served, rustls::Error> {
    let identity = Arc::new(Identity::new(client.clone(), namespace, service));
    let front_proxy = Arc::new(FrontProxy::new(client.clone()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::clone(&front_proxy) as _)
        .with_cert_resolver(Arc::clone(&identity) as _);
    let listener = TlsListener::new(TlsAcceptor::from(Arc::new(tls)), listener);
    let callers = Callers::new(client, Arc::clone(&front_proxy));
    let router = Router::new()
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(values::get))
        .route_layer(middleware::from_fn_with_state(callers, callers::authorise))
        .with_state(loads)
        .merge(discovery::router())
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "NotFound", "not found") });
    let (loaded, authorities) = watch::channel(None);
    let stopped = stop.clone();
    tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped.clone().cancelled_owned());
        tokio::select! {
            _ = serving => {}
            () = refresh(&identity, &front_proxy, &loaded) => {}
            () = stopped.cancelled() => {}
        }
    });
    Ok(Served { authorities })
}

/// Keeps the certificate and the front proxy's authorities as the cluster has them.
async fn refresh(identity: &Identity, front_proxy: &FrontProxy, loaded: &watch::Sender<Option<String>>) {
    let mut told = String::new();
    loop {
        let result = async {
            front_proxy.refresh().await.map_err(|error| crate::chain(&error))?;
            identity.refresh().await.map_err(|error| crate::chain(&error))
        };
        let pause = match result.await {
            Ok(authorities) => {
                told.clear();
                loaded.send_if_modified(|known| {
                    let news = known.as_ref() != Some(&authorities);
                    *known = Some(authorities);
                    news
                });
                REFRESH
            }
            Err(error) => {
                if told != error {
                    tracing::warn!(error, "the metrics API cannot renew what it needs; trying again");
                    told = error;
                }
                if loaded.borrow().is_some() { REFRESH } else { REFRESH_AT_START }
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// A `Status` as the API server answers it.
fn failure(code: StatusCode, reason: &str, message: &str) -> (StatusCode, Json<Value>) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": message,
    });
    (code, Json(status))
}
