//! `vaultstream tenant`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ledger::LedgerArgs;

/// `vaultstream tenant`. The URL must log in as the ledger's owner, or as one of its members, and be allowed to make roles.
#[derive(Clone, Debug, Subcommand)]
pub enum TenantCommand {
    /// Make the database login of a namespace, which reaches the jobs of that namespace and nothing else, and a key-encryption key.
    /// Prints the Secret that the namespace's workers need, for `kubectl apply -f -`.
    Add(TenantAddArgs),
    /// List the namespaces that have logins, and logins that still reach all namespaces.
    List(TenantListArgs),
    /// Drop the login of a namespace and end its sessions. Jobs and signatures stay.
    Remove(TenantRemoveArgs),
    /// Give the login of a namespace another password, and print its Secret anew.
    Secret(TenantSecretArgs),
    /// Make the operator's login, which drives the jobs of all namespaces, and reads no payload and no private key. If it is there, it gets
    /// another password. Prints the Secret that `connection.existingSecret` of the chart names.
    Operator(OperatorArgs),
    /// Make a login that reads the jobs of all namespaces, but no private key, and changes nothing: to verify, export and watch. If it is
    /// there, it gets another password. Prints a Secret, by which `helm test` verifies.
    Auditor(AuditorArgs),
}

/// `vaultstream tenant operator`.
#[derive(Args, Clone, Debug)]
pub struct OperatorArgs {
    /// The namespace of the Secret: that of the release.
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// Name of the login.
    #[arg(long, value_name = "NAME", default_value = "vaultstream_operate")]
    pub role: String,
    /// Where pods find the servers.
    #[command(flatten)]
    pub servers: SecretServerFields,
    /// The Secret's name.
    #[arg(long, value_name = "NAME", default_value = "vaultstream-operator")]
    pub secret_name: String,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// `vaultstream tenant auditor`.
#[derive(Args, Clone, Debug)]
pub struct AuditorArgs {
    /// The namespace of the Secret: that of the release.
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// Name of the login.
    #[arg(long, value_name = "NAME", default_value = "vaultstream_audit")]
    pub role: String,
    /// Host, and port if need be, at which pods reach Postgres. Default: as in the URL of this command.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub database_host: Option<String>,
    /// A file that the Secret has, too, under its own name: postgres-ca.crt.
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// The Secret's name.
    #[arg(long, value_name = "NAME", default_value = "vaultstream-auditor")]
    pub secret_name: String,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// Which namespace.
#[derive(Args, Clone, Debug)]
pub struct TenantArgs {
    /// The namespace.
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// The cluster's identity in the ledger: the operator's --cluster-id, else the uid of the namespace kube-system. Not needed while
    /// the ledger knows one cluster only.
    #[arg(long, value_name = "ID")]
    pub cluster: Option<String>,
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// What a Secret says of the servers.
#[derive(Args, Clone, Debug, Default)]
pub struct SecretServerFields {
    /// Host, and port if need be, at which pods reach Postgres. Default: as in the URL of this command.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub database_host: Option<String>,
    /// The Secret's `NATS_URL`. From a file, because it holds a secret.
    #[arg(long, value_name = "FILE")]
    pub nats_url_file: Option<PathBuf>,
    /// A new file for the login's NATS user with its permissions, as an item of `users` in nats-server's configuration. The Secret's
    /// `NATS_URL` logs in as this user.
    #[arg(long, value_name = "FILE", requires = "nats_url_file")]
    pub nats_user_file: Option<PathBuf>,
    /// A file that the Secret has, too, under its own name: postgres-ca.crt, nats-ca.crt, nats.creds or another one that programs
    /// read. Can be given several times.
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
}

impl SecretServerFields {
    /// Whether one of the Secret's further files has this name.
    #[must_use]
    pub fn names(&self, file: &str) -> bool {
        self.file.iter().any(|path| path.file_name() == Some(file.as_ref()))
    }
}

/// What the Secret of a namespace says beside the login.
#[derive(Args, Clone, Debug)]
pub struct TenantSecretFields {
    /// Where pods find the servers.
    #[command(flatten)]
    pub servers: SecretServerFields,
    /// The Secret's name.
    #[arg(long, value_name = "NAME", default_value = "vaultstream-connection")]
    pub secret_name: String,
}

/// `vaultstream tenant add`.
#[derive(Args, Clone, Debug)]
pub struct TenantAddArgs {
    /// Which namespace.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Name of the login. Default: vs_NAMESPACE.
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// A file with the key-encryption key that the namespace has already: 32 bytes in base64. Default: a new one, or none where --file
    /// names a KEK_URL.
    #[arg(long, value_name = "FILE")]
    pub kek_file: Option<PathBuf>,
    /// What else the Secret says.
    #[command(flatten)]
    pub secret: TenantSecretFields,
}

/// `vaultstream tenant list`.
#[derive(Args, Clone, Debug)]
pub struct TenantListArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// A table, or a line of JSON each.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: super::OutputFormat,
}

/// `vaultstream tenant remove`.
#[derive(Args, Clone, Debug)]
pub struct TenantRemoveArgs {
    /// Which namespace.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Also when the namespace has jobs that are not over, which stop then.
    #[arg(long)]
    pub force: bool,
}

/// `vaultstream tenant secret`.
#[derive(Args, Clone, Debug)]
pub struct TenantSecretArgs {
    /// Which namespace.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// The file with the namespace's key-encryption key, which the ledger does not know: the `kek` of its present Secret. Not needed where
    /// --file names a KEK_URL.
    #[arg(long, value_name = "FILE")]
    pub kek_file: Option<PathBuf>,
    /// What else the Secret says.
    #[command(flatten)]
    pub secret: TenantSecretFields,
}
