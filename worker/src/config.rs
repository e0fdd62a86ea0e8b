//! The program's settings; each is an option and an environment variable.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use clap::Parser;
use uuid::Uuid;
use vaultstream_program::LogFormat;
use vaultstream_signing::Backend;

/// Signs the records of one SigningJob: pulls batches from JetStream, leases keys, signs, and commits signatures to
/// Postgres, until a signal stops it. SIGTERM finishes what is in flight; a second one stops at once.
#[derive(Clone, Debug, Parser)]
#[command(name = "vaultstream-worker", version)]
pub struct Config {
    /// The job's uid (metadata.uid of its SigningJob).
    #[arg(long, env = "VAULTSTREAM_JOB_UID")]
    pub job_uid: Uuid,

    /// Folder with the files of the connection Secret: DATABASE_URL, NATS_URL, kek or KEK_URL, and optionally `kek.<id>`, OLD_KEK_URL,
    /// transit-token, transit-role, transit-auth-path, transit-ca.crt, SOURCE_DATABASE_URL, source-ca.crt, source.crt, source.key,
    /// postgres-ca.crt, postgres.crt, postgres.key, nats-ca.crt, nats.crt, nats.key, nats.creds, nats.nkey.
    #[arg(long, env = "VAULTSTREAM_CONNECTION_DIR", default_value = "/etc/vaultstream/connection")]
    pub connection_dir: PathBuf,

    /// File with the token of the pod's ServiceAccount, by which a worker logs in to the service that holds the key-encryption key.
    #[arg(
        long,
        env = "VAULTSTREAM_SERVICE_ACCOUNT_TOKEN",
        default_value = "/var/run/secrets/vaultstream.dev/key-service/token"
    )]
    pub service_account_token: PathBuf,

    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "VAULTSTREAM_HTTP_ADDRESS", default_value = "0.0.0.0:9090")]
    pub http_address: SocketAddr,

    /// What signs: engine, native or reference. Default: the fastest that this processor has.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// Signing threads. Default: one for each core that this process may use.
    #[arg(long, env = "VAULTSTREAM_SIGNING_THREADS")]
    pub signing_threads: Option<NonZeroUsize>,

    /// Connections to Postgres at most.
    #[arg(long, env = "VAULTSTREAM_DATABASE_CONNECTIONS", default_value = "6")]
    pub database_connections: NonZeroUsize,

    /// Memory that units in flight may hold, in MiB.
    #[arg(long, env = "VAULTSTREAM_MEMORY_MIB", default_value = "32")]
    pub memory_mib: NonZeroUsize,

    /// How long to wait at start for Postgres, NATS and the service that holds the key-encryption key to respond.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "60s")]
    pub connect_timeout: humantime::Duration,

    /// Run under a login that owns the ledger, too. Whoever has such a worker's Secret can do everything to the jobs of all namespaces.
    #[arg(long, env = "VAULTSTREAM_ALLOW_OWNER")]
    pub allow_owner: bool,

    /// File for the reason of a failure, as `Reason: sentence`; Kubernetes keeps it with the container's state.
    #[arg(long, env = "VAULTSTREAM_TERMINATION_LOG")]
    pub termination_log: Option<PathBuf>,

    /// Form of log lines.
    #[arg(long, env = "VAULTSTREAM_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or a filter such as vaultstream_worker=debug,info.
    #[arg(long, env = "VAULTSTREAM_LOG", default_value = "info")]
    pub log: String,
}
