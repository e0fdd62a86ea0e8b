//! The operator's own connections to Postgres and NATS: made as soon as possible and kept. While one is missing, its fault says
//! why.
//!
//! The operator starts and serves without either of them.

use std::{path::PathBuf, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_connection::ConnectionFolder;
use vaultstream_ledger::{
    ErrorKind, Ledger,
    logins::{self, LoginError, Ownership, ProgramKind},
};
use vaultstream_streams::{NatsUser, Streams};

use crate::{fault::ConditionFault, permissions::OPERATOR};

/// How often a connection is tried, and how long an attempt may take.
const CONNECT_INTERVAL: Duration = Duration::from_secs(2);
/// Connections to Postgres: for lifecycle steps, the backlog query, and a few to spare.
const CONNECTION_LIMIT: usize = 8;

/// A connection, or why there is none.
type DependencyState<T> = Result<T, ConditionFault>;

/// The connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dependencies {
    ledger: watch::Receiver<DependencyState<Ledger>>,
    streams: watch::Receiver<DependencyState<Streams>>,
}

impl Dependencies {
    /// Starts to connect, and tries again until `stop`.
    pub(crate) fn start(folder: PathBuf, allow_owner: bool, stop: &CancellationToken) -> Self {
        let (ledger_is, ledger) =
            watch::channel(Err(ConditionFault::new(Reason::LedgerUnavailable, "not connected to Postgres yet")));
        let (streams_are, streams) =
            watch::channel(Err(ConditionFault::new(Reason::StreamsUnavailable, "not connected to NATS yet")));
        let folder = ConnectionFolder::new(folder);
        let connect = move |folder| connect_ledger(folder, allow_owner);
        tokio::spawn(keep(ledger_is, folder.clone(), stop.clone(), connect));
        tokio::spawn(keep(streams_are, folder, stop.clone(), connect_streams));
        Self { ledger, streams }
    }

    /// The ledger, migrated.
    pub(crate) fn ledger(&self) -> DependencyState<Ledger> {
        self.ledger.borrow().clone()
    }

    /// The streams.
    pub(crate) fn streams(&self) -> DependencyState<Streams> {
        self.streams.borrow().clone()
    }
}

/// Connects, and connects again when the Secret has changed. The clients reconnect by themselves. A connection is kept until a
/// new one is made.
async fn keep<T, F: Future<Output = DependencyState<T>>>(
    state: watch::Sender<DependencyState<T>>,
    folder: ConnectionFolder,
    stop: CancellationToken,
    connect: impl Fn(ConnectionFolder) -> F,
) {
    let for_ever = async {
        loop {
            let tried = folder.fingerprint();
            let connected = connect(folder.clone()).await;
            if let Err(ConditionFault { reason, message }) = &connected {
                tracing::warn!(reason = reason.as_str(), message, "a dependency cannot be used; trying again");
            }
            let done = connected.is_ok();
            if done || state.borrow().is_err() {
                drop(state.send_replace(connected));
            }
            if done {
                folder.changed(tried).await;
            } else {
                tokio::time::sleep(CONNECT_INTERVAL).await;
            }
        }
    };
    tokio::select! {
        () = for_ever => {}
        () = stop.cancelled() => {}
    }
}

async fn connect_ledger(folder: ConnectionFolder, allow_owner: bool) -> DependencyState<Ledger> {
    let refused = |message: String| ConditionFault::new(Reason::LedgerRefused, message);
    let mut options = folder.ledger().map_err(|error| refused(vaultstream_program::chain(&error)))?;
    options.max_connections = CONNECTION_LIMIT;
    options.application_name = OPERATOR.to_owned();
    options.patience = CONNECT_INTERVAL;
    let ledger = Ledger::connect(&options).await.map_err(|error| match error.kind() {
        ErrorKind::Transient => ConditionFault::new(Reason::LedgerUnavailable, error.to_string()),
        ErrorKind::Refused | ErrorKind::Permanent => refused(vaultstream_program::chain(&error)),
    })?;
    let ownership = logins::check_ownership(&ledger, ProgramKind::Operator, allow_owner).await.map_err(of_login)?;
    let usable = match ownership {
        Ownership::Owner => ledger.migrate().await.map(drop),
        Ownership::None => {
            logins::check_driver(&ledger).await.map_err(of_login)?;
            ledger.check_version().await.map(drop)
        }
    };
    usable.map_err(|error| match error.kind() {
        ErrorKind::Transient => ConditionFault::new(Reason::LedgerUnavailable, error.to_string()),
        ErrorKind::Refused | ErrorKind::Permanent => {
            ConditionFault::new(Reason::LedgerVersion, vaultstream_program::chain(&error))
        }
    })?;
    tracing::info!(place = ledger.place(), "connected to the ledger");
    Ok(ledger)
}

fn of_login(error: LoginError) -> ConditionFault {
    match &error {
        LoginError::Query(query) if query.is_transient() => {
            ConditionFault::new(Reason::LedgerUnavailable, vaultstream_program::chain(&error))
        }
        _ => ConditionFault::new(Reason::LedgerRefused, vaultstream_program::chain(&error)),
    }
}

async fn connect_streams(folder: ConnectionFolder) -> DependencyState<Streams> {
    let fault = |message: String| ConditionFault::new(Reason::StreamsUnavailable, message);
    let mut options = folder.streams().map_err(|error| fault(vaultstream_program::chain(&error)))?;
    options.name = OPERATOR.to_owned();
    options.user = NatsUser::Operator;
    options.patience = CONNECT_INTERVAL;
    let streams = Streams::connect(&options).await.map_err(|error| match &error {
        vaultstream_streams::ConnectError::Unreachable { .. } => fault(vaultstream_program::chain(&error)),
        _ => ConditionFault::new(Reason::StreamsRefused, vaultstream_program::chain(&error)),
    })?;
    tracing::info!("connected to NATS");
    Ok(streams)
}
