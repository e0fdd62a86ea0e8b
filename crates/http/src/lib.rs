//! One request to a server, on a connection of its own: for callers that send a few in their lives. Redirects are not followed.

mod authorities;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

pub use authorities::{AuthoritiesError, authorities};

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Its time, that of the connection included.
    pub timeout: Duration,
    /// The longest body of a response that is read.
    pub response: usize,
}

/// A server.
pub struct Server {
    /// As in a URL.
    authority: String,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limits: RequestLimits,
}

/// A response.
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its body, which may hold a secret.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
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
    #[error("the request has characters that cannot be sent")]
    Header(#[from] hyper::http::Error),
    /// No response in time.
    #[error("no response within {} s", .0.as_secs())]
    Timeout(Duration),
}

impl Server {
    /// A server that is reached without encryption. Connects to nothing.
    #[must_use]
    pub fn http(host: &str, port: u16, limits: RequestLimits) -> Self {
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Self { authority, host: host.to_owned(), port, tls: None, limits }
    }

    /// A server whose certificate is checked. Connects to nothing.
    ///
    /// # Errors
    /// When no certificate can be checked with these authorities, or none can have this name.
    pub fn https(host: &str, port: u16, roots: RootCertStore, limits: RequestLimits) -> Result<Self, AuthoritiesError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|_| AuthoritiesError::Name)?;
        let tls = Some((TlsConnector::from(Arc::new(config)), name));
        Ok(Self { tls, ..Self::http(host, port, limits) })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When there is no whole response within the limits.
    pub async fn send(&self, request: Builder, body: Bytes) -> Result<Response, RequestError> {
        let request = request.header(HOST, &self.authority).header(CONNECTION, "close").body(Full::new(body))?;
        let timeout = self.limits.timeout;
        tokio::time::timeout(timeout, self.connect_and_send(request))
            .await
            .map_err(|_| RequestError::Timeout(timeout))?
    }

    async fn connect_and_send(&self, request: Request<Full<Bytes>>) -> Result<Response, RequestError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(RequestError::Connect)?;
        let Some((tls, name)) = &self.tls else { return self.exchange(stream, request).await };
        let stream = tls.connect(name.clone(), stream).await.map_err(|error| {
            if is_certificate_error(&error) { RequestError::Certificate(error) } else { RequestError::Connect(error) }
        })?;
        self.exchange(stream, request).await
    }

    async fn exchange<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Response, RequestError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let response = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            // Until here the connection is held open by the sender.
            let body = Limited::new(response.into_body(), self.limits.response).collect().await;
            drop(sender);
            let body = body.map_err(|error| RequestError::Body(error.to_string()))?.to_bytes();
            Ok(Response { status, body: Zeroizing::new(body.to_vec()) })
        };
        // The connection has nothing to tell that the response does not.
        let (response, _) = tokio::join!(response, connection);
        response
    }
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
