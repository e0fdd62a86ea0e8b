//! `vaultstream dev`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
