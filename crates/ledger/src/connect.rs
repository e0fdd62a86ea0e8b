//! Connections: how many, how they are set up, and what is done while the server is away.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::class::Verdict;
use crate::error::QueryError;
use crate::tls::{self, TlsError};
use crate::url::{self, BadUrl};

/// For how long a request waits for a server that restarts, once the ledger is connected.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(2);

/// Files of certificates, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities that the server's certificate must come from. Without it the system's are used for `sslmode`
    /// `verify-ca` and `verify-full`, and `prefer` and `require` encrypt without checking, as libpq does.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain.
    pub cert: Option<PathBuf>,
    /// The client's private key.
    pub key: Option<PathBuf>,
}

/// How to reach the ledger.
#[derive(Clone)]
pub struct ConnectOptions {
    /// `postgres://user:password@host/database?sslmode=…`, or a key=value string.
    pub url: String,
    /// At most so many connections at once.
    pub max_connections: usize,
    /// What people see in `pg_stat_activity`. While a unit is committed it is `vs:<lease>` instead.
    pub application_name: String,
    /// Certificates.
    pub tls: TlsFiles,
    /// Read source tables with `SET LOCAL ROLE vaultstream_source` instead of the user's own rights.
    pub source_role: bool,
    /// For how long [`Ledger::connect`] waits for a server that is down or starting. Later requests wait at most
    /// [`REQUEST_PATIENCE`].
    pub patience: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            max_connections: 6,
            application_name: "vaultstream".to_owned(),
            tls: TlsFiles::default(),
            source_role: false,
            patience: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, max_connections, application_name, tls, source_role, patience } = self;
        f.debug_struct("ConnectOptions")
            .field("max_connections", max_connections)
            .field("application_name", application_name)
            .field("tls", tls)
            .field("source_role", source_role)
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
    /// The server answered no; trying again would not help.
    #[error("the database server at {place} refused the connection: {why}")]
    Refused {
        /// Host and database.
        place: String,
        /// The server's sentence.
        why: String,
    },
    /// No answer within the patience.
    #[error("the database server at {place} cannot be reached (tried for {} s)", tried_for.as_secs())]
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
    /// What to do about it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::BadUrl(_) | Self::Tls(_) => Verdict::Wrong,
            Self::Refused { .. } => Verdict::Refused,
            Self::Unreachable { .. } => Verdict::Passing,
        }
    }
}

