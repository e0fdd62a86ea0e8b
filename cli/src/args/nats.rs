//! How to log in to a NATS server, and what to request from it.

use std::path::PathBuf;

use clap::Args;
use vaultstream_lifecycle::Settings;
use vaultstream_streams::ConnectOptions;

/// How to log in to NATS, and what to request from it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "NATS")]
pub struct NatsArgs {
    /// Credentials file to log in with: a JWT and its seed.
    #[arg(long, env = "VAULTSTREAM_NATS_CREDS", value_name = "FILE", conflicts_with = "nats_nkey")]
    pub nats_creds: Option<PathBuf>,

    /// File with the seed of an nkey to log in with.
    #[arg(long, env = "VAULTSTREAM_NATS_NKEY", value_name = "FILE")]
    pub nats_nkey: Option<PathBuf>,

    /// Certificates of the authorities to trust instead of the system's, PEM. The connection is encrypted then.
    #[arg(long, env = "VAULTSTREAM_NATS_CA", value_name = "FILE")]
    pub nats_ca: Option<PathBuf>,

    /// Certificate to log in with, PEM.
    #[arg(long, env = "VAULTSTREAM_NATS_CERT", value_name = "FILE", requires = "nats_key")]
    pub nats_cert: Option<PathBuf>,

    /// The key of --nats-cert, PEM.
    #[arg(long, env = "VAULTSTREAM_NATS_KEY", value_name = "FILE", requires = "nats_cert")]
    pub nats_key: Option<PathBuf>,

    /// Copies of each stream, 1 to 5. Default: 3 in a cluster that has room for them, else 1.
    #[arg(long, env = "VAULTSTREAM_NATS_REPLICAS", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub nats_replicas: Option<u8>,

    /// Bytes that a job's stream of batches reserves, 65536 at least. Default: only as many as the account requires.
    #[arg(long, env = "VAULTSTREAM_NATS_MAX_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(i64).range(65536..))]
    pub nats_max_bytes: Option<i64>,

    /// Limit of a stream's messages that workers hold at a time. Default: enough to keep all workers busy, or what the account
    /// allows.
    #[arg(long, env = "VAULTSTREAM_NATS_MAX_ACK_PENDING", value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub nats_max_ack_pending: Option<i64>,
}

impl NatsArgs {
    /// The names of the login options that were given.
    #[must_use]
    pub fn login(&self) -> Vec<&'static str> {
        let given = [
            ("--nats-creds", &self.nats_creds),
            ("--nats-nkey", &self.nats_nkey),
            ("--nats-ca", &self.nats_ca),
            ("--nats-cert", &self.nats_cert),
        ];
        given.into_iter().filter(|(_, file)| file.is_some()).map(|(name, _)| name).collect()
    }

    /// How to connect to the NATS at this URL.
    #[must_use]
    pub fn connect_options(&self, url: String) -> ConnectOptions {
        ConnectOptions {
            url,
            credentials: self.nats_creds.clone(),
            nkey: self.nats_nkey.clone(),
            ca: self.nats_ca.clone(),
            certificate: self.nats_cert.clone(),
            key: self.nats_key.clone(),
            name: "vaultstream".to_owned(),
            ..ConnectOptions::default()
        }
    }

    /// The settings of a job's lifecycle.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            replicas: self.nats_replicas.map(usize::from),
            max_bytes: self.nats_max_bytes,
            max_ack_pending: self.nats_max_ack_pending,
            ..Settings::default()
        }
    }
}
