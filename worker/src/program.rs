//! The program around a worker: connections, signals, the metrics server.

use std::{num::NonZeroUsize, path::Path, process::ExitCode, sync::Arc, thread};

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_connection::ConnectionFolder;
use vaultstream_ledger::{Ledger, RegisterError, Verdict};
use vaultstream_signing::{Absence, Backend, backend::Unavailable};
use vaultstream_streams::{Class, Streams};

use crate::{
    Ended, KeyError, Parts, SessionError, Shutdown, WorkError, Worker, chain,
    config::Config,
    connection::{Connection, ConnectionError},
    http::{self, HttpError},
    metrics::Metrics,
    telemetry,
};

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The connection files.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Postgres at start.
    #[error("failed to connect to Postgres")]
    Postgres(#[from] vaultstream_ledger::ConnectError),
    /// A ledger of another version.
    #[error("failed to use this ledger")]
    Version(#[from] vaultstream_ledger::MigrateError),
    /// NATS at start.
    #[error("failed to connect to NATS")]
    Nats(#[from] vaultstream_streams::ConnectError),
    /// The metrics server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The system.
    #[error("failed to start")]
    System(#[from] std::io::Error),
    /// Metrics that cannot be registered.
    #[error("failed to register metrics")]
    Metrics(#[from] prometheus::Error),
    /// A backend that this build or processor does not have.
    #[error(transparent)]
    Backend(#[from] Unavailable),
    /// The work itself.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl ProgramError {
    /// 2 for what the user has to mend, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Postgres(error) if error.verdict() == Verdict::Passing => 1,
            Self::Version(error) if error.verdict() == Verdict::Passing => 1,
            Self::Connection(_) | Self::Postgres(_) | Self::Version(_) | Self::Nats(_) | Self::Http(_) => 2,
            Self::Backend(..) | Self::Work(WorkError::WrongKek(_) | WorkError::Kek(RegisterError::Wrong(_))) => 2,
            Self::System(_) | Self::Metrics(_) | Self::Work(_) => 1,
        }
    }

    /// The reason that a condition of the SigningJob carries, where it is for somebody to mend.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Connection(ConnectionError::Absent(_)) => Some(Reason::ConnectionSecretMissing),
            Self::Postgres(error) if error.verdict() == Verdict::Passing => None,
            Self::Connection(_) | Self::Postgres(_) => Some(Reason::ConnectionSecretInvalid),
            Self::Work(WorkError::WrongKek(_) | WorkError::Kek(RegisterError::Wrong(_))) => Some(Reason::WrongKek),
            Self::Work(WorkError::Session(SessionError::Stream(error) | SessionError::Key(KeyError::Token(error))))
                if error.class() == Class::Refused =>
            {
                Some(Reason::StreamsRefused)
            }
            Self::Nats(vaultstream_streams::ConnectError::Unreachable { .. }) => None,
            Self::Nats(_) => Some(Reason::StreamsRefused),
            Self::Version(_) | Self::Http(_) | Self::Backend(..) => None,
            Self::System(_) | Self::Metrics(_) | Self::Work(_) => None,
        }
    }
}

/// The program: settings, logs, runtime, [`run`]. Exit codes: 0 stopped as told, 1 failed, 2 bad input.
pub fn main() -> ExitCode {
    let config = Config::parse();
    let termination_log = config.termination_log.clone();
    if let Err(error) = telemetry::start(config.log_format, &config.log, std::io::stderr) {
        eprintln!("vaultstream-worker: --log is {:?}, which is not a valid filter: {error}", config.log);
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("vaultstream-worker: failed to start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vaultstream-worker: {}", chain(&error));
            if let Some(file) = termination_log {
                leave_word(&file, &error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn leave_word(file: &Path, error: &ProgramError) {
    let reason = error.reason().map(|reason| format!("{reason}: ")).unwrap_or_default();
    if let Err(unwritten) = std::fs::write(file, format!("{reason}{}", chain(error))) {
        eprintln!("vaultstream-worker: failed to write {}: {unwritten}", file.display());
    }
}

/// Runs a worker until it is told to stop. A finished job leaves it idle: it is for others to end it.
///
/// # Errors
/// [`ProgramError`].
pub async fn run(config: Config) -> Result<(), ProgramError> {
    let shutdown = Shutdown::default();
    listen_for_signals(&shutdown)?;
    let http = http::listen(config.http_address).await?;
    let folder = ConnectionFolder::new(&config.connection_dir);
    let known = folder.fingerprint();
    let parts = tokio::select! {
        parts = connect(&config, &folder) => parts?,
        () = shutdown.drain.cancelled() => return Ok(()),
    };
    let worker = Worker::new(parts, Arc::new(Metrics::new()?))?;
    let drain = shutdown.drain.clone();
    tokio::spawn(async move {
        folder.changed(known).await;
        tracing::info!("the connection Secret has changed: finishing what is in flight, then starting again with it");
        drain.cancel();
    });
    let stop_http = CancellationToken::new();
    let serving = tokio::spawn(http::serve(http, worker.clone(), stop_http.clone()));
    let result = worker.work_on(config.job_uid, &shutdown).await;
    if matches!(result, Ok(Ended::JobOver)) {
        tracing::info!(uid = %config.job_uid, "the job is over");
        shutdown.drain.cancelled().await;
    }
    stop_http.cancel();
    if let Ok(served) = serving.await {
        served?;
    }
    Ok(result.map(|_| ())?)
}

async fn connect(config: &Config, folder: &ConnectionFolder) -> Result<Parts, ProgramError> {
    let backend = Backend::choose(config.backend)?;
    for faster in Backend::ALL.into_iter().take_while(|faster| *faster != backend) {
        match faster.absence() {
            Some(Absence::WrongAnswer) => {
                tracing::warn!(backend = %faster, "backend not used: it gives wrong results on this processor")
            }
            Some(absence) => tracing::info!(backend = %faster, %absence, "a faster backend is not available"),
            None => {}
        }
    }
    let Connection { mut ledger, mut streams, keks } = Connection::read(folder)?;
    ledger.max_connections = config.database_connections.get();
    ledger.application_name = "vaultstream-worker".to_owned();
    ledger.source_role = config.source_role;
    ledger.patience = *config.connect_timeout;
    let ledger = Ledger::connect(&ledger).await?;
    ledger.check_version().await?;
    streams.name = "vaultstream-worker".to_owned();
    streams.patience = *config.connect_timeout;
    let streams = Streams::connect(&streams).await?;
    Ok(Parts {
        ledger,
        streams,
        keks,
        backend,
        threads: config.signing_threads.unwrap_or_else(cores),
        memory: config.memory_mib.get() << 20,
    })
}

/// Cores that this process may use.
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The first SIGTERM or SIGINT drains, the second one aborts.
pub fn listen_for_signals(shutdown: &Shutdown) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        for (token, what) in [(&shutdown.drain, "finishing what is in flight"), (&shutdown.abort, "stopping at once")] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("told to stop: {what}");
            token.cancel();
        }
    });
    Ok(())
}
