//! From the command line to a leader at work, and back.

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::Parser;
use kube::Client;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    config::{Command, Config, Program},
    dependencies::Dependencies,
    hooks::{
        leave::{self, LeaveError},
        secrets::{self, SecretsError},
    },
    http::{self, Probes},
    leader::lead::{self, Deposed},
    metrics::Metrics,
    metrics_api,
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
    /// The port cannot be had.
    #[error("failed to listen on {address}: choose another with {option}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Signals cannot be handled.
    #[error("failed to handle signals")]
    Signals(#[source] std::io::Error),
    /// Metrics could not be registered.
    #[error("failed to register metrics")]
    Metrics(#[from] prometheus::Error),
    /// TLS cannot be set up.
    #[error("failed to set TLS up for the metrics API")]
    Tls(#[from] rustls::Error),
    /// Another replica leads now.
    #[error(transparent)]
    Deposed(#[from] Deposed),
    /// `leave` did not end well.
    #[error("failed to leave the cluster")]
    Leave(#[from] LeaveError),
    /// `make-dev-secrets` did not end well.
    #[error("failed to make the Secrets of a development installation")]
    Secrets(#[from] SecretsError),
}

/// The program: reads its settings, runs, and tells in one sentence why it failed.
pub fn main() -> ExitCode {
    let command = Program::parse().command;
    if let Command::Run(config) = &command
        && let Err(error) = start_logs(config)
    {
        eprintln!("vaultstream-operator: --log {}: {error}", config.log);
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(obey(command)),
        Err(source) => Err(OperatorError::Signals(source)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vaultstream-operator: {}", crate::chain(&error));
            let bad_input = matches!(error, OperatorError::Client(_) | OperatorError::Listen { .. });
            ExitCode::from(if bad_input { 2 } else { 1 })
        }
    }
}

async fn obey(command: Command) -> Result<(), OperatorError> {
    match command {
        Command::Run(config) => run(*config).await,
        Command::Leave(args) => Ok(leave::leave(args).await?),
        Command::MakeDevSecrets(args) => Ok(secrets::make(args).await?),
    }
}

fn start_logs(config: &Config) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter: EnvFilter = EnvFilter::builder().parse(format!("{},async_nats=off,tls_listener=off", config.log))?;
    // Colours are for terminals; NO_COLOR, CLICOLOR and TERM are heeded. A stderr that is gone is no reason to panic.
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let subscriber = subscriber.with_ansi(colours).with_writer(std::io::stderr);
    // A second start, as in tests that share a process, keeps the first one's settings.
    let _ = match config.log_json {
        true => subscriber.json().flatten_event(true).try_init(),
        false => subscriber.with_target(false).compact().try_init(),
    };
    Ok(())
}

/// Runs until SIGTERM or SIGINT, or until another replica leads.
///
/// # Errors
/// [`OperatorError`].
pub async fn run(config: Config) -> Result<(), OperatorError> {
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let client = Client::try_default().await.map_err(OperatorError::Client)?;
    let backlog = BacklogCache::default();
    let metrics = Metrics::new(backlog.clone())?;
    let dependencies = Dependencies::start(config.connection_dir.clone(), &stop);
    if let Some(address) = config.scaling_address {
        let listener = listen(address, "--scaling-address").await?;
        tokio::spawn(keda::serve(listener, backlog.clone(), stop.clone()));
    }
    let metrics_api = match config.metrics_api_address {
        Some(address) => {
            let listener = listen(address, "--metrics-api-address").await?;
            let service = (config.operator_namespace.as_str(), config.metrics_api_service.as_str());
            Some(metrics_api::start(listener, client.clone(), service, backlog.clone(), &stop)?)
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
    let serving = tokio::spawn(http::serve(listen(address, "--http-address").await?, probes, stop.clone()));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "operator");
    let replica = Replica { config, client, dependencies, metrics, backlog, metrics_api };
    let result = lead::lead(replica, &ready, &stop).await;
    stop.cancel();
    // Its connections end with the process.
    serving.abort();
    Ok(result?)
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, OperatorError> {
    TcpListener::bind(address).await.map_err(|source| OperatorError::Listen { address, option, source })
}

fn stop_on_signals(stop: &CancellationToken) -> Result<(), OperatorError> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(OperatorError::Signals)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(())
}
