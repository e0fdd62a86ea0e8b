//! Tokens: those of a file, or those that the Kubernetes auth method gives out for the token of the pod's ServiceAccount.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::https::{self, Response};
use super::response::Faults;
use crate::WrapperError;

/// How to log in.
pub enum TransitLogin {
    /// With the token in a file, which its owner renews or replaces: it is read for each request.
    TokenFile(PathBuf),
    /// By the Kubernetes auth method.
    Kubernetes {
        /// A role of the auth method.
        role: String,
        /// Where the auth method is mounted.
        mount: String,
        /// The file with the token of the pod's ServiceAccount. It is read at each login, because Kubernetes replaces it.
        token_file: PathBuf,
    },
}

/// A login that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TransitLoginError {
    /// The token's file.
    #[error("failed to read the token in {}", path.display())]
    TokenFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The token.
    #[error("the token is empty, or has characters that cannot be sent")]
    Token,
    /// The role.
    #[error("the role is empty")]
    Role,
    /// The auth method's path.
    #[error("the path of the auth method has the characters a-z A-Z 0-9 . _ - /")]
    Mount,
}

/// Gets and keeps tokens.
pub(super) enum TokenSource {
    TokenFile(PathBuf),
    Kubernetes(Kubernetes),
}

/// Logs in with the token of a ServiceAccount.
pub(super) struct Kubernetes {
    role: String,
    mount: String,
    token_file: PathBuf,
    session: Mutex<Option<Renewed>>,
}

/// A token, ready to be sent.
#[derive(Clone)]
pub(super) struct SessionToken(HeaderValue);

/// A token that another one replaces before its time is over.
pub(super) struct Renewed {
    session: SessionToken,
    until: Instant,
}

#[derive(Serialize)]
struct LoginRequest<'a> {
    role: &'a str,
    jwt: &'a str,
}

#[derive(Deserialize)]
struct LoginResponse<'a> {
    #[serde(borrow)]
    auth: Auth<'a>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    client_token: &'a str,
    /// Seconds; 0 for a token without an end.
    lease_duration: u64,
}

impl SessionToken {
    fn new(token: &[u8]) -> Option<Self> {
        let token = token.trim_ascii();
        let wiped = Bytes::from_owner(Zeroizing::new(token.to_vec()));
        let mut header = HeaderValue::from_maybe_shared(wiped).ok().filter(|_| !token.is_empty())?;
        header.set_sensitive(true);
        Some(Self(header))
    }

    /// What is sent.
    pub(super) fn token(&self) -> &HeaderValue {
        &self.0
    }
}

impl TokenSource {
    pub(super) fn new(login: TransitLogin) -> Result<Self, TransitLoginError> {
        match login {
            TransitLogin::TokenFile(path) => {
                let token = std::fs::read(&path).map(Zeroizing::new);
                let token = token.map_err(|source| TransitLoginError::TokenFile { path: path.clone(), source })?;
                SessionToken::new(&token).map(|_| Self::TokenFile(path)).ok_or(TransitLoginError::Token)
            }
            TransitLogin::Kubernetes { role, mount, token_file } => {
                let (role, mount) = (role.trim().to_owned(), mount.trim().trim_matches('/').to_owned());
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
                if role.is_empty() {
                    return Err(TransitLoginError::Role);
                }
                if mount.is_empty() || mount.contains("..") || !mount.bytes().all(allowed) {
                    return Err(TransitLoginError::Mount);
                }
                Ok(Self::Kubernetes(Kubernetes { role, mount, token_file, session: Mutex::default() }))
            }
        }
    }

    /// The present token.
    pub(super) async fn session<F>(
        &self,
        faults: &Faults,
        post: impl FnOnce(String, Bytes) -> F,
    ) -> Result<SessionToken, WrapperError>
    where
        F: Future<Output = Result<Response, WrapperError>>,
    {
        match self {
            Self::TokenFile(path) => read_token(path, faults).await,
            Self::Kubernetes(kubernetes) => kubernetes.session(faults, post).await,
        }
    }

    /// Forgets a token that the server refuses. False when there is no other one to get.
    pub(super) async fn forget(&self, refused: &SessionToken) -> bool {
        let Self::Kubernetes(kubernetes) = self else { return false };
        kubernetes.session.lock().await.take_if(|renewed| renewed.session.0 == refused.0);
        true
    }
}

async fn read_token(path: &Path, faults: &Faults) -> Result<SessionToken, WrapperError> {
    let file = path.display();
    let token = tokio::fs::read(path).await.map(Zeroizing::new);
    let token = token.map_err(|error| faults.refused(format!("failed to read the token in {file}: {error}")))?;
    SessionToken::new(&token).ok_or_else(|| faults.refused(format!("the token in {file} is empty, or cannot be sent")))
}

impl Kubernetes {
    /// Logs in where there is no token, or where two thirds of its time are over.
    async fn session<F>(
        &self,
        faults: &Faults,
        post: impl FnOnce(String, Bytes) -> F,
    ) -> Result<SessionToken, WrapperError>
    where
        F: Future<Output = Result<Response, WrapperError>>,
    {
        let mut kept = self.session.lock().await;
        if let Some(renewed) = kept.as_ref().filter(|renewed| Instant::now() < renewed.until) {
            return Ok(renewed.session.clone());
        }
        let response = post(format!("/v1/auth/{}/login", self.mount), self.request(faults).await?).await?;
        if !response.status.is_success() {
            return Err(faults.of("login", &response));
        }
        let LoginResponse { auth } = response.json().map_err(|why| faults.unexpected(why))?;
        let session = SessionToken::new(auth.client_token.as_bytes())
            .ok_or_else(|| faults.unexpected("the token of its login cannot be sent".to_owned()))?;
        let lasts = Duration::from_secs(if auth.lease_duration == 0 { u32::MAX.into() } else { auth.lease_duration });
        *kept = Some(Renewed { session: session.clone(), until: Instant::now() + lasts * 2 / 3 });
        Ok(session)
    }

    async fn request(&self, faults: &Faults) -> Result<Bytes, WrapperError> {
        let file = self.token_file.display();
        let token = tokio::fs::read(&self.token_file).await.map(Zeroizing::new).map_err(|error| {
            faults.refused(format!("failed to read the token of the pod's ServiceAccount, {file}: {error}"))
        })?;
        let jwt = std::str::from_utf8(token.trim_ascii())
            .map_err(|_| faults.refused(format!("{file} holds no token of a ServiceAccount")))?;
        https::json(&LoginRequest { role: &self.role, jwt }).map_err(|error| faults.unexpected(error.to_string()))
    }
}

impl std::fmt::Debug for TransitLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TokenFile(path) => write!(f, "TokenFile({})", path.display()),
            Self::Kubernetes { role, mount, .. } => write!(f, "Kubernetes({role} of {mount})"),
        }
    }
}
