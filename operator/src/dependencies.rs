//! The operator's own connections to Postgres and NATS: made when they can be, kept, and told about when they cannot.
//!
//! The operator starts, serves and answers without either of them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_ledger::{ConnectError, Ledger, MigrateError, TlsFiles};
use vaultstream_streams::Streams;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(2);
/// Connections to Postgres: lifecycle steps, the backlog query, and a few to spare.
const CONNECTIONS: usize = 8;

/// Why something cannot be done just now, with the reason that conditions carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The condition's reason.
    pub(crate) reason: Reason,
    /// For people; the same text while the fault is the same.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

type State<T> = Result<T, Fault>;

/// The connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dependencies {
    ledger: watch::Receiver<State<Ledger>>,
    streams: watch::Receiver<State<Streams>>,
}

impl Dependencies {
    /// Begins to connect, and goes on trying until `stop`.
    pub(crate) fn start(folder: PathBuf, stop: &CancellationToken) -> Self {
        let (ledger_is, ledger) =
            watch::channel(Err(Fault::new(Reason::LedgerUnavailable, "not connected to Postgres yet")));
        let (streams_are, streams) =
            watch::channel(Err(Fault::new(Reason::StreamsUnavailable, "not connected to NATS yet")));
        let folder = Arc::new(folder);
        tokio::spawn(keep(ledger_is, Arc::clone(&folder), stop.clone(), connect_ledger));
        tokio::spawn(keep(streams_are, folder, stop.clone(), connect_streams));
        Self { ledger, streams }
    }

    /// The ledger, migrated.
    pub(crate) fn ledger(&self) -> State<Ledger> {
        self.ledger.borrow().clone()
    }

    /// The streams.
    pub(crate) fn streams(&self) -> State<Streams> {
        self.streams.borrow().clone()
    }
}

/// Connects once; the clients reconnect by themselves afterwards.
async fn keep<T, F: Future<Output = State<T>>>(
    state: watch::Sender<State<T>>,
    folder: Arc<PathBuf>,
    stop: CancellationToken,
    connect: impl Fn(Arc<PathBuf>) -> F,
) {
    loop {
        let connected = tokio::select! {
            connected = connect(Arc::clone(&folder)) => connected,
            () = stop.cancelled() => return,
        };
        let done = connected.is_ok();
        if let Err(fault) = &connected {
            tracing::warn!(
                reason = fault.reason.as_str(),
                message = fault.message,
                "a dependency cannot be used; trying again"
            );
        }
        drop(state.send_replace(connected));
        if done {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn connect_ledger(folder: Arc<PathBuf>) -> State<Ledger> {
    let refused = |message: String| Fault::new(Reason::LedgerRefused, message);
    let url = text(&folder, "DATABASE_URL").map_err(|error| refused(error.to_string()))?;
    let options = vaultstream_ledger::ConnectOptions {
        url,
        max_connections: CONNECTIONS,
        application_name: "vaultstream-operator".to_owned(),
        tls: TlsFiles {
            ca: optional(&folder, "postgres-ca.crt"),
            cert: optional(&folder, "postgres.crt"),
            key: optional(&folder, "postgres.key"),
        },
        source_role: true,
        patience: PAUSE,
    };
    let ledger = Ledger::connect(&options).await.map_err(|error| match &error {
        ConnectError::Unreachable { .. } => Fault::new(Reason::LedgerUnavailable, error.to_string()),
        _ => refused(error.to_string()),
    })?;
    ledger.migrate().await.map_err(|error| match &error {
        MigrateError::Query(query) if query.is_transient() => Fault::new(Reason::LedgerUnavailable, error.to_string()),
        _ => Fault::new(Reason::LedgerVersion, error.to_string()),
    })?;
    tracing::info!(place = ledger.place(), "connected to the ledger");
    Ok(ledger)
}

async fn connect_streams(folder: Arc<PathBuf>) -> State<Streams> {
    let fault = |message: String| Fault::new(Reason::StreamsUnavailable, message);
    let options = vaultstream_streams::ConnectOptions {
        url: text(&folder, "NATS_URL").map_err(|error| fault(error.to_string()))?,
        credentials: optional(&folder, "nats.creds"),
        nkey: optional(&folder, "nats.nkey"),
        ca: optional(&folder, "nats-ca.crt"),
        name: "vaultstream-operator".to_owned(),
        patience: PAUSE,
        ..Default::default()
    };
    let streams = Streams::connect(&options).await.map_err(|error| fault(error.to_string()))?;
    tracing::info!("connected to NATS");
    Ok(streams)
}

/// A file of the connection folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {}: the operator's connection Secret needs the key {key}: {source}", path.display())]
struct Unreadable {
    path: PathBuf,
    key: &'static str,
    source: io::Error,
}

fn text(folder: &Path, key: &'static str) -> Result<String, Unreadable> {
    let path = folder.join(key);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(Unreadable { path, key, source }),
    }
}

fn optional(folder: &Path, name: &str) -> Option<PathBuf> {
    Some(folder.join(name)).filter(|path| path.exists())
}
