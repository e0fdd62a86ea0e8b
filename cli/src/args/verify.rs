//! `vaultstream verify`, and how many signatures are checked.

use clap::{Args, ValueEnum};

use super::{
    ledger::{JobArgs, LedgerArgs},
    output::OutputFormat,
};

/// `vaultstream verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// What to check.
    #[arg(long, value_enum, default_value = "full")]
    pub mode: VerifyMode,
    /// Report rows that were changed or deleted after they were signed, or a table that is gone, but do not fail for that.
    #[arg(long)]
    pub allow_changed: bool,
    /// Check a job that has failed or is not finished, as far as it is signed. Such a job is never reported as verified.
    #[arg(long)]
    pub partial: bool,
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
