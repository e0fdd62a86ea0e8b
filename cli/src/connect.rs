//! Connections to a ledger and to NATS.

use std::time::Duration;

use vaultstream_ledger::{ConnectOptions, Ledger, SourceLogin, SourceOptions, TlsFiles};
use vaultstream_streams::Streams;

use crate::{
    args::{NatsArgs, SourceArgs},
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
    let login = source.url().map(|url| SourceLogin { url: url.to_owned(), tls: TlsFiles::default() });
    Ledger::connect(&ConnectOptions {
        url: url.to_owned(),
        max_connections: connections,
        application_name: "vaultstream".to_owned(),
        patience: timeout,
        tls: TlsFiles::default(),
        source: SourceOptions { login, for_others: false },
    })
    .await
    .map_err(|error| Failure::input(&error))
}

/// Connects to NATS, waiting at most `timeout` for its server.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn streams(login: &NatsArgs, url: String, timeout: Duration) -> Result<Streams, Failure> {
    let options = vaultstream_streams::ConnectOptions { patience: timeout, ..login.connect_options(url) };
    Streams::connect(&options).await.map_err(|error| Failure::input(&error))
}
