//! One connection: how it is made, encrypted, and set up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::{ConnectError, ConnectOptions};
use super::tls::{self, Encryption};
use super::url::{self, Target};
use super::{pooling, settings};
use crate::class::Class;
use crate::error::QueryError;

/// Of one connection, login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection, and the task that serves it until the client is gone.
type Connected = (Client, JoinHandle<()>);

/// Makes connections of one user to one database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    encryption: Encryption,
    /// Whether a server has shown a certificate.
    encrypted: Arc<AtomicBool>,
    /// A connection that is left from the check for poolers.
    spare: Arc<Mutex<Option<Connected>>>,
}

impl Connector {
    pub(crate) fn new(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let Target { mut config, tls: wishes, ignored } = url::parse(&options.url)?;
        if !ignored.is_empty() {
            tracing::warn!(options = ignored.join(", "), "options of the database URL that have no effect here");
        }
        set_defaults(&mut config, options);
        let files = wishes.files(&options.tls);
        let encryption = Encryption::decide(wishes.mode, &files, url::is_local(&config));
        let over_sockets = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if over_sockets { SslMode::Disable } else { encryption.mode });
        let encrypted = Arc::default();
        let tls = tls::client_config(&files, encryption.check, &wishes, Arc::clone(&encrypted))?;
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), encryption, encrypted, spare: Arc::default() })
    }

    /// True when a pooler shares server sessions between clients; asked before anything is set. Keeps one connection for the
    /// pool.
    pub(crate) async fn shares_sessions(&self, action: &str) -> Result<bool, QueryError> {
        let first = self.within(action).await?;
        let second = match self.within(action).await {
            Ok(second) => Some(second),
            Err(error) if error.is_no_room() => None,
            Err(error) => return Err(error),
        };
        let other = second.as_ref().map(|(client, _)| client);
        let shared = pooling::shares_sessions(&first.0, other).await.map_err(|error| QueryError::new(action, error))?;
        if !shared {
            *self.spare() = Some(first);
        }
        Ok(shared)
    }

    /// True for a failure that would not be one if the server offered TLS.
    pub(crate) fn lacks_tls(&self, error: &QueryError) -> bool {
        let never_seen = self.config.get_ssl_mode() == SslMode::Require && !self.encrypted.load(Ordering::Relaxed);
        // Every other refusal comes from the server, or from its certificate.
        never_seen && error.class() == Class::NoLogin && error.is_of_driver_alone()
    }

    /// True when traffic crosses the network unencrypted.
    pub(crate) fn is_open(&self) -> bool {
        !self.encryption.local && !self.encrypted.load(Ordering::Relaxed)
    }

    /// A pool of at most `most` such connections, to which they are returned by `recycling`.
    pub(super) fn pool(&self, most: usize, recycling: RecyclingMethod) -> Result<Pool, ConnectError> {
        let manager =
            Manager::from_connect(self.config.clone(), self.clone(), ManagerConfig { recycling_method: recycling });
        Pool::builder(manager)
            .max_size(most.max(1))
            // The last one used is the next one used: its backend has its plans and its pages at hand.
            .queue_mode(QueueMode::Lifo)
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| ConnectError::Refused { place: self.place(), why: error.to_string() })
    }

    /// Host and database, without user and password.
    pub(super) fn place(&self) -> String {
        let config = &self.config;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => format!("{name}:{}", config.get_ports().first().unwrap_or(&5432)),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "an unknown host".to_owned(),
        };
        match config.get_dbname().or(config.get_user()) {
            Some(database) => format!("database {database} on {host}"),
            None => format!("the database on {host}"),
        }
    }

    fn spare(&self) -> parking_lot::MutexGuard<'_, Option<Connected>> {
        self.spare.lock()
    }

    /// One session, which nothing was set in.
    pub(super) async fn session(&self, action: &str) -> Result<Client, QueryError> {
        self.within(action).await.map(|(client, _)| client)
    }

    async fn within(&self, action: &str) -> Result<Connected, QueryError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.open()).await {
            Ok(opened) => opened.map_err(|error| QueryError::connecting(action, error)),
            Err(elapsed) => Err(QueryError::unreachable(action, elapsed)),
        }
    }

    async fn open(&self) -> Result<Connected, Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                let ended = error.code() == Some(&SqlState::ADMIN_SHUTDOWN);
                tracing::debug!(%error, ended, "a database connection broke");
            }
        });
        Ok((client, task))
    }
}

impl Connect for Connector {
    fn connect(&self, _: &Config) -> Pin<Box<dyn Future<Output = Result<Connected, Error>> + Send + '_>> {
        Box::pin(async move {
            let spare = self.spare().take().filter(|(client, _)| !client.is_closed());
            let (client, task) = match spare {
                Some(spare) => spare,
                None => self.open().await?,
            };
            client.batch_execute(&settings::statements()).await?;
            Ok((client, task))
        })
    }
}

/// Sets what neither the URL nor the driver does.
fn set_defaults(config: &mut Config, options: &ConnectOptions) {
    if config.get_application_name().is_none() {
        config.application_name(&options.application_name);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    // A peer that vanished silently is noticed within half a minute.
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs(15));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(5));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(30));
    }
    if let (None, Some(password)) = (config.get_password(), std::env::var_os("PGPASSWORD")) {
        config.password(password.into_encoded_bytes());
    }
}
