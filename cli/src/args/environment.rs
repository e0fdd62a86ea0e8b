//! Where a job is signed: Postgres, NATS and the key-encryption key.

use std::path::PathBuf;

use clap::Args;

use super::{key_service::KeyServiceArgs, nats::NatsArgs};

/// Where Postgres and NATS are.
#[derive(Args, Clone, Debug)]
pub struct EnvironmentArgs {
    /// Postgres, as postgres://user:password@host/database. Without it and without --data-dir: VAULTSTREAM_DATABASE_URL of the
    /// environment, then VAULTSTREAM_DATA_DIR, then DATABASE_URL; else a private one is started.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// NATS with JetStream, as nats://host:4222. Without it a private one is started.
    #[arg(long, env = "VAULTSTREAM_NATS_URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// Start private servers that keep their data, and the key-encryption key, in this folder. Run the same command again to
    /// continue. With --database-url it only holds the key and NATS' data. [env: VAULTSTREAM_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// The key-encryption key: a file with 32 bytes in base64. Default: `kek` in the data-dir.
    #[arg(long, env = "VAULTSTREAM_KEK_FILE")]
    pub kek_file: Option<PathBuf>,

    /// A key-encryption key in a service instead.
    #[command(flatten)]
    pub key_service: KeyServiceArgs,

    /// How long to wait for a server that does not respond.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,

    /// How to log in to NATS, and what to request from it.
    #[command(flatten)]
    pub nats: NatsArgs,
}
