//! Requests to the server of a transit key over TLS: a worker sends one or two in its life.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use vaultstream_http::{RequestLimits, Server, authorities};
use zeroize::Zeroizing;

use super::address::KeyAddress;

pub use vaultstream_http::AuthoritiesError;
pub(super) use vaultstream_http::RequestError;

const LIMITS: RequestLimits = RequestLimits { timeout: Duration::from_secs(5), response: 64 << 10 };

/// Room for a request, so that its text is written without moving. The token of a ServiceAccount has one or two KiB.
const REQUEST_ROOM: usize = 8 << 10;

/// A server.
pub(super) struct Https(Server);

/// What a server said.
pub(super) struct Response {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body, which may hold a secret.
    pub(super) body: Zeroizing<Vec<u8>>,
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
        Server::https(&address.host, address.port, authorities(ca)?, LIMITS).map(Self)
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
            .header(CONTENT_TYPE, "application/json")
            // Agents in front of a server want it: a browser cannot be made to send it.
            .header("X-Vault-Request", "true");
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            request = request.header("X-Vault-Token", token);
        }
        let vaultstream_http::Response { status, body } = self.0.send(request, body).await?;
        Ok(Response { status, body })
    }
}
