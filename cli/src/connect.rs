//! Connections to a ledger and to NATS.

use std::time::Duration;

use vaultstream_ledger::{ConnectOptions, Ledger, SourceLogin, SourceOptions, TlsFiles};
use vaultstream_streams::Streams;

use crate::{
    args::{NatsArgs, SourceArgs},
    cluster::ClusterLogin,
    error::Failure,
};

/// Connects to a ledger, waiting at most `timeout` for its server. Tables are read where `source` says.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn ledger(
    url: &str,
    source: &SourceArgs,
    connections: usize,
    timeout: Duration,
) -> Result<Ledger, Failure> {
    let login = SourceLogin { url: url.to_owned(), tls: TlsFiles::default() };
    logged_in(login, of_tables(source), connections, timeout).await
}

/// The same for the ledger of a cluster. A URL that was given for the tables precedes that of the cluster.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn cluster(
    login: &ClusterLogin,
    source: &SourceArgs,
    connections: usize,
    timeout: Duration,
) -> Result<Ledger, Failure> {
    let source = of_tables(source).or_else(|| login.source.clone());
    logged_in(login.ledger.clone(), source, connections, timeout).await
}

fn of_tables(source: &SourceArgs) -> Option<SourceLogin> {
    source.url().map(|url| SourceLogin { url: url.to_owned(), tls: TlsFiles::default() })
}

/// One session of a user, with no ledger in mind.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn session(url: &str, timeout: Duration) -> Result<tokio_postgres::Client, Failure> {
    let login = SourceLogin { url: url.to_owned(), tls: TlsFiles::default() };
    vaultstream_ledger::session(&options(login, None, 1, timeout)).await.map_err(|error| Failure::input(&error))
}

async fn logged_in(
    login: SourceLogin,
    source: Option<SourceLogin>,
    connections: usize,
    timeout: Duration,
) -> Result<Ledger, Failure> {
    let options = options(login, source, connections, timeout);
    Ledger::connect(&options).await.map_err(|error| Failure::input(&error))
}

fn options(
    SourceLogin { url, tls }: SourceLogin,
    source: Option<SourceLogin>,
    connections: usize,
    timeout: Duration,
) -> ConnectOptions {
    ConnectOptions {
        url,
        max_connections: connections,
        application_name: "vaultstream".to_owned(),
        patience: timeout,
        tls,
        source: SourceOptions { login: source, for_others: false },
    }
}

/// Connects to NATS, waiting at most `timeout` for its server.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn streams(login: &NatsArgs, url: String, timeout: Duration) -> Result<Streams, Failure> {
    let options = vaultstream_streams::ConnectOptions { patience: timeout, ..login.connect_options(url) };
    Streams::connect(&options).await.map_err(|error| Failure::input(&error))
}
