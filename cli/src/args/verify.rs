//! `vaultstream verify`, and how many signatures are checked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use uuid::Uuid;

use super::{
    cluster::ClusterArgs,
    expected::ExpectedArgs,
    job_name::NamedJob,
    ledger::{JobArgs, LedgerArgs},
    output::OutputFormat,
    source::SourceArgs,
};

/// `vaultstream verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// What is verified.
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// What is known of the job from elsewhere.
    #[command(flatten)]
    pub expected: ExpectedArgs,
    /// A file with an earlier checkpoint of the job, as `vaultstream receipt --raw` printed it: the bundle has to extend it.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub checkpoint: Option<PathBuf>,
    /// Also compare the receipt with the one in the status of the SigningJob, which the cluster keeps. Without --context it is that of
    /// the kubeconfig's current context. With --context this is always done.
    #[arg(long)]
    pub from_cluster: bool,
    /// That cluster.
    #[arg(skip)]
    pub cluster: ClusterArgs,
    /// Where the tables are.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What to check.
    #[arg(long, value_enum, default_value = "full")]
    pub mode: VerifyMode,
    /// Report rows that were changed or deleted after they were signed, or a table that is gone, but do not fail for that.
    #[arg(long)]
    pub allow_changed: bool,
    /// Check a job that has failed or is not finished, as far as it is signed. Such a job is never reported as verified.
    #[arg(long)]
    pub partial: bool,
    /// Also look through the table that the job follows, for rows that no trigger has seen and that the job does not have. A row that has
    /// arrived and is not signed yet is none.
    #[arg(long, conflicts_with = "bundle")]
    pub coverage: bool,
    /// Name every record with a problem, not only the first ten.
    #[arg(long)]
    pub all: bool,
    /// Has no effect any more: changed rows are failures unless --allow-changed is given.
    #[arg(long, hide = true, conflicts_with = "allow_changed")]
    pub strict: bool,
    /// How long to wait for the ledger, the job and its end, such as 5m. Without it an unfinished job is a failure.
    #[arg(long)]
    pub wait: Option<humantime::Duration>,
    /// Print a table, or one JSON object.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: OutputFormat,
}

/// What is verified.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct SubjectArgs {
    /// NAMESPACE/NAME, or just NAME in the namespace default. If several jobs have this name, the newest.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<NamedJob>,

    /// The job's uid, for a job that a later job of its name superseded.
    #[arg(long)]
    pub uid: Option<Uuid>,

    /// The bundle in this file, as `vaultstream export --bundle` wrote it. It takes no ledger.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["database_url", "data_dir", "mode", "partial", "wait"])]
    pub bundle: Option<PathBuf>,

    /// The same as --job.
    #[arg(value_name = "[NS/]NAME")]
    pub name: Option<NamedJob>,
}

impl SubjectArgs {
    /// The job, unless it is a bundle.
    #[must_use]
    pub fn job(&self) -> JobArgs {
        JobArgs { job: self.job.clone(), uid: self.uid, name: self.name.clone() }
    }
}

/// `--verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyMode {
    /// Every signature.
    Full,
    /// 10,000 signatures, chosen at random.
    Sample,
    /// No signatures; only completeness, Merkle root and receipt.
    Sql,
}

impl VerifyMode {
    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sample => "sample",
            Self::Sql => "sql",
        }
    }
}
