//! The commands, one module each. Nothing outside this module imports from it.

mod bench;
mod delete;
mod dev;
mod export;
mod keys;
mod migrate;
mod receipt;
mod run;
mod source;
mod status;
mod tenant;
mod ui;
mod verify;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, Command, KeysArgs, KeysCommand},
    error::Failure,
    output,
};

/// Runs a command.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Verify(args) => verify::verify(args).await,
        Command::Export(args) => export::export(args).await,
        Command::Delete(args) => delete::delete(args).await,
        Command::Ui(args) => ui::serve(args).await,
        Command::Bench(args) => bench::bench(args).await,
        Command::Keys(KeysArgs { command: Some(KeysCommand::Rewrap(args)), .. }) => keys::rewrap::rewrap(args).await,
        Command::Keys(KeysArgs { command: Some(KeysCommand::Revoke(args)), .. }) => keys::revoke::revoke(args).await,
        Command::Keys(args) => keys::print(args).await,
        Command::Receipt(args) => receipt::print(args).await,
        Command::Status(args) => status::print(args).await,
        Command::Tenant(command) => tenant::run(command).await,
        Command::Source(command) => source::run(command).await,
        Command::Migrate(args) => migrate::migrate(args).await,
        Command::Dev(command) => dev::run(command).await,
        Command::Crd => output::print(&vaultstream_api::crd_yaml()).map(|()| ExitCode::SUCCESS),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "vaultstream", &mut script);
            output::print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
    }
}
