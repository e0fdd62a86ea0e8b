//! `external.metrics.k8s.io`: what HorizontalPodAutoscalers read, served over HTTPS by every replica.
//!
//! Callers come through the API server's aggregation layer. Its front proxy authenticates itself with a client certificate and
//! names the user, and the API server is asked whether that user may read the metric. While an APIService is unavailable, no
//! namespace can be deleted. So discovery always responds, and only values can be unknown (503).
//!
//! Protocol: <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/>.

mod api;
mod callers;
mod certificate;
mod discovery;
mod front_proxy;
mod identity;
mod values;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, middleware, routing::get};
use kube::Client;
use parking_lot::RwLock;
use tls_listener::TlsListener;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use api::{BACKLOG_RECORDS, DESIRED_WORKERS, LAG_MILLISECONDS};

use api::failure;
use callers::CallerAuthorizer;
use front_proxy::FrontProxy;
use identity::ServingIdentity;

use crate::scaling::backlog_cache::BacklogCache;

/// How often the Secret and the front proxy's authorities are read: more often until both were read once.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
const FIRST_REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// A metrics API that is served.
#[derive(Clone)]
pub(crate) struct MetricsApi {
    /// The authorities that sign the serving certificate, as PEM; `None` before it was loaded.
    pub(crate) authorities: watch::Receiver<Option<String>>,
    /// Why HorizontalPodAutoscalers do not read it.
    fault: Arc<RwLock<Option<String>>>,
}

impl MetricsApi {
    /// Whether the certificate was loaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.authorities.borrow().is_some()
    }

    /// Why HorizontalPodAutoscalers do not read it; `None` when they do.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.read().clone()
    }

    pub(crate) fn set_fault(&self, fault: Option<String>) {
        *self.fault.write() = fault;
    }
}

/// Starts to serve as the Service `(namespace, name)`, until `stop`, with the certificate of a folder or with one of its own.
///
/// # Errors
/// When the TLS library refuses the settings.
pub(crate) fn start(
    listener: TcpListener,
    client: Client,
    (namespace, service): (&str, &str),
    certificate: Option<PathBuf>,
    backlog: BacklogCache,
    stop: &CancellationToken,
) -> Result<MetricsApi, rustls::Error> {
    let identity = Arc::new(ServingIdentity::new(client.clone(), namespace, service, certificate));
    let front_proxy = Arc::new(FrontProxy::new(client.clone()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::clone(&front_proxy) as _)
        .with_cert_resolver(Arc::clone(&identity) as _);
    let listener = TlsListener::new(TlsAcceptor::from(Arc::new(tls)), listener);
    let callers = CallerAuthorizer::new(client, Arc::clone(&front_proxy));
    let router = Router::new()
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(values::get))
        .route_layer(middleware::from_fn_with_state(callers, callers::authorise))
        .with_state(backlog)
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
    let fault = Arc::new(RwLock::new(Some("only the leader looks whose it is".to_owned())));
    Ok(MetricsApi { authorities, fault })
}

/// Keeps the certificate and the front proxy's authorities up to date.
async fn refresh(identity: &ServingIdentity, front_proxy: &FrontProxy, loaded: &watch::Sender<Option<String>>) {
    let mut logged = String::new();
    loop {
        let result = async {
            front_proxy.refresh().await.map_err(|error| vaultstream_program::chain(&error))?;
            identity.refresh().await.map_err(|error| vaultstream_program::chain(&error))
        };
        let delay = match result.await {
            Ok(authorities) => {
                logged.clear();
                loaded.send_if_modified(|known| {
                    let changed = known.as_ref() != Some(&authorities);
                    *known = Some(authorities);
                    changed
                });
                REFRESH_INTERVAL
            }
            Err(error) => {
                if logged != error {
                    tracing::warn!(error, "the metrics API cannot renew what it needs; trying again");
                    logged = error;
                }
                if loaded.borrow().is_some() { REFRESH_INTERVAL } else { FIRST_REFRESH_INTERVAL }
            }
        };
        tokio::time::sleep(delay).await;
    }
}
