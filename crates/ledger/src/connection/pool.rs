//! Connections: how many, how they are set up, and what is done while the server is away.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool, RecyclingMethod};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_postgres::Client;

use super::connector::Connector;
use super::options::{ConnectError, ConnectOptions};
use super::patience::{REQUEST_TIMEOUT, patiently};
use super::source_pool::SourcePool;
use crate::class::ErrorKind;
use crate::error::QueryError;
use crate::limits::LedgerLimits;

/// How long one statement of seeding or planning may take. Each makes 32 MiB or plans some 100,000 rows, which takes a second or two.
const SEEDING_TIMEOUT: Duration = Duration::from_secs(60);

/// The ledger: a pool of connections to one Postgres database, and another one to the tables that are signed. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) pool: Pool,
    pub(crate) source: Arc<SourcePool>,
    pub(crate) settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) place: String,
    pub(crate) patience: Duration,
    /// What jobs may take of it.
    pub(crate) limits: LedgerLimits,
    /// Of each statement that seeds or plans, building an index apart.
    pub(crate) seeding_timeout: Duration,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the pool and makes sure that the server answers. Waits up to `patience` for a server that is down.
    ///
    /// # Errors
    ///
    /// A bad URL or bad files, a refusal, or no answer.
    pub fn connect(options: &ConnectOptions) -> BoxFuture<'_, Result<Self, ConnectError>> {
        Self::open(options).boxed()
    }

    async fn open(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let connector = Connector::new(options)?;
        let source = SourcePool::new(options)?;
        let place = connector.place();
        let shared = patiently(&place, options.patience, || connector.shares_sessions("connect")).await;
        if shared.map_err(|error| connect_error(&connector, &place, options.patience, error))? {
            return Err(ConnectError::SharedSessions { place });
        }
        if connector.is_open() {
            tracing::warn!(place, "the connection to the database is not encrypted");
        }
        // Fast: a connection is returned only between transactions, and settings are only changed inside one.
        let pool = connector.pool(options.max_connections, RecyclingMethod::Fast)?;
        let settings = Settings {
            place,
            patience: options.patience,
            limits: LedgerLimits::default(),
            seeding_timeout: SEEDING_TIMEOUT,
        };
        let ledger = Self { pool, source: Arc::new(source), settings: Arc::new(settings) };
        match ledger.client_within("connect", options.patience).await {
            Ok(_) => Ok(ledger),
            Err(error) => Err(connect_error(&connector, ledger.place(), options.patience, error)),
        }
    }

    /// The same ledger, in which jobs begin and grow within these limits only.
    #[must_use]
    pub fn with_limits(&self, limits: LedgerLimits) -> Self {
        self.with(Settings { limits, ..Settings::clone(&self.settings) })
    }

    /// The same ledger, with another timeout for each statement that seeds or plans.
    #[must_use]
    pub fn with_seeding_timeout(&self, seeding_timeout: Duration) -> Self {
        self.with(Settings { seeding_timeout, ..Settings::clone(&self.settings) })
    }

    fn with(&self, settings: Settings) -> Self {
        Self { pool: self.pool.clone(), source: Arc::clone(&self.source), settings: Arc::new(settings) }
    }

    /// The server's host and the database, for messages. Never holds a secret.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.settings.place
    }

    /// A connection of the pool. Waits up to [`REQUEST_TIMEOUT`] for a server that restarts, and returns an error for a longer
    /// outage, which the caller may have to report. Hold one at a time: with every connection taken, a second request would
    /// wait for the first.
    pub(crate) async fn client(&self, action: &str) -> Result<Object, QueryError> {
        self.client_within(action, REQUEST_TIMEOUT.min(self.settings.patience)).await
    }

    async fn client_within(&self, action: &str, patience: Duration) -> Result<Object, QueryError> {
        let get = || async { self.pool.get().await.map_err(|error| QueryError::from_pool(action, error)) };
        patiently(&self.settings.place, patience, get).await
    }
}

/// Opens a session beside those of any pool, as the server gives it, for statements that are not the ledger's.
///
/// # Errors
///
/// As [`Ledger::connect`].
pub async fn session(options: &ConnectOptions) -> Result<Client, ConnectError> {
    let connector = Connector::new(options)?;
    let place = connector.place();
    let opened = patiently(&place, options.patience, || connector.session("connect")).await;
    opened.map_err(|error| connect_error(&connector, &place, options.patience, error))
}

fn connect_error(connector: &Connector, place: &str, patience: Duration, error: QueryError) -> ConnectError {
    let place = place.to_owned();
    if connector.lacks_tls(&error) {
        return ConnectError::NotEncrypted { place };
    }
    match (error.kind(), error.report()) {
        (ErrorKind::Transient, _) => ConnectError::Unreachable { place, tried_for: patience, source: error },
        (_, Some(report)) => ConnectError::Refused { place, why: report.message().to_owned() },
        (_, None) => {
            let why = match root_cause(&error) {
                // What the driver says.
                why if why == "password missing" => {
                    "it asks for a password, and neither the URL nor PGPASSWORD has one".to_owned()
                }
                why => why,
            };
            ConnectError::Refused { place, why }
        }
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
