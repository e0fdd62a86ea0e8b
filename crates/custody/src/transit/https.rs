//! One request to a server over TLS, on a connection of its own: a worker sends one or two in its life.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::address::KeyAddress;

/// How long a server may take for one request, its connection included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest response that is read.
const RESPONSE_LIMIT: usize = 64 << 10;

/// Room for a request, so that its text is written without moving. The token of a ServiceAccount has one or two KiB.
const REQUEST_ROOM: usize = 8 << 10;

/// A server.
pub(super) struct Https {
    /// As in the URL.
    authority: String,
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// What a server said.
pub(super) struct Response {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body, which may hold a secret.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// No certificate can be checked with these authorities.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// Missing, unreadable, or not PEM.
    #[error("failed to read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("{} contains no certificate", .0.display())]
    Empty(PathBuf),
    /// The certificates are not those of authorities.
    #[error("the certificate authorities are not usable")]
    Authorities(#[from] rustls::Error),
    /// The server's name cannot stand in a certificate.
    #[error("the host of the key-encryption key's URL is no name or address of a server")]
    Name,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// The server does not accept a connection.
    #[error("failed to connect")]
    Connect(#[source] io::Error),
    /// The server's certificate is not accepted, which waiting does not mend.
    #[error("its certificate is not trusted")]
    Certificate(#[source] io::Error),
    /// The exchange broke off.
    #[error("failed to exchange a request")]
    Http(#[from] hyper::Error),
    /// The response is too long, or broke off.
    #[error("failed to read its response: {0}")]
    Body(String),
    /// A header has characters that none may have.
    #[error("a namespace or a token has characters that cannot be sent")]
    Header(#[from] hyper::http::Error),
    /// No response in time.
    #[error("no response within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
}

/// The text of a request, in memory that is wiped after the last use of it. TLS and HTTP buffer what they send and receive, which is not
/// wiped.
pub(super) fn json(request: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut text = Zeroizing::new(Vec::with_capacity(REQUEST_ROOM));
    serde_json::to_writer(&mut *text, request)?;
    Ok(Bytes::from_owner(text))
}

impl Response {
    /// Its body.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Positions only: the text of other errors may quote the body.
            format!("its response is not what was asked for, at line {} and column {}", error.line(), error.column())
        })
    }
}

impl Https {
    /// The server of an address. Connects to nothing.
    pub(super) fn new(address: &KeyAddress, ca: Option<&Path>) -> Result<Self, AuthoritiesError> {
        let KeyAddress { host, port, .. } = address;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities(ca)?)
            .with_no_client_auth();
        Ok(Self {
            authority: if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") },
            host: host.clone(),
            port: *port,
            name: ServerName::try_from(host.clone()).map_err(|_| AuthoritiesError::Name)?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Sends a request.
    pub(super) async fn post(
        &self,
        path: &str,
        namespace: Option<&str>,
        token: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Response, RequestError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.authority)
            .header(CONNECTION, "close")
            .header(CONTENT_TYPE, "application/json")
            // Agents in front of a server want it: a browser cannot be made to send it.
            .header("X-Vault-Request", "true");
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            request = request.header("X-Vault-Token", token);
        }
        let exchange = self.exchange(request.body(Full::new(body))?);
        tokio::time::timeout(REQUEST_TIMEOUT, exchange).await.map_err(|_| RequestError::Timeout)?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response, RequestError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(RequestError::Connect)?;
        let stream = self.tls.connect(self.name.clone(), stream).await.map_err(|error| {
            if is_certificate_error(&error) { RequestError::Certificate(error) } else { RequestError::Connect(error) }
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let response = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            // Until here the connection is held open by the sender.
            let body = Limited::new(response.into_body(), RESPONSE_LIMIT).collect().await;
            drop(sender);
            let body = body.map_err(|error| RequestError::Body(error.to_string()))?.to_bytes();
            Ok(Response { status, body: Zeroizing::new(body.to_vec()) })
        };
        // The connection has nothing to tell that the response does not.
        let (response, _) = tokio::join!(response, connection);
        response
    }
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, AuthoritiesError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // A certificate of the system's store that cannot be read is left out.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unreadable = |source| AuthoritiesError::File { path: path.to_owned(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    if roots.is_empty() { Err(AuthoritiesError::Empty(path.to_owned())) } else { Ok(roots) }
}

fn is_certificate_error(error: &io::Error) -> bool {
    let mut cause = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}