/// The ledger: a pool of connections to one Postgres database. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) pool: Pool,
    pub(crate) settings: Arc<Settings>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) place: String,
    pub(crate) source_role: bool,
    pub(crate) patience: Duration,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Has the server write back what it holds in memory; needs the rights of `pg_checkpoint`.
    ///
    /// # Errors
    ///
    /// When Postgres fails or the role may not.
    pub async fn checkpoint(&self) -> Result<(), QueryError> {
        const ACTION: &str = "checkpoint the database";
        let client = self.client(ACTION).await?;
        client.batch_execute("CHECKPOINT").await.map_err(|error| QueryError::new(ACTION, error))
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    ///
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), QueryError> {
        const ACTION: &str = "reach the ledger";
        let client = self.client(ACTION).await?;
        client.simple_query("SELECT 1").await.map(|_| ()).map_err(|error| QueryError::new(ACTION, error))
    }

    /// Opens the pool and makes sure that the server answers; waits for a server that is down for as long as
    /// `patience` says.
    ///
    /// # Errors
    ///
    /// A bad URL or bad files, a refusal, or no answer.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let (mut config, ssl) = url::parse(&options.url)?;
        config.application_name(&options.application_name);
        config.connect_timeout(Duration::from_secs(10));
        // A peer that vanished without a word is noticed within half a minute.
        config.keepalives_idle(Duration::from_secs(15));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(30));
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            config.ssl_mode(SslMode::Disable);
        }
        let place = place(&config);
        let connector = Connector { tls: MakeRustlsConnect::new(tls::client_config(&options.tls, ssl)?) };
        // Fast: a connection is given back only between transactions, and all our settings are local to one.
        let manager =
            Manager::from_connect(config, connector, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(options.max_connections.max(1))
            // The last one used is the next one used: its backend has its plans and its pages at hand.
            .queue_mode(QueueMode::Lifo)
            .create_timeout(Some(Duration::from_secs(20)))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| ConnectError::Refused { place: place.clone(), why: error.to_string() })?;
        let settings = Settings { place, source_role: options.source_role, patience: options.patience };
        let ledger = Self { pool, settings: Arc::new(settings) };
        match ledger.client_within("connect", options.patience).await {
            Ok(_) => Ok(ledger),
            Err(error) => Err(ledger.connect_error(error)),
        }
    }

    /// The server's host and the database, for messages. Never holds a secret.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.settings.place
    }

    /// One cheap round trip: is the server there? Does not wait for one that is not.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn probe(&self) -> Result<(), QueryError> {
        const ACTION: &str = "probe the database";
        let client = self.pool.get().await.map_err(|error| QueryError::from_pool(ACTION, error))?;
        client.batch_execute("SELECT 1").await.map_err(|error| QueryError::new(ACTION, error))
    }

    /// A connection of the pool. Waits a moment for a server that restarts, and leaves a real outage to the caller, who
    /// may have something to tell about it. Hold one at a time: with every connection taken a second request would wait
    /// for itself.
    pub(crate) async fn client(&self, action: &str) -> Result<Object, QueryError> {
        self.client_within(action, REQUEST_PATIENCE.min(self.settings.patience)).await
    }

    async fn client_within(&self, action: &str, patience: Duration) -> Result<Object, QueryError> {
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .with_jitter()
            .without_max_times()
            .build();
        let asked = Instant::now();
        loop {
            let error = match self.pool.get().await {
                Ok(client) => return Ok(client),
                Err(error) => QueryError::from_pool(action, error),
            };
            let left = patience.saturating_sub(asked.elapsed());
            if left.is_zero() || error.verdict() != Verdict::Passing {
                return Err(error);
            }
            tracing::debug!(place = %self.settings.place, %error, "the database is away");
            tokio::time::sleep(delays.next().unwrap_or_default().min(left)).await;
        }
    }

    fn connect_error(&self, error: QueryError) -> ConnectError {
        let place = self.settings.place.clone();
        match (error.verdict(), error.report()) {
            (Verdict::Passing, _) => {
                ConnectError::Unreachable { place, tried_for: self.settings.patience, source: error }
            }
            (_, Some(report)) => ConnectError::Refused { place, why: report.message().to_owned() },
            (_, None) => ConnectError::Refused { place, why: root_cause(&error) },
        }
    }
}

/// Host and database of a connection, without user and password.
fn place(config: &tokio_postgres::Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{}", config.get_ports().first().unwrap_or(&5432)),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "an unnamed host".to_owned(),
    };
    match config.get_dbname().or(config.get_user()) {
        Some(database) => format!("{host}, database {database}"),
        None => host,
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What every connection is told once. lock_timeout: nobody queues for long behind a frozen session. row_security: an
/// error instead of missing rows. The gather setting: a parallel plan would mix the order of rows.
const SESSION: &str = "SET lock_timeout = '2s'; SET row_security = off; SET client_encoding = 'UTF8'; SET jit = off; \
     SET max_parallel_workers_per_gather = 0; SET idle_in_transaction_session_timeout = '60s'; \
     SET search_path = pg_catalog, pg_temp; SET bytea_output = 'hex'; SET default_transaction_isolation = 'read committed'";

struct Connector {
    tls: MakeRustlsConnect,
}

type Connected = Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>;

impl Connect for Connector {
    fn connect(&self, config: &tokio_postgres::Config) -> Pin<Box<dyn Future<Output = Connected> + Send + '_>> {
        let (tls, config) = (self.tls.clone(), config.clone());
        Box::pin(async move {
            let (client, connection) = config.connect(tls).await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    let ended = error.code() == Some(&SqlState::ADMIN_SHUTDOWN);
                    tracing::debug!(%error, ended, "a database connection broke");
                }
            });
            client.batch_execute(SESSION).await?;
            Ok((client, task))
        })
    }
}
