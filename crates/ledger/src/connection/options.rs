//! What it takes to connect, and why it cannot be done.

use std::fmt;
use std::time::Duration;

use super::tls::{TlsError, TlsFiles};
use super::url::BadUrl;
use crate::class::ErrorKind;
use crate::error::QueryError;

/// How to reach the ledger.
#[derive(Clone)]
pub struct ConnectOptions {
    /// `postgres://user:password@host/database?sslmode=…`, or a key=value string.
    pub url: String,
    /// The most connections at a time.
    pub max_connections: usize,
    /// The name in `pg_stat_activity` unless the URL says otherwise. While a unit is committed it is
    /// `vs:<lease>` instead.
    pub application_name: String,
    /// Certificates. They go before the ones that the URL names.
    pub tls: TlsFiles,
    /// How the tables are read that jobs sign.
    pub source: SourceOptions,
    /// How long [`Ledger::connect`](crate::Ledger::connect) waits for a server that is down or starting. Later requests wait
    /// at most [`REQUEST_TIMEOUT`](crate::REQUEST_TIMEOUT).
    pub patience: Duration,
}

/// How source tables are read.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// The database of the tables. `None`: that of the ledger, with the same login.
    pub login: Option<SourceLogin>,
    /// What is wrong with a table is told to people who may not know which tables the database holds.
    pub for_others: bool,
}

/// The database that holds the tables, and the login that reads them.
#[derive(Clone)]
pub struct SourceLogin {
    /// As [`ConnectOptions::url`].
    pub url: String,
    /// As [`ConnectOptions::tls`].
    pub tls: TlsFiles,
}

impl fmt::Debug for SourceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceLogin").field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            max_connections: 6,
            application_name: "vaultstream".to_owned(),
            tls: TlsFiles::default(),
            source: SourceOptions::default(),
            patience: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, max_connections, application_name, tls, source, patience } = self;
        f.debug_struct("ConnectOptions")
            .field("max_connections", max_connections)
            .field("application_name", application_name)
            .field("tls", tls)
            .field("source", source)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

/// Why the ledger cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing was tried.
    #[error("the database URL is not valid")]
    BadUrl(#[from] BadUrl),
    /// Nothing was tried.
    #[error("the TLS files for the database are not usable")]
    Tls(#[from] TlsError),
    /// Nothing was tried.
    #[error("the connection to the source's database cannot be made")]
    Source(#[source] Box<ConnectError>),
    /// The server answered no; trying again would not help.
    #[error("{place} refused the connection: {why}")]
    Refused {
        /// Host and database.
        place: String,
        /// The server's sentence.
        why: String,
    },
    /// A pooler gives server sessions to other clients between two transactions.
    #[error(
        "{place} is behind a pooler that shares its sessions between transactions, and VaultStream needs sessions of its \
         own: use session pooling, or the direct URL of the server"
    )]
    SharedSessions {
        /// Host and database.
        place: String,
    },
    /// The URL does not allow a connection that is not encrypted.
    #[error(
        "{place} offers no TLS, and the URL does not allow a connection that is not encrypted: turn TLS on there, or add \
         sslmode=disable to the URL"
    )]
    NotEncrypted {
        /// Host and database.
        place: String,
    },
    /// No answer within the patience.
    #[error("{place} cannot be reached (tried for {} s)", tried_for.as_secs())]
    Unreachable {
        /// Host and database.
        place: String,
        /// How long it was tried.
        tried_for: Duration,
        /// The last failure.
        source: QueryError,
    },
}

impl ConnectError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadUrl(_) | Self::Tls(_) => ErrorKind::Permanent,
            Self::Source(error) => error.kind(),
            Self::Refused { .. } | Self::SharedSessions { .. } | Self::NotEncrypted { .. } => ErrorKind::Refused,
            Self::Unreachable { .. } => ErrorKind::Transient,
        }
    }
}
