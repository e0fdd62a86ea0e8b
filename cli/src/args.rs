//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;
use vaultstream_signing::Backend;

/// Signs every record of a set exactly once with ECDSA P-256, and proves it.
///
/// On a laptop `vaultstream run -f job.yaml` does what the operator does on Kubernetes, from the same manifest: it starts a
/// private Postgres and NATS unless it is given URLs, signs, verifies, and stops them.
#[derive(Debug, Parser)]
#[command(name = "vaultstream", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What is logged to stderr: error, warn, info, debug, or a filter such as vaultstream_worker=debug,warn.
    #[arg(long, env = "VAULTSTREAM_LOG", default_value = "warn", global = true, hide_env = true)]
    pub log: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign the records of one or more SigningJobs on this machine.
    Run(RunArgs),
    /// Check every signature of a job, its completeness, its Merkle root and its receipt.
    Verify(VerifyArgs),
    /// Write a job's records and signatures to stdout.
    Export(ExportArgs),
    /// Print the public keys of a job, or move private keys to another key encryption key.
    Keys(KeysArgs),
    /// Show the jobs of a ledger.
    Status(StatusArgs),
    /// Measure what this machine signs, alone and through the whole path.
    Bench(crate::bench::BenchArgs),
    /// Create or update the ledger's schema.
    Migrate(LedgerArgs),
    /// Start, stop or look at a private Postgres and NATS that stay.
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

/// Where Postgres and NATS are.
#[derive(Args, Clone, Debug)]
pub struct SiteArgs {
    /// Postgres, as postgres://user:password@host/database. Without it a private one is started.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// NATS with JetStream, as nats://host:4222. Without it a private one is started.
    #[arg(long, env = "VAULTSTREAM_NATS_URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// Keep the private servers' data, and the key encryption key, in this folder; the same command goes on there.
    #[arg(long, env = "VAULTSTREAM_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// The key encryption key: a file with the base64 of 32 bytes. Default: `kek` in the data-dir.
    #[arg(long, env = "VAULTSTREAM_KEK_FILE")]
    pub kek_file: Option<PathBuf>,

    /// How long to wait for servers that do not answer.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,
}

/// `vaultstream run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Manifests with SigningJobs; `-` reads stdin. Several jobs run one after the other.
    #[arg(short, long = "file", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Where Postgres and NATS are.
    #[command(flatten)]
    pub site: SiteArgs,

    /// What signs: multibuffer, native or reference. Default: the fastest that this processor has.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// What is checked at the end: every signature, a sample of 10,000, or only what SQL can see. Default: full up to
    /// 100,000 records, else sample. Completeness and the Merkle root are checked always.
    #[arg(long, value_enum)]
    pub verify: Option<VerifyMode>,

    /// A table for people, or one JSON object a job on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,

    /// Sign a finished job anew, under fresh keys. The old signatures stay, under the old job's uid.
    #[arg(long)]
    pub again: bool,

    /// Make the records and their batches, sign nothing; the same command without this signs them.
    #[arg(long)]
    pub seed_only: bool,

    /// Between two comparisons of streams and ledger. For tests, which cannot wait so long.
    #[arg(long, env = "VAULTSTREAM_REPAIR_INTERVAL", default_value = "30s", hide = true)]
    pub repair_interval: humantime::Duration,

    /// How long a batch may be held without a sign of life. For tests, which cannot wait so long.
    #[arg(long, env = "VAULTSTREAM_BATCH_ACK_WAIT", default_value = "30s", hide = true)]
    pub batch_ack_wait: humantime::Duration,
}

/// `--verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyMode {
    /// Every signature.
    Full,
    /// 10,000 signatures, chosen at random.
    Sample,
    /// No signature; completeness, Merkle root and receipt only.
    Sql,
}

/// `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Which ledger a command reads.
#[derive(Args, Clone, Debug)]
pub struct LedgerArgs {
    /// Postgres, as postgres://user:password@host/database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// The data-dir of `vaultstream run`.
    #[arg(long, env = "VAULTSTREAM_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// How long to wait for a server that does not answer.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,
}

/// Which job a command is about.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct JobArgs {
    /// NAMESPACE/NAME, or NAME in the namespace default: the live job of that name, else the newest.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<vaultstream_api::JobRef>,

    /// The job's uid, which is exact.
    #[arg(long)]
    pub uid: Option<Uuid>,
}

/// `vaultstream verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// What is checked.
    #[arg(long, value_enum, default_value = "full")]
    pub mode: VerifyMode,
    /// Records of a table that were changed or deleted since they were signed are a failure, too.
    #[arg(long)]
    pub strict: bool,
    /// Wait so long for the ledger, the job and its end, such as 5m. Without it a job that is not finished is a failure.
    #[arg(long)]
    pub wait: Option<humantime::Duration>,
    /// A table for people, or one JSON object on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// `vaultstream export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// One JSON object a line, or CSV with a header.
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// Form of the signatures: DER as `openssl dgst -verify` reads it, raw r‖s in base64, or JOSE (base64url of r‖s).
    #[arg(long, value_enum, default_value = "der")]
    pub signature: SignatureForm,
    /// Add to each record the proof that it is under the job's Merkle root (jsonl only).
    #[arg(long)]
    pub proofs: bool,
    /// Write the exact bytes that were signed instead of the payload: they differ for `signing.message: Bound`.
    #[arg(long)]
    pub message: bool,
}

/// `--format` of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

/// `--signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignatureForm {
    /// ASN.1 DER, base64.
    Der,
    /// r‖s, base64.
    Raw,
    /// r‖s, base64url without padding.
    Jose,
}

/// `vaultstream keys`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct KeysArgs {
    /// Something else than printing.
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// SubjectPublicKeyInfo in PEM, or a JSON Web Key Set.
    #[arg(long, value_enum, default_value = "pem")]
    pub format: KeyFormat,
    /// Only the key with this id (`keyId` of an export: the RFC 7638 thumbprint).
    #[arg(long, value_name = "KEY_ID")]
    pub key: Option<String>,
}

/// What else is done with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Move private keys from old key encryption keys to a new one; jobs may sign meanwhile. Workers must have both until this
    /// has ended: the new one as `kek` of the connection Secret, old ones as `kek.<id>`.
    Rewrap(RewrapArgs),
}

/// `vaultstream keys rewrap`.
#[derive(Args, Clone, Debug)]
pub struct RewrapArgs {
    /// Which ledger. Its URL must be that of the schema's owner.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// File with the new key encryption key: 32 bytes in base64, such as `openssl rand -base64 32` makes.
    #[arg(long, value_name = "FILE")]
    pub kek_file: PathBuf,
    /// File with one that keys are wrapped under now; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    pub old_kek_file: Vec<PathBuf>,
}

/// `--format` of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyFormat {
    /// SubjectPublicKeyInfo, PEM.
    Pem,
    /// JSON Web Key Set.
    Jwks,
}

/// `vaultstream status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Only this job, with its keys and rejects.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<vaultstream_api::JobRef>,
    /// A table for people, or JSON on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// `vaultstream dev`.
#[derive(Clone, Debug, Subcommand)]
pub enum DevCommand {
    /// Start both servers on a data-dir and leave them running.
    Up(DevArgs),
    /// Stop them.
    Down(DevArgs),
    /// Tell where they answer.
    Status(DevArgs),
}

/// Which private servers.
#[derive(Args, Clone, Debug)]
pub struct DevArgs {
    /// The folder of their data.
    #[arg(long, env = "VAULTSTREAM_DATA_DIR")]
    pub data_dir: PathBuf,
}
