//! `vaultstream`: the same jobs as on Kubernetes, from the same manifests, on one machine; and the tools to check, export and
//! measure them.

// Both panic when nothing can be written: `output` is for that.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod bench;

pub mod error;
pub mod output;
pub mod place;
pub mod progress;
pub mod report;
pub mod run;
pub mod site;
pub mod verify;

mod afterwards;
mod changes;
mod delete;
mod dev;
mod drive;
mod export;
mod interrupt;

mod keys;
mod ledger;
mod receipt;
mod shell;
mod status;
mod usage;

use std::process::ExitCode;

use clap::CommandFactory as _;
use vaultstream_worker::telemetry::{self, LogFormat};

use crate::{
    args::{Cli, Command, KeysArgs, KeysCommand},
    error::Failure,
};

/// Runs the program. Exit codes: 0 all went well, 1 something failed, 2 bad input, 130 interrupted.
pub fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let Err(error) = telemetry::start(LogFormat::Pretty, &cli.log, || output::Stderr) {
        return Failure::bad_input(format!("--log is {:?}, which is not a valid filter: {error}", cli.log)).report();
    }
    let finishes = matches!(cli.command, Command::Run(_));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::of(&error).report(),
    };
    let work = dispatch(cli.command);
    // A run has something in flight that is worth finishing.
    let ended = runtime.block_on(async { if finishes { work.await } else { interrupt::until_signal(work).await } });
    output::hide();
    // What blocks a thread ends with the process.
    runtime.shutdown_timeout(interrupt::PATIENCE);
    ended.unwrap_or_else(|failure| failure.report())
}

async fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Verify(args) => verify::command(args).await,
        Command::Export(args) => export::export(args).await,
        Command::Delete(args) => delete::delete(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Keys(KeysArgs { command: Some(KeysCommand::Rewrap(args)), .. }) => keys::rewrap::rewrap(args).await,
        Command::Keys(args) => keys::print(args).await,
        Command::Receipt(args) => receipt::print(args).await,
        Command::Status(args) => status::print(args).await,
        Command::Migrate(args) => ledger::migrate(args).await,
        Command::Dev(command) => dev::run(command).await,
        Command::Crd => output::print(&vaultstream_api::crd_yaml()).map(|()| ExitCode::SUCCESS),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "vaultstream", &mut script);
            output::print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
    }
}
