//! `vaultstream keys`, `vaultstream keys rewrap` and `vaultstream keys revoke`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use vaultstream_signing::Thumbprint;

use super::{
    key_service::KeyServiceArgs,
    ledger::{JobArgs, LedgerArgs},
};

/// `vaultstream keys`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct KeysArgs {
    /// Does something else than printing.
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// PEM, a JSON Web Key Set, or the certificates of the receipt key.
    #[arg(long, value_enum, default_value = "pem")]
    pub format: KeyFormat,
    /// Only the key with this id: the `keyId` of an export, an RFC 7638 thumbprint.
    #[arg(long, value_name = "KEY_ID", allow_hyphen_values = true)]
    pub key: Option<Thumbprint>,
}

/// Commands about keys beside printing them.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Move the jobs' keys from old key-encryption keys to a new one, while jobs may sign. Until this is done workers need both: the
    /// new one as `kek` in the connection Secret, old ones as `kek.<id>`. What was interrupted is continued by the same command.
    Rewrap(RewrapArgs),
    /// Revoke a key of a job, for ever: it signs nothing more, and `verify` and `keys` tell so. Signatures that it made before stay.
    Revoke(RevokeArgs),
}

/// `vaultstream keys rewrap`.
#[derive(Args, Clone, Debug)]
pub struct RewrapArgs {
    /// Which ledger. The URL must log in as the owner of the schema.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The file with the new key-encryption key: 32 bytes in base64. `openssl rand -base64 32` makes one.
    #[arg(long, value_name = "FILE", required_unless_present = "kek_url", conflicts_with = "kek_url")]
    pub kek_file: Option<PathBuf>,
    /// The new key-encryption key in a service instead. What an earlier version of its key wrapped is moved to the present one.
    #[command(flatten)]
    pub key_service: KeyServiceArgs,
    /// A file with a key-encryption key that is in use now. Can be given several times.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["kek_url", "old_kek_url"])]
    pub old_kek_file: Vec<PathBuf>,
    /// A key-encryption key of a service that is in use now, with the same token and authorities.
    #[arg(long, value_name = "URL")]
    pub old_kek_url: Option<String>,
}

/// `vaultstream keys revoke`.
#[derive(Args, Clone, Debug)]
pub struct RevokeArgs {
    /// Which ledger. The URL must log in as the owner of the schema.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Which job.
    #[command(flatten)]
    pub job: JobArgs,
    /// The key's id: the `keyId` of an export, an RFC 7638 thumbprint.
    #[arg(long, value_name = "KEY_ID", allow_hyphen_values = true)]
    pub key: Thumbprint,
    /// Why, in a sentence that whoever verifies will read.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Somebody else may have used the key: `verify` takes none of its signatures for good any more.
    #[arg(long)]
    pub compromised: bool,
}

/// `--format` of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyFormat {
    /// SubjectPublicKeyInfo, PEM.
    Pem,
    /// JSON Web Key Set.
    Jwks,
    /// The certificates in the receipt, PEM: that of the receipt key first, each followed by the one of its issuer. For `openssl verify`.
    Chain,
}
