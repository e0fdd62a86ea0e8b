//! `vaultstream dev`: private servers that stay.

use std::process::ExitCode;

use vaultstream_embedded::background::{self, Status};

use crate::{args::DevCommand, error::Failure, output};

/// Starts, stops or looks at the servers of a data-dir.
///
/// # Errors
/// One sentence.
pub(crate) fn run(command: &DevCommand) -> Result<ExitCode, Failure> {
    let input = |error: vaultstream_embedded::StartError| Failure::input(&error);
    match command {
        DevCommand::Up(args) => show(&background::up(&args.data_dir).map_err(input)?),
        DevCommand::Status(args) => show(&background::status(&args.data_dir).map_err(input)?),
        DevCommand::Down(args) => {
            let stopped = background::down(&args.data_dir).map_err(input)?;
            output::line(if stopped { "stopped; the data is kept" } else { "nothing was running" })
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn show(status: &Status) -> Result<(), Failure> {
    match status {
        Status::Down => output::line("nothing is running"),
        Status::Up { database_url, nats_url } => {
            output::line(format_args!("DATABASE_URL={database_url}\nVAULTSTREAM_NATS_URL={nats_url}"))
        }
        Status::InUse { holder } => output::line(format_args!("this data-dir is in use: {holder}")),
    }
}
