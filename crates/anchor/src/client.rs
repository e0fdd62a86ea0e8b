//! An authority, asked over HTTP (RFC 3161 §3.4). A token is signed, so that a connection without encryption does no harm to it.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use der::asn1::ObjectIdentifier;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode, Uri};
use vaultstream_http::{AuthoritiesError, RequestError, RequestLimits, Server, authorities};
use vaultstream_signing::Hash;

use crate::request::TimestampRequest;
use crate::response::{self, ResponseError};
use crate::{TOKEN_LIMIT, Token, TokenError};

const LIMITS: RequestLimits = RequestLimits { timeout: Duration::from_secs(10), response: TOKEN_LIMIT + (4 << 10) };

/// An authority.
pub struct Tsa {
    server: Server,
    /// Path and query of its URL.
    path: String,
}

/// Why an authority cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum TsaUrlError {
    /// Not a URL.
    #[error("it is not an http or https URL with a host, and without a user")]
    Url,
    /// No certificate can be checked.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
}

/// Why there is no token of an authority. Asking again later may help.
#[derive(Debug, thiserror::Error)]
pub enum TsaError {
    /// The policy that was asked for is not an object identifier.
    #[error("the policy is not an object identifier")]
    Policy,
    /// The request could not be written.
    #[error("failed to write the request")]
    Encode(#[source] der::Error),
    /// No response.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Another status than 200.
    #[error("it responded with {0}")]
    Status(StatusCode),
    /// A response without a token.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// A token that is not the one that was asked for.
    #[error("its token is not usable: {0}")]
    Token(#[from] TokenError),
}

impl Tsa {
    /// The authority at a URL. Its server's certificate is checked with the authorities in the PEM file `ca`, or those of the system.
    /// Connects to nothing.
    ///
    /// # Errors
    /// When the URL cannot be used, or no certificate can be checked.
    pub fn new(url: &str, ca: Option<&Path>) -> Result<Self, TsaUrlError> {
        let uri = Uri::from_str(url).map_err(|_| TsaUrlError::Url)?;
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(TsaUrlError::Url)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let server = match uri.scheme_str() {
            Some("http") => Server::http(host, authority.port_u16().unwrap_or(80), LIMITS),
            Some("https") => Server::https(host, authority.port_u16().unwrap_or(443), authorities(ca)?, LIMITS)?,
            _ => return Err(TsaUrlError::Url),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { server, path })
    }

    /// Asks for a token over `digest`, an SHA-256, under `policy` or that of the authority's choice. The token is checked, but for its
    /// chain.
    ///
    /// # Errors
    /// When there is no token, or not the one that was asked for.
    pub async fn timestamp(&self, digest: &Hash, policy: Option<&str>) -> Result<Vec<u8>, TsaError> {
        let oid = policy.map(ObjectIdentifier::new).transpose().map_err(|_| TsaError::Policy)?;
        let request = TimestampRequest::new(*digest, oid).map_err(TsaError::Encode)?;
        let body = Bytes::from(request.to_der().map_err(TsaError::Encode)?);
        let head = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(CONTENT_TYPE, "application/timestamp-query")
            .header(ACCEPT, "application/timestamp-reply");
        let response = self.server.send(head, body).await?;
        if response.status != StatusCode::OK {
            return Err(TsaError::Status(response.status));
        }
        let token = response::token(&response.body)?;
        let read = Token::read(&token)?;
        read.check_nonce(&request.nonce)?;
        read.check(digest, policy)?;
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_http_servers_are_authorities() {
        for url in ["http://127.0.0.1:318/tsr", "http://[::1]/", "http://tsa.example?a=b"] {
            assert!(Tsa::new(url, None).is_ok(), "{url}");
        }
        assert_eq!(Tsa::new("http://tsa.example", None).map(|tsa| tsa.path).ok().as_deref(), Some("/"));
        for url in
            ["", "tsa.example", "/tsr", "ftp://tsa.example/", "http://", "http://user@tsa.example/", "http://a b/"]
        {
            assert!(matches!(Tsa::new(url, None), Err(TsaUrlError::Url)), "{url}");
        }
    }
}
