//! A proxy between an operator and the API server. It does what networks and busy API servers do: it refuses a write, loses the
//! write or its response, and brings watch events late or never.
//!
//! ```text
//! operator ─TLS, with the proxy's own certificate─▶ proxy ─▶ API server, with the operator's own token
//!    a write: counted by job and kind ─▶ writes:  passed, refused, lost, applied and not answered, or stalled
//!    a watch: line by line            ─▶ watches: passed, held, missed until a relist, or cut
//! ```

mod body;
mod watches;
mod writes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use body::{BoxError, ProxyBody};
pub(crate) use watches::{WatchFault, Watches};
pub(crate) use writes::{Write, WriteFault, Writes};

use crate::harness::admin_kubeconfig;

pub(crate) struct ApiProxy {
    address: SocketAddr,
    certificate: String,
    pub(crate) writes: Arc<Writes>,
    pub(crate) watches: Arc<Watches>,
    serving: JoinHandle<()>,
}

/// What a connection uses.
#[derive(Clone)]
struct Way {
    /// It has no identity of its own: each request brings the operator's.
    api_server: Client,
    writes: Arc<Writes>,
    watches: Arc<Watches>,
}

impl ApiProxy {
    pub(crate) async fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()]).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let tls = tls.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Way { api_server: anonymous().await, writes: Arc::default(), watches: Arc::default() };
        let (writes, watches) = (Arc::clone(&way.writes), Arc::clone(&way.watches));
        let serving = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), way));
        Self { address, certificate: cert.pem(), writes, watches, serving }
    }

    /// A copy of a kubeconfig that leads through this proxy.
    pub(crate) fn kubeconfig(&self, original: &Path) -> PathBuf {
        let mut config: Value = serde_json::from_slice(&std::fs::read(original).unwrap()).unwrap();
        let beside = |extension: &str| original.with_extension(format!("{}.{extension}", self.address.port()));
        let (copy, authority) = (beside("conf"), beside("crt"));
        std::fs::write(&authority, &self.certificate).unwrap();
        config["clusters"][0]["cluster"] =
            json!({"server": format!("https://{}", self.address), "certificate-authority": authority});
        std::fs::write(&copy, config.to_string()).unwrap();
        copy
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn anonymous() -> Client {
    let mut kubeconfig: Kubeconfig = admin_kubeconfig();
    for user in &mut kubeconfig.auth_infos {
        user.auth_info = Some(AuthInfo::default());
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (tcp, _) = accepted.unwrap();
                let (tls, way) = (tls.clone(), way.clone());
                connections.spawn(async move {
                    let Ok(stream) = tls.accept(tcp).await else { return };
                    let service = service_fn(move |request| pass(way.clone(), request));
                    // An error of the service ends the connection without a response.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn pass(way: Way, request: Request<Incoming>) -> Result<Response<ProxyBody>, BoxError> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    head.headers.remove(HOST);
    let is_read = head.method == Method::GET;
    let fault = if is_read { None } else { way.writes.decide(&head.method, head.uri.path(), &body) };
    match fault {
        Some(WriteFault::Refused) => return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")),
        Some(WriteFault::Conflict) => return Ok(failure(StatusCode::CONFLICT, "Conflict")),
        Some(WriteFault::Lost) => return Err("lost on the way".into()),
        Some(WriteFault::Stalled) => std::future::pending().await,
        Some(WriteFault::Unanswered) | None => {}
    }
    let watched = watches::watched(&head.uri).filter(|_| is_read);
    let response = way.api_server.send(Request::from_parts(head, Body::from(body))).await?;
    if fault == Some(WriteFault::Unanswered) {
        response.into_body().collect_bytes().await?;
        return Err("applied and not answered".into());
    }
    Ok(response.map(|body| match watched {
        Some(resource) => way.watches.through(resource, body),
        None => body.map_err(BoxError::from).boxed_unsync(),
    }))
}

fn failure(code: StatusCode, reason: &str) -> Response<ProxyBody> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "the test refuses this",
        "reason": reason, "code": code.as_u16(),
    });
    let body = Full::from(status.to_string()).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(code).header("Content-Type", "application/json").body(body).unwrap()
}
