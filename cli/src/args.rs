//! The command line: plain data. It knows no command; commands import their arguments from here.

mod bench;
mod cluster;
mod dev;
mod environment;
mod expected;
mod export;
mod following;
mod job_name;
mod jobs;
mod key_service;
mod keys;
mod ledger;
mod nats;
mod output;
mod run;
mod source;
mod tenant;
mod ui;
mod verify;

use clap::{Parser, Subcommand};

pub use bench::{BenchArgs, BenchFormat};
pub use cluster::{ClusterArgs, SecretRef};
pub use dev::{DevArgs, DevCommand};
pub use environment::EnvironmentArgs;
pub use expected::{ExpectedArgs, ReceiptDigest};
pub use export::{ExportArgs, ExportFormat, SignatureForm};
pub use following::{
    ColumnNames, QualifiedName, SourceCommand, SourceDatabaseArgs, SourceDisableArgs, SourceEnableArgs,
    SourceStatusArgs,
};
pub use job_name::NamedJob;
pub use jobs::{DeleteArgs, ReceiptArgs, StatusArgs};
pub use key_service::KeyServiceArgs;
pub use keys::{KeyFormat, KeysArgs, KeysCommand, RevokeArgs, RewrapArgs};
pub use ledger::{JobArgs, LedgerArgs};
pub use nats::NatsArgs;
pub use output::OutputFormat;
pub use run::RunArgs;
pub use source::SourceArgs;
pub use tenant::{
    AuditorArgs, OperatorArgs, SecretServerFields, TenantAddArgs, TenantArgs, TenantCommand, TenantListArgs,
    TenantRemoveArgs, TenantSecretArgs, TenantSecretFields,
};
pub use ui::{LocalAddress, UiArgs};
pub use verify::{VerifyArgs, VerifyMode};

/// Signs every record of a set exactly once with ECDSA P-256, and proves it.
///
/// `vaultstream run -f job.yaml` does on a laptop what the operator does on Kubernetes, from the same manifest. Unless it is given
/// URLs, it starts a private Postgres and NATS and stops them at the end.
#[derive(Debug, Parser)]
#[command(name = "vaultstream", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// A cluster whose jobs are read.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// What to log to stderr: error, warn, info, debug, or a filter such as vaultstream_worker=debug,warn.
    #[arg(long, env = "VAULTSTREAM_LOG", default_value = "warn", global = true, hide_env = true)]
    pub log: String,
}

impl Cli {
    /// Gives the command its cluster: the one that is named, or, for a plugin of kubectl that is given no other ledger, the current context's.
    ///
    /// # Errors
    /// With a sentence, when the command reads no cluster or a ledger is named besides.
    pub fn in_cluster(&mut self, is_plugin: bool) -> Result<(), String> {
        let given = self.cluster.is_given();
        if !given && !is_plugin {
            return Ok(());
        }
        let mut of_bundle = false;
        let ledger = match &mut self.command {
            Command::Verify(args) => {
                args.cluster = self.cluster.clone();
                of_bundle = args.subject.bundle.is_some();
                &mut args.ledger
            }
            Command::Export(args) => &mut args.ledger,
            Command::Receipt(args) => &mut args.ledger,
            Command::Status(args) => &mut args.ledger,
            Command::Ui(args) => &mut args.ledger,
            Command::Keys(KeysArgs { command: None, ledger, .. }) => ledger,
            _ if !given => return Ok(()),
            _ => {
                return Err("--context, --namespace, --kubeconfig and --secret are for receipt, verify, export, status, ui and keys".to_owned());
            }
        };
        let elsewhere = ledger.database_url.is_some() || ledger.data_dir.is_some();
        if !elsewhere && !of_bundle {
            ledger.cluster = Some(self.cluster.clone());
            return Ok(());
        }
        match &mut self.command {
            Command::Verify(args) => args.from_cluster |= given,
            _ if !given => {}
            _ => {
                return Err(
                    "a ledger and a cluster are named: leave out --database-url and --data-dir, or the cluster"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign the records of SigningJobs on this machine.
    Run(RunArgs),
    /// Check every signature of a job, its completeness, its Merkle root and its receipt.
    Verify(VerifyArgs),
    /// Write a job's records and signatures to stdout.
    Export(ExportArgs),
    /// Print a job's public keys, revoke one, or move keys to another key-encryption key.
    Keys(KeysArgs),
    /// Print the receipt of a finished job: what was signed, by which keys, under which Merkle root. Of a job that follows its table it is the last
    /// checkpoint.
    Receipt(ReceiptArgs),
    /// Show the jobs of a ledger.
    Status(StatusArgs),
    /// Serve a page that shows the jobs of a ledger while they run, to browsers of this machine.
    Ui(UiArgs),
    /// Delete a job with its streams, records and signatures.
    Delete(DeleteArgs),
    /// Measure how fast this machine signs: the signing alone, and everything from the message to the ledger.
    Bench(BenchArgs),
    /// Create or update the ledger's schema.
    Migrate(LedgerArgs),
    /// Give namespaces database logins of their own, for a ledger that several of them share.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Have new rows of a table noted in its own database, so that a job can follow it.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Start, stop or show a private Postgres and NATS that keep running.
    #[command(subcommand)]
    Dev(DevCommand),
    /// Print the CustomResourceDefinition of SigningJob.
    Crd,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}
