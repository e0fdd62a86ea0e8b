//! What it takes to connect, and why it cannot be done.

use crate::address::AddressError;
use crate::denial::Denial;
use crate::error::BoxError;
use crate::permissions::NatsUser;
use std::path::PathBuf;
use std::time::Duration;

/// Of one connection attempt, handshake included; and of one request.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where NATS is and who we are. No `Debug`: the URL may hold a token.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// One or more `nats://[TOKEN@ | USER:PASSWORD@]HOST[:PORT]`, separated by commas; `tls://` asks for TLS, and off this
    /// machine only `?tls=disable` goes without.
    pub url: String,
    /// A credentials file (JWT and seed).
    pub credentials: Option<PathBuf>,
    /// A file with an nkey seed.
    pub nkey: Option<PathBuf>,
    /// Certificates to trust instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// Our certificate, PEM; together with [`ConnectOptions::key`].
    pub certificate: Option<PathBuf>,
    /// The key of our certificate, PEM.
    pub key: Option<PathBuf>,
    /// How long to wait for a server that is down. Zero is one attempt.
    pub patience: Duration,
    /// What the server shows as the connection's name.
    pub name: String,
    /// Who logs in, and so which inboxes the responses come to.
    pub user: NatsUser,
}

/// Why connecting failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not an address of NATS.
    #[error("the NATS URL is not valid")]
    BadUrl(#[source] AddressError),
    /// A file with credentials, a key or certificates cannot be used.
    #[error("the file {} cannot be used to log in to NATS", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The server does not accept the login.
    #[error(
        "NATS refused the login: check the token or the user and password in its URL, the credentials file, or the nkey"
    )]
    Refused(#[source] BoxError),
    /// The permissions of the login do not allow what every job needs.
    #[error("NATS does not allow this user to {0}")]
    Denied(Denial),
    /// The server's certificate or ours is not accepted.
    #[error("TLS to NATS failed: check the certificates")]
    Tls(#[source] BoxError),
    /// The URL does not allow a connection that is not encrypted.
    #[error(
        "nats at {place} offers no TLS, and the URL does not allow a connection that is not encrypted: turn TLS on there, \
         or add ?tls=disable to the URL"
    )]
    NotEncrypted {
        /// Host and port.
        place: String,
    },
    /// The server runs without JetStream, or the account may not use it.
    #[error("NATS has no JetStream for this account: start the server with -js and enable it for the account")]
    NoJetStream(#[source] BoxError),
    /// No server answered within the patience.
    #[error("NATS at {place} did not answer within {patience:?}")]
    Unreachable {
        /// Host and port of each server.
        place: String,
        /// The patience.
        patience: Duration,
        /// What the last attempt ended with.
        #[source]
        source: BoxError,
    },
}

/// Why an attempt failed: for good, or perhaps only now.
pub(crate) enum Failure {
    Final(ConnectError),
    Passing(BoxError),
}
