//! A key of the transit engine of Vault or OpenBao.
//!
//! ```text
//! wrap ──▶ login: token ──▶ POST /v1/MOUNT/encrypt/KEY ──▶ vault:v3:…, kept as it is ──▶ id transit:MOUNT/KEY@3
//!            │ of a file, or of the Kubernetes auth method
//! ```
//!
//! The purpose of a secret is the request's `associated_data`, which only keys with authenticated encryption accept: of others the server
//! itself refuses to wrap.

mod address;
mod https;
mod login;
mod response;

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use serde::Serialize;
use vaultstream_signing::{KekId, WrappedKey};
use zeroize::Zeroizing;

use crate::retry::retry;
use crate::{KeyWrapper, SECRET_LIMIT, WrapperError};
use address::KeyAddress;
use https::{Https, Response};
use login::{SessionToken, TokenSource};
use response::{Ciphertext, Faults, Plaintext};

pub use address::TransitUrlError;
pub use https::AuthoritiesError;
pub use login::{TransitLogin, TransitLoginError};

/// A key of a transit engine.
pub struct Transit {
    address: KeyAddress,
    https: Https,
    login: TokenSource,
}

/// What the server is asked with.
#[derive(Debug)]
pub struct TransitFiles {
    /// How to log in.
    pub login: TransitLogin,
    /// The authorities that the server's certificate must come from, PEM. `None`: the system's.
    pub ca: Option<PathBuf>,
}

/// The settings of a transit engine cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TransitError {
    /// The URL.
    #[error(transparent)]
    Url(#[from] TransitUrlError),
    /// The authorities.
    #[error(transparent)]
    Tls(#[from] AuthoritiesError),
    /// The login.
    #[error(transparent)]
    Login(#[from] TransitLoginError),
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

impl Transit {
    /// The key that `url` names: `transit+https://HOST:PORT/MOUNT/keys/KEY`, optionally with `?namespace=NAMESPACE`. Makes no request.
    ///
    /// # Errors
    /// [`TransitError`].
    pub fn new(url: &str, files: TransitFiles) -> Result<Self, TransitError> {
        let address: KeyAddress = url.parse()?;
        let https = Https::new(&address, files.ca.as_deref())?;
        Ok(Self { login: TokenSource::new(files.login)?, address, https })
    }

    async fn encrypt(&self, aad: &[u8], secret: &[u8]) -> Result<WrappedKey, WrapperError> {
        if secret.len() > SECRET_LIMIT {
            return Err(WrapperError::TooLong(secret.len()));
        }
        let (plaintext, associated_data) = (Zeroizing::new(STANDARD.encode(secret)), STANDARD.encode(aad));
        let request = Encrypt { plaintext: &plaintext, associated_data: &associated_data };
        let response = self.call("encrypt", &request).await?;
        let Ciphertext { ciphertext } = response.data().map_err(|why| self.unexpected(why))?;
        let Some(version) = version_of(&ciphertext) else {
            return Err(self.unexpected("its ciphertext does not begin with vault:v and a number".to_owned()));
        };
        let kek_id = self.address.key_id(version).map_err(|error| self.unexpected(error.to_string()))?;
        Ok(WrappedKey { kek_id, bytes: ciphertext.into_owned().into_bytes() })
    }

    async fn decrypt(&self, aad: &[u8], wrapped: &WrappedKey) -> Result<Zeroizing<Vec<u8>>, WrapperError> {
        let Some(version) = self.address.version_of_id(&wrapped.kek_id) else {
            return Err(WrapperError::UnknownKey(wrapped.kek_id.clone()));
        };
        let ciphertext = std::str::from_utf8(&wrapped.bytes).map_err(|_| WrapperError::Damaged)?;
        if version_of(ciphertext) != Some(version) {
            return Err(WrapperError::Damaged);
        }
        let request = Decrypt { ciphertext, associated_data: &STANDARD.encode(aad) };
        let response = self.call("decrypt", &request).await?;
        let Plaintext { plaintext } = response.data().map_err(|why| self.unexpected(why))?;
        let secret = STANDARD.decode(plaintext.as_bytes()).map(Zeroizing::new);
        secret.map_err(|_| self.unexpected("its plaintext is not base64".to_owned()))
    }

    /// Sends a request until the server responds as it should.
    async fn call(&self, operation: &str, request: &impl Serialize) -> Result<Response, WrapperError> {
        let body = https::json(request).map_err(|error| self.unexpected(error.to_string()))?;
        retry(|| self.attempt(operation, body.clone())).await
    }

    async fn attempt(&self, operation: &str, body: bytes::Bytes) -> Result<Response, WrapperError> {
        let path = format!("/v1/{}/{operation}/{}", self.address.mount, self.address.key);
        let session = self.session().await?;
        let mut response = self.post(&path, Some(&session), body.clone()).await?;
        // A token of a login may have been revoked before its time.
        if response.status == StatusCode::FORBIDDEN && self.login.forget(&session).await {
            let session = self.session().await?;
            response = self.post(&path, Some(&session), body).await?;
        }
        if response.status.is_success() { Ok(response) } else { Err(self.faults().of(operation, &response)) }
    }

    async fn session(&self) -> Result<SessionToken, WrapperError> {
        self.login.session(&self.faults(), |path, body| self.post(path, None, body)).await
    }

    async fn post(
        &self,
        path: impl AsRef<str>,
        session: Option<&SessionToken>,
        body: bytes::Bytes,
    ) -> Result<Response, WrapperError> {
        let token = session.map(SessionToken::token);
        let sent = self.https.post(path.as_ref(), self.address.namespace.as_deref(), token, body).await;
        sent.map_err(|error| self.faults().of_connection(error))
    }

    fn faults(&self) -> Faults {
        Faults::new(self.address.to_string())
    }

    fn unexpected(&self, why: String) -> WrapperError {
        self.faults().unexpected(why)
    }
}

/// The version in `vault:v3:…`.
fn version_of(ciphertext: &str) -> Option<u32> {
    let (version, rest) = ciphertext.strip_prefix("vault:v")?.split_once(':')?;
    let version = version.parse().ok().filter(|number: &u32| number.to_string() == version)?;
    (!rest.is_empty()).then_some(version)
}

impl KeyWrapper for Transit {
    fn wrap<'a>(&'a self, aad: &'a [u8], secret: &'a [u8]) -> BoxFuture<'a, Result<WrappedKey, WrapperError>> {
        self.encrypt(aad, secret).boxed()
    }

    fn unwrap<'a>(
        &'a self,
        aad: &'a [u8],
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, WrapperError>> {
        self.decrypt(aad, wrapped).boxed()
    }

    fn has(&self, id: &KekId) -> bool {
        self.address.version_of_id(id).is_some()
    }
}

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transit({})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_ciphertext_is_read_in_one_form_only() {
        assert_eq!(version_of("vault:v1:abc="), Some(1));
        assert_eq!(version_of("vault:v4294967295:a"), Some(u32::MAX));
        for wrong in [
            "",
            "vault:v1:",
            "vault:v:a",
            "vault:v01:a",
            "vault:v+1:a",
            "vault:v-1:a",
            "vault:1:a",
            "v1:a",
            "vault:v4294967296:a",
        ] {
            assert_eq!(version_of(wrong), None, "{wrong}");
        }
    }
}
