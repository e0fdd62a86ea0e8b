//! The program around a worker: connections, signals, the admin server.

use std::{path::Path, process::ExitCode, sync::Arc};

use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_connection::ConnectionFolder;
use vaultstream_ledger::{
    ErrorKind, Ledger, QueryError, jobs,
    logins::{self, LoginError, ProgramKind},
    tenants::{self, Reach},
};
use vaultstream_program::{
    admin::{self, Probes, ServeError},
    chain, cores, memory,
    metrics::Exposition,
    shell::{self, ExitStatus, Shell},
    signals::StopSignals,
};
use vaultstream_signing::{Absence, Backend, backend::Unavailable};
use vaultstream_streams::{NatsUser, Streams};

use crate::{
    Certification, Ended, KeyError, SessionError, Shutdown, WorkError, Worker, WorkerConfig,
    config::Config,
    connection::{Connection, ConnectionError},
    job::tenant_of,
    metrics::Metrics,
    work::tell_unseen,
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
    /// A login that may work on no job.
    #[error(
        "the database login reaches no job in {place}: run `vaultstream tenant add NAMESPACE` as the ledger's owner, and use the \
         Secret that it prints"
    )]
    NoTenant {
        /// Host and database.
        place: String,
    },
    /// A login that may do everything.
    #[error("failed to use this database login")]
    Owner(#[from] LoginError),
    /// What the login may do could not be read.
    #[error("failed to use this ledger")]
    Login(#[from] QueryError),
    /// NATS at start.
    #[error("failed to connect to NATS")]
    Nats(#[from] vaultstream_streams::ConnectError),
    /// The admin server.
    #[error(transparent)]
    Admin(#[from] ServeError),
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

impl ExitStatus for ProgramError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Postgres(error) if error.kind() == ErrorKind::Transient => 1,
            Self::Version(error) if error.kind() == ErrorKind::Transient => 1,
            Self::Connection(_) | Self::Postgres(_) | Self::Version(_) | Self::Nats(_) | Self::Admin(_) => 2,
            Self::Owner(LoginError::Query(_)) => 1,
            Self::NoTenant { .. } | Self::Owner(_) => 2,
            Self::Work(WorkError::Custody(error)) if error.is_input() => 2,
            Self::Backend(..) => 2,
            Self::System(_) | Self::Metrics(_) | Self::Work(_) | Self::Login(_) => 1,
        }
    }
}

impl ProgramError {
    /// The reason that a condition of the SigningJob carries, where a person has to mend it.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Connection(ConnectionError::Absent(_)) => Some(Reason::ConnectionSecretMissing),
            Self::Postgres(error) if error.kind() == ErrorKind::Transient => None,
            Self::Owner(LoginError::Query(_)) => None,
            Self::Connection(_) | Self::Postgres(_) | Self::NoTenant { .. } | Self::Owner(_) => {
                Some(Reason::ConnectionSecretInvalid)
            }
            Self::Work(WorkError::Session(SessionError::Stream(error) | SessionError::Key(KeyError::Token(error))))
                if error.kind() == vaultstream_streams::ErrorKind::Refused =>
            {
                Some(Reason::StreamsRefused)
            }
            Self::Work(WorkError::Custody(error)) => error.reason(),
            Self::Nats(vaultstream_streams::ConnectError::Unreachable { .. }) => None,
            Self::Nats(_) => Some(Reason::StreamsRefused),
            Self::Version(_) | Self::Admin(_) | Self::Backend(..) => None,
            Self::System(_) | Self::Metrics(_) | Self::Work(_) | Self::Login(_) => None,
        }
    }
}

/// What the program is called in its errors.
const NAME: &str = "vaultstream-worker";

/// The program: settings, logs, runtime, [`run`]. Exit codes: 0 a signal stopped it, 1 it failed, 2 bad input.
pub fn main() -> ExitCode {
    let config: Config = match shell::parse(NAME) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let termination_log = config.termination_log.clone();
    let shell = Shell { name: NAME, logs: Some((config.log_format, config.log.clone())), threads: None };
    shell.run(async {
        let result = run(config).await;
        if let (Err(error), Some(file)) = (&result, termination_log) {
            write_termination_message(&file, error);
        }
        result
    })
}

fn write_termination_message(file: &Path, error: &ProgramError) {
    let reason = error.reason().map(|reason| format!("{reason}: ")).unwrap_or_default();
    if let Err(unwritten) = std::fs::write(file, format!("{reason}{}", chain(error))) {
        shell::report(NAME, format_args!("failed to write {}: {unwritten}", file.display()));
    }
}

