//! Commands about jobs that are there: `receipt`, `status` and `delete`.

use clap::Args;
use uuid::Uuid;

use super::{
    job_name::NamedJob,
    ledger::{JobArgs, LedgerArgs},
    nats::NatsArgs,
    output::OutputFormat,
};

/// `vaultstream receipt`.
#[derive(Args, Clone, Debug)]
pub struct ReceiptArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Print the receipt as it is stored, a compact JWS. Without this its signature is checked and its content printed as JSON.
    #[arg(long)]
    pub raw: bool,
    /// Print the receipts of earlier jobs of this name, the newest first. `run --again` supersedes a job, and so does a SigningJob that is
    /// created again.
    #[arg(long)]
    pub older: bool,
}

/// `vaultstream status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Only this job, with its keys and rejects.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<NamedJob>,
    /// Only the job with this uid.
    #[arg(long, conflicts_with = "job")]
    pub uid: Option<Uuid>,
    /// The same as --job.
    #[arg(value_name = "[NS/]NAME", conflicts_with_all = ["job", "uid"])]
    pub name: Option<NamedJob>,
    /// Also show jobs that were superseded by a later job of the same name, and the uid and the receipt's digest of each job.
    #[arg(long, conflicts_with = "uid")]
    pub all: bool,
    /// Print again every two seconds. With one job: until it is over.
    #[arg(long)]
    pub watch: bool,
    /// Print a table, or JSON.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: OutputFormat,
}

/// `vaultstream delete`.
#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// NATS with the job's streams, as nats://host:4222. Default with a data-dir: the private NATS there.
    #[arg(long, env = "VAULTSTREAM_NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,
    /// How to log in to NATS.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Keep its signatures, keys and receipt. They are found by the job's uid.
    #[arg(long)]
    pub keep_signatures: bool,
    /// Delete without asking.
    #[arg(short, long)]
    pub yes: bool,
    /// Delete it even if it belongs to a cluster. That cluster must no longer exist.
    #[arg(long)]
    pub force: bool,
}
