//! From the command line to a leader at work, and back.

use std::{
    num::NonZeroUsize,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use tokio_util::sync::CancellationToken;
use vaultstream_program::{
    LogFormat,
    admin::{self, ServeError},
    shell::{self, ExitStatus, Shell},
    signals::StopSignals,
};

use crate::{
    api_client,
    config::{Command, Config, Program},
    dependencies::Dependencies,
    hooks::{
        leave::{self, LeaveError},
        migrate::{self, MigrateHookError},
        secrets,
        stored::SecretsError,
    },
    leader::lead::{self, Deposed},
    metrics::Metrics,
    metrics_api,
    page::ClusterPage,
    probes::Probes,
    replica::Replica,
    scaling::{backlog_cache::BacklogCache, keda},
};

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The API server's address or the credentials are unknown.
    #[error("failed to find the API server: is this a pod, or is KUBECONFIG set?")]
    Client(#[source] kube::Error),
    /// A port cannot be had.
    #[error(transparent)]
    Listen(#[from] ServeError),
    /// The system refuses what every program needs.
    #[error("failed to start")]
    System(#[from] std::io::Error),
    /// Metrics could not be registered.
    #[error("failed to register metrics")]
    Metrics(#[from] prometheus::Error),
    /// TLS cannot be set up.
    #[error("failed to set TLS up for the metrics API")]
    Tls(#[from] rustls::Error),
    /// The Lease was lost.
    #[error(transparent)]
    Deposed(#[from] Deposed),
    /// `leave` did not end well.
    #[error("failed to leave the cluster")]
    Leave(#[from] LeaveError),
    /// `migrate` did not end well.
    #[error(transparent)]
    Migrate(#[from] MigrateHookError),
    /// `make-dev-secrets` did not end well.
    #[error("failed to make the Secrets of a development installation")]
    Secrets(#[from] SecretsError),
}

impl ExitStatus for OperatorError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::Client(_) | Self::Listen(_)) { 2 } else { 1 }
    }
}

/// What the program is called in its errors.
const NAME: &str = "vaultstream-operator";

/// The program: reads its settings, runs, and says in one sentence why it failed.
pub fn main() -> ExitCode {
    let command = match shell::parse::<Program>(NAME) {
        Ok(program) => program.command,
        Err(code) => return code,
    };
    let logs = match &command {
        Command::Run(config) => {
            let format = if config.log_json { LogFormat::Json } else { LogFormat::Pretty };
            Some((format, config.log.clone()))
        }
        Command::Migrate(_) => Some((LogFormat::Pretty, "info".to_owned())),
        Command::Leave(_) | Command::MakeDevSecrets(_) => None,
    };
    Shell { name: NAME, logs, threads: NonZeroUsize::new(2) }.run(dispatch(command))
}

async fn dispatch(command: Command) -> Result<(), OperatorError> {
    match command {
        Command::Run(config) => run(*config).await,
        Command::Leave(args) => Ok(leave::leave(args).await?),
        Command::Migrate(args) => Ok(migrate::migrate(args).await?),
        Command::MakeDevSecrets(args) => Ok(secrets::make(args).await?),
    }
}

/// Runs until SIGTERM or SIGINT, or until the Lease is lost.
///
/// # Errors
/// [`OperatorError`].
pub async fn run(config: Config) -> Result<(), OperatorError> {
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let client = api_client::connect().await.map_err(OperatorError::Client)?;
    let backlog = BacklogCache::default();
    let metrics = Metrics::new(backlog.clone())?;
    let dependencies = Dependencies::start(config.connection_dir.clone(), config.allow_owner, &stop);
    if let Some(address) = config.scaling_address {
        let listener = admin::listen(address, "--scaling-address").await?;
        tokio::spawn(keda::serve(listener, backlog.clone(), stop.clone()));
    }
    let metrics_api = match config.metrics_api_address {
        Some(address) => {
            let listener = admin::listen(address, "--metrics-api-address").await?;
            let service = (config.operator_namespace.as_str(), config.metrics_api_service.as_str());
            let certificate = config.metrics_api_certificate_dir.clone();
            Some(metrics_api::start(listener, client.clone(), service, certificate, backlog.clone(), &stop)?)
        }
        None => None,
    };
    let ready = Arc::new(AtomicBool::new(false));
    let probes = Probes {
        metrics: metrics.clone(),
        dependencies: dependencies.clone(),
        backlog: backlog.clone(),
        ready: Arc::clone(&ready),
        metrics_api: metrics_api.clone(),
    };
    let address = config.http_address;
    let listener = admin::listen(address, "--http-address").await?;
    let page = Arc::new(ClusterPage::start(&config, &client, &dependencies));
    let page = vaultstream_page::router(page, stop.clone());
    let serving = tokio::spawn(admin::serve_beside(listener, probes, page, stop.clone()));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "operator");
    let replica = Replica { config, client, dependencies, metrics, backlog, metrics_api };
    let result = lead::lead(replica, &ready, &stop).await;
    stop.cancel();
    // Its connections end with the process.
    serving.abort();
    Ok(result?)
}

fn stop_on_signals(stop: &CancellationToken) -> std::io::Result<()> {
    let mut signals = StopSignals::listen()?;
    let stop = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
    });
    Ok(())
}