/// Runs a worker until a signal stops it. A finished job leaves it idle: its owner ends it.
///
/// # Errors
/// [`ProgramError`].
pub async fn run(config: Config) -> Result<(), ProgramError> {
    memory::keep_private()?;
    let shutdown = Shutdown::default();
    stop_on_signals(&shutdown)?;
    let listener = admin::listen(config.http_address, "--http-address").await?;
    let folder = ConnectionFolder::new(&config.connection_dir);
    let known = folder.fingerprint();
    let connected = tokio::select! {
        connected = connect(&config, &folder) => connected?,
        () = shutdown.drain.cancelled() => return Ok(()),
    };
    let metrics = Arc::new(Metrics::new()?);
    let worker = connected.map(|connected| Worker::new(connected, Arc::clone(&metrics))).transpose()?;
    let drain = shutdown.drain.clone();
    tokio::spawn(async move {
        folder.changed(known).await;
        tracing::info!("the connection Secret has changed: finishing what is in flight, then starting again with it");
        drain.cancel();
    });
    let stop_serving = CancellationToken::new();
    let serving = match worker.clone() {
        Some(worker) => tokio::spawn(admin::serve(listener, worker, stop_serving.clone())),
        None => tokio::spawn(admin::serve(listener, Idle(metrics), stop_serving.clone())),
    };
    let result = match &worker {
        Some(worker) => worker.work_on(config.job_uid, &shutdown).await,
        None => Ok(Ended::JobOver),
    };
    if matches!(result, Ok(Ended::JobOver)) {
        tracing::info!(uid = %config.job_uid, "the job is over");
        shutdown.drain.cancelled().await;
    }
    stop_serving.cancel();
    if let Ok(served) = serving.await {
        served?;
    }
    Ok(result.map(|_| ())?)
}

/// Connects to Postgres, then to NATS as the job's tenant, which only the ledger knows. `None` when it does not know the job any more.
async fn connect(config: &Config, folder: &ConnectionFolder) -> Result<Option<WorkerConfig>, ProgramError> {
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
    let Connection { mut ledger, mut streams, wrappers } = Connection::read(folder, &config.service_account_token)?;
    ledger.max_connections = config.database_connections.get();
    ledger.application_name = "vaultstream-worker".to_owned();
    ledger.source.for_others = true;
    ledger.patience = *config.connect_timeout;
    let ledger = Ledger::connect(&ledger).await?;
    logins::check_ownership(&ledger, ProgramKind::Worker, config.allow_owner).await?;
    ledger.check_version().await?;
    check_login(&ledger).await?;
    let job =
        jobs::by_uid(&ledger, config.job_uid).await.map_err(|error| WorkError::from(SessionError::from(error)))?;
    let Some(job) = job else {
        tell_unseen(config.job_uid);
        return Ok(None);
    };
    streams.user = NatsUser::Worker(tenant_of(&job));
    streams.name = "vaultstream-worker".to_owned();
    streams.patience = *config.connect_timeout;
    let streams = Streams::connect(&streams).await?;
    Ok(Some(WorkerConfig {
        ledger,
        streams,
        wrappers,
        connect_timeout: *config.connect_timeout,
        certification: Certification::Cluster,
        backend,
        threads: config.signing_threads.unwrap_or_else(cores),
        memory: config.memory_mib.get() << 20,
    }))
}

/// Refuses a login that is no worker's, and tells of one that reaches more than one namespace.
async fn check_login(ledger: &Ledger) -> Result<(), ProgramError> {
    match tenants::reach(ledger).await? {
        Some(Reach::Tenant { cluster, namespace }) => {
            tracing::info!(cluster, namespace, "the database login reaches the jobs of this namespace");
        }
        Some(Reach::Everything) => tracing::warn!(
            "the database login reaches the jobs of every namespace: `vaultstream tenant add NAMESPACE` makes one that does not"
        ),
        None => return Err(ProgramError::NoTenant { place: ledger.place().to_owned() }),
    }
    Ok(())
}

/// Ready: Postgres and NATS respond.
impl Probes for Worker {
    fn metrics(&self) -> Exposition {
        Worker::metrics(self).exposition()
    }

    fn unready(&self) -> Option<&'static str> {
        (!self.is_ready()).then_some("a dependency does not answer")
    }
}

/// A worker whose job is over before it has begun.
#[derive(Clone)]
struct Idle(Arc<Metrics>);

impl Probes for Idle {
    fn metrics(&self) -> Exposition {
        self.0.exposition()
    }

    fn unready(&self) -> Option<&'static str> {
        None
    }
}

/// The first SIGTERM or SIGINT drains, the second one aborts.
fn stop_on_signals(shutdown: &Shutdown) -> std::io::Result<()> {
    let mut signals = StopSignals::listen()?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        for (token, what) in [(&shutdown.drain, "finishing what is in flight"), (&shutdown.abort, "stopping at once")] {
            signals.next().await;
            tracing::info!("stopped by a signal: {what}");
            token.cancel();
        }
    });
    Ok(())
}
