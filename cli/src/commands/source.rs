//! `vaultstream source`: has new rows of a table noted, in the database of the table.

mod database;
mod disable;
mod enable;
mod status;

use std::process::ExitCode;

use crate::{args::SourceCommand, error::Failure};

/// Runs one of them.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn run(command: SourceCommand) -> Result<ExitCode, Failure> {
    match command {
        SourceCommand::Enable(args) => enable::enable(args).await,
        SourceCommand::Disable(args) => disable::disable(args).await,
        SourceCommand::Status(args) => status::status(args).await,
    }
    .map(|()| ExitCode::SUCCESS)
}
