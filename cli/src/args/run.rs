//! `vaultstream run`.

use std::path::PathBuf;

use clap::Args;
use vaultstream_signing::Backend;

use super::{
    environment::EnvironmentArgs, output::OutputFormat, source::SourceArgs, ui::LocalAddress, verify::VerifyMode,
};

/// `vaultstream run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Manifests with SigningJobs; `-` reads stdin. Several jobs run one after the other.
    #[arg(short, long = "file", required_unless_present = "more_files", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The same, without -f.
    #[arg(value_name = "FILE", hide = true)]
    pub more_files: Vec<PathBuf>,

    /// Where Postgres and NATS are.
    #[command(flatten)]
    pub environment: EnvironmentArgs,

    /// Where the tables are.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The signing implementation: engine, native or reference. Default: the fastest that works on this processor.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// What to check at the end: every signature, a sample of 10,000, or no signature. Default: full up to 100,000 records, else
    /// sample. Completeness, Merkle root and receipt are always checked.
    #[arg(long, value_enum)]
    pub verify: Option<VerifyMode>,

    /// Print a table, or one JSON object for each job.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: OutputFormat,

    /// Sign a finished job again, with new keys. The old signatures are kept under the old job's uid.
    #[arg(long)]
    pub again: bool,

    /// Create the records and their batches, but sign nothing. Run the same command without this option to sign them.
    #[arg(long)]
    pub seed_only: bool,

    /// The certificate of an issuer that certifies the receipt key of each job, followed by those between it and a root if there are some;
    /// PEM.
    #[arg(long, value_name = "PEM", requires = "issuer_key")]
    pub issuer_cert: Option<PathBuf>,

    /// The issuer's private key, PEM.
    #[arg(long, value_name = "PEM", requires = "issuer_cert")]
    pub issuer_key: Option<PathBuf>,

    /// How long to wait for the timestamping authorities of spec.anchors after a job's end. Those that have not confirmed by then are asked
    /// again when the same command is run again.
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub anchor_timeout: humantime::Duration,

    /// Serve a page that shows the jobs while they run, to browsers of this machine: at this address, or at a free port of 127.0.0.1.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:0")]
    pub web: Option<LocalAddress>,

    /// Interval of comparisons of streams and ledger. For tests, which need a short one.
    #[arg(long, env = "VAULTSTREAM_REPAIR_INTERVAL", default_value = "30s", hide = true)]
    pub repair_interval: humantime::Duration,

    /// How long a batch may be held without a sign of life. For tests, which need a short time.
    #[arg(long, env = "VAULTSTREAM_BATCH_ACK_WAIT", default_value = "30s", hide = true)]
    pub batch_ack_wait: humantime::Duration,
}

impl RunArgs {
    /// The manifests, given with -f or without.
    pub fn manifests(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().chain(&self.more_files)
    }
}
