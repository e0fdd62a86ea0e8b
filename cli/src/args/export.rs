//! `vaultstream export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    ledger::{JobArgs, LedgerArgs},
    source::SourceArgs,
};

/// `vaultstream export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// Write all that a stranger needs to verify the job into this file, `-` for stdout: `vaultstream verify --bundle` does it
    /// without a server.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "signature", "proofs", "message", "partial"])]
    pub bundle: Option<PathBuf>,
    /// Leave the payloads out of the bundle. It proves what their digests were then.
    #[arg(long, requires = "bundle")]
    pub no_payloads: bool,
    /// Where the tables are.
    #[command(flatten)]
    pub source: SourceArgs,
    /// One JSON object per line, or CSV with a header.
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// The form of signatures: DER, which `openssl dgst -verify` reads, raw r‖s in base64, or JOSE (r‖s in base64url).
    #[arg(long, value_enum, default_value = "der")]
    pub signature: SignatureForm,
    /// Add to each record the proof that it belongs to the job's Merkle root (jsonl only).
    #[arg(long)]
    pub proofs: bool,
    /// Write the exact bytes that were signed, not the payload. They differ with `signing.message: Bound`. They
    /// cannot be written for records that were changed since.
    #[arg(long)]
    pub message: bool,
    /// Export a job that is not Complete, as far as it is signed.
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
