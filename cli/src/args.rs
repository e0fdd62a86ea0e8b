//! The command line.

mod nats;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;
use vaultstream_signing::Backend;

pub use nats::NatsArgs;

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

    /// What to log to stderr: error, warn, info, debug, or a filter such as vaultstream_worker=debug,warn.
    #[arg(long, env = "VAULTSTREAM_LOG", default_value = "warn", global = true, hide_env = true)]
    pub log: String,
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
    /// Print a job's public keys, or move private keys to another key-encryption key.
    Keys(KeysArgs),
    /// Print the receipt of a finished job: what was signed, by which keys, under which Merkle root.
    Receipt(ReceiptArgs),
    /// Show the jobs of a ledger.
    Status(StatusArgs),
    /// Delete a job with its streams, records and signatures.
    Delete(DeleteArgs),
    /// Measure how fast this machine signs: the signing alone, and everything from the message to the ledger.
    Bench(crate::bench::BenchArgs),
    /// Create or update the ledger's schema.
    Migrate(LedgerArgs),
    /// Start, stop or look at a private Postgres and NATS that keep running.
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

    /// How long to wait for a server that does not answer.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,

    /// What to log in to NATS with, and what to ask of it.
    #[command(flatten)]
    pub nats: NatsArgs,
}

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
    pub site: SiteArgs,

    /// The signing implementation: multibuffer, native or reference. Default: the fastest that works on this processor.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// What to check at the end: every signature, a sample of 10,000, or no signature. Default: full up to 100,000 records, else
    /// sample. Completeness, Merkle root and receipt are always checked.
    #[arg(long, value_enum)]
    pub verify: Option<VerifyMode>,

    /// Print a table, or one JSON object for each job.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,

    /// Sign a finished job again, with new keys. The old signatures are kept under the old job's uid.
    #[arg(long)]
    pub again: bool,

    /// Make the records and their batches but sign nothing. Run the same command without this option to sign them.
    #[arg(long)]
    pub seed_only: bool,

    /// Between two comparisons of streams and ledger. For tests, which cannot wait so long.
    #[arg(long, env = "VAULTSTREAM_REPAIR_INTERVAL", default_value = "30s", hide = true)]
    pub repair_interval: humantime::Duration,

    /// How long a batch may be held without a sign of life. For tests, which cannot wait so long.
    #[arg(long, env = "VAULTSTREAM_BATCH_ACK_WAIT", default_value = "30s", hide = true)]
    pub batch_ack_wait: humantime::Duration,
}

impl RunArgs {
    /// The manifests, however they were given.
    pub fn manifests(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().chain(&self.more_files)
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
    /// Postgres, as postgres://user:password@host/database. Without it and without --data-dir: VAULTSTREAM_DATABASE_URL of the
    /// environment, then VAULTSTREAM_DATA_DIR, then DATABASE_URL.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// The data-dir that `vaultstream run` was given. [env: VAULTSTREAM_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// How long to wait for a server that does not answer.
    #[arg(long, env = "VAULTSTREAM_CONNECT_TIMEOUT", default_value = "15s")]
    pub connect_timeout: humantime::Duration,
}

/// Which job a command is about.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct JobArgs {
    /// NAMESPACE/NAME, or just NAME in the namespace default. Of several, the newest.
    #[arg(long, value_name = "NS/NAME")]
    pub job: Option<vaultstream_api::JobRef>,

