//! `vaultstream`: the same jobs as on Kubernetes, from the same manifests, on one machine; and the tools to check, export and
//! measure them.

// Both panic when nothing can be written: `output` is for that.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod job;

mod cluster;
mod columns;
mod commands;
mod connect;
mod environment;
mod error;
#[cfg(test)]
mod fixtures;
mod interrupt;
mod kek;
mod ledger;
mod location;
mod migration;
mod output;
mod progress;
mod report;
mod shell;
mod usage;
mod verdict;
mod verify;
mod web;

use std::process::ExitCode;

use vaultstream_program::logs::{LogFormat, Logs};

use crate::{args::Command, error::Failure};

/// Runs the program. Exit codes: 0 all went well, 1 something failed, 2 bad input, 130 interrupted.
pub fn main() -> ExitCode {
    let mut cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let Err(sentence) = cli.in_cluster(is_plugin()) {
        return output::report(&Failure::bad_input(sentence));
    }
    let logs = Logs { format: LogFormat::Pretty, filter: cli.log, writer: || output::Stderr };
    if let Err(sentence) = logs.start() {
        return output::report(&Failure::bad_input(sentence));
    }
    let finishes = matches!(cli.command, Command::Run(_));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::report(&Failure::of(&error)),
    };
    let tracing = {
        let _within = runtime.enter();
        match vaultstream_trace::start("vaultstream") {
            Ok(tracing) => tracing,
            Err(error) => return output::report(&Failure::input(&error)),
        }
    };
    let work = commands::run(cli.command);
    // A run has work in flight that is worth finishing.
    let ended = runtime.block_on(async { if finishes { work.await } else { interrupt::until_signal(work).await } });
    output::hide();
    if let Some(tracing) = tracing {
        tracing.shut_down();
    }
    // What blocks a thread ends with the process.
    runtime.shutdown_timeout(interrupt::SHUTDOWN_TIMEOUT);
    ended.unwrap_or_else(|failure| output::report(&failure))
}

/// Whether kubectl runs the program, as `kubectl vaultstream`: under the name by which it finds plugins.
fn is_plugin() -> bool {
    let name = std::env::args_os().next().map(std::path::PathBuf::from);
    name.as_deref().and_then(std::path::Path::file_name).is_some_and(|name| name == "kubectl-vaultstream")
}
