//! Where the tables are that jobs sign.

use clap::Args;

/// Where the tables are.
#[derive(Args, Clone, Debug, Default)]
pub struct SourceArgs {
    /// The database of the tables that are signed, with a login that may read them, as postgres://user:password@host/database. It may be
    /// another server than the ledger's, or a standby. Without it, tables are read in the ledger's database with the ledger's login.
    #[arg(long, env = "VAULTSTREAM_SOURCE_URL", hide_env_values = true, value_name = "URL")]
    pub source_url: Option<String>,
}

impl SourceArgs {
    /// The URL, if one was given.
    pub fn url(&self) -> Option<&str> {
        self.source_url.as_deref().map(str::trim).filter(|url| !url.is_empty())
    }
}