    /// The job's uid, where a name is not exact enough.
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
    /// What to check.
    #[arg(long, value_enum, default_value = "full")]
    pub mode: VerifyMode,
    /// Report rows that were changed or deleted after they were signed, or a table that is gone, but do not fail because of them.
    #[arg(long)]
    pub allow_changed: bool,
    /// Check what there is of a job that has failed or is not finished. Such a job is never called verified.
    #[arg(long)]
    pub partial: bool,
    /// Name every record that something is wrong with, not the first ten.
    #[arg(long)]
    pub all: bool,
    /// Has no effect any more: what it asked for is always done.
    #[arg(long, hide = true, conflicts_with = "allow_changed")]
    pub strict: bool,
    /// How long to wait for the ledger, the job and its end, such as 5m. Without it an unfinished job is a failure.
    #[arg(long)]
    pub wait: Option<humantime::Duration>,
    /// Print a table, or one JSON object.
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
    /// One JSON object per line, or CSV with a header.
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// The form of signatures: DER, which `openssl dgst -verify` reads, raw r‖s in base64, or JOSE (r‖s in base64url).
    #[arg(long, value_enum, default_value = "der")]
    pub signature: SignatureForm,
    /// Add to each record the proof that it belongs to the job's Merkle root (jsonl only).
    #[arg(long)]
    pub proofs: bool,
    /// Write the exact bytes that were signed, not the payload. They differ with `signing.message: Bound`. They are no
    /// longer known for records that were changed since.
    #[arg(long)]
    pub message: bool,
    /// Export what is signed so far of a job that is not Complete.
    #[arg(long)]
    pub partial: bool,
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
    /// Other work than printing.
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// PEM, or a JSON Web Key Set.
    #[arg(long, value_enum, default_value = "pem")]
    pub format: KeyFormat,
    /// Only the key with this id: the `keyId` of an export, an RFC 7638 thumbprint.
    #[arg(long, value_name = "KEY_ID", allow_hyphen_values = true)]
    pub key: Option<vaultstream_signing::Thumbprint>,
}

/// Other work with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Move private keys from old key-encryption keys to a new one, while jobs may sign. Until this is done workers need both: the
    /// new one as `kek` in the connection Secret, old ones as `kek.<id>`.
    Rewrap(RewrapArgs),
}

/// `vaultstream keys rewrap`.
#[derive(Args, Clone, Debug)]
pub struct RewrapArgs {
    /// Which ledger. The URL must log in as the owner of the schema.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The file with the new key-encryption key: 32 bytes in base64. `openssl rand -base64 32` makes one.
    #[arg(long, value_name = "FILE")]
    pub kek_file: PathBuf,
    /// A file with a key-encryption key that is in use now. Can be given several times.
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

/// `vaultstream receipt`.
#[derive(Args, Clone, Debug)]
pub struct ReceiptArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// As it is stored, a compact JWS; else its content as JSON, once its signature was checked.
    #[arg(long)]
    pub raw: bool,
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
    /// Only the job with this uid.
    #[arg(long, conflicts_with = "job")]
    pub uid: Option<Uuid>,
    /// Also show jobs whose name a later job took over, and of each job the uid and the digest of the receipt.
    #[arg(long, conflicts_with = "uid")]
    pub all: bool,
    /// Look again every two seconds. With one job: until it is over.
    #[arg(long)]
    pub watch: bool,
    /// Print a table, or JSON.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// `vaultstream delete`.
#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// NATS with the job's streams, as nats://host:4222. With a data-dir it is the one there.
    #[arg(long, env = "VAULTSTREAM_NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,
    /// What to log in to NATS with.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Keep its signatures, keys and receipt; they are found under the job's uid.
    #[arg(long)]
    pub keep_signatures: bool,
    /// Delete without asking.
    #[arg(short, long)]
    pub yes: bool,
    /// Delete it even if it belongs to a cluster, which must be gone.
    #[arg(long)]
    pub force: bool,
}

/// `vaultstream dev`.
#[derive(Clone, Debug, Subcommand)]
pub enum DevCommand {
    /// Start both servers and leave them running.
    Up(DevArgs),
    /// Stop both servers. Their data is kept.
    Down(DevArgs),
    /// Show their connection URLs.
    Status(DevArgs),
}

/// Which private servers.
#[derive(Args, Clone, Debug)]
pub struct DevArgs {
    /// The folder with their data.
    #[arg(long, env = "VAULTSTREAM_DATA_DIR")]
    pub data_dir: PathBuf,
}
