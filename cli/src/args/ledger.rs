//! Which ledger a command reads, and which job in it.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::{cluster::ClusterArgs, job_name::NamedJob};

/// Which ledger a command reads.
#[derive(Args, Clone, Debug)]
pub struct LedgerArgs {
    /// Postgres, as postgres://user:password@host/database. Without it and without --data-dir: VAULTSTREAM_DATABASE_URL of the
    /// environment, then VAULTSTREAM_DATA_DIR, then DATABASE_URL.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// The data-dir that `vaultstream run` was given. [env: VAULTSTREAM_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// How long to wait for a server that does not respond.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,

    /// The cluster that has the ledger.
    #[arg(skip)]
    pub cluster: Option<ClusterArgs>,
}

/// Which job a command is about.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct JobArgs {
    /// NAMESPACE/NAME, or just NAME in the namespace default. If several jobs have this name, the newest.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<NamedJob>,

    /// The job's uid, for a job that a later job of its name superseded.
    #[arg(long)]
    pub uid: Option<Uuid>,

    /// The same as --job.
    #[arg(value_name = "[NS/]NAME")]
    pub name: Option<NamedJob>,
}

impl JobArgs {
    /// The job's name, if it is named.
    #[must_use]
    pub fn named(&self) -> Option<&NamedJob> {
        self.job.as_ref().or(self.name.as_ref())
    }
}
