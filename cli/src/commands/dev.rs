//! `vaultstream dev`: private servers that keep running.

use std::{path::Path, process::ExitCode};

use vaultstream_embedded::background::{self, Status};

use crate::{
    args::DevCommand,
    error::Failure,
    output,
    shell::{program, quoted},
};

/// Starts, stops or shows the servers of a data-dir.
///
/// # Errors
/// One sentence.
pub(crate) async fn run(command: DevCommand) -> Result<ExitCode, Failure> {
    let done = tokio::task::spawn_blocking(move || execute(&command)).await;
    done.map_err(|error| Failure::of(&error))?
}

fn execute(command: &DevCommand) -> Result<ExitCode, Failure> {
    let input = |error: vaultstream_embedded::StartError| Failure::input(&error);
    match command {
        DevCommand::Up(args) => {
            output::remark("starting Postgres and NATS");
            let status = background::up(&args.data_dir).map_err(input)?;
            let (program, dir) = (program(), quoted(&args.data_dir.to_string_lossy()));
            output::remark(format_args!(
                "Postgres and NATS keep running, for every command with --data-dir {dir}.\n\
                 To have their URLs in a shell:  eval \"$({program} dev status --data-dir {dir})\"\n\
                 To stop them:  {program} dev down --data-dir {dir}"
            ));
            show(&status, &args.data_dir)
        }
        DevCommand::Status(args) => show(&background::status(&args.data_dir).map_err(input)?, &args.data_dir),
        DevCommand::Down(args) => down(&args.data_dir),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn down(dir: &Path) -> Result<(), Failure> {
    let stopped = background::down(dir).map_err(|error| Failure::input(&error))?;
    output::line(if stopped { "stopped; the data is kept" } else { "nothing was running" })
}

/// Prints lines that a shell can evaluate.
fn show(status: &Status, dir: &Path) -> Result<(), Failure> {
    match status {
        Status::Down => output::line("# nothing is running"),
        Status::Up { database_url, nats_url } => {
            // Absolute: the shell may change its folder.
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            output::print(&format!(
                "export VAULTSTREAM_DATABASE_URL={}\nexport VAULTSTREAM_NATS_URL={}\nexport VAULTSTREAM_DATA_DIR={}\n",
                quoted(database_url),
                quoted(nats_url),
                quoted(&dir.to_string_lossy())
            ))
        }
        Status::InUse { holder } => output::line(format_args!("# this data-dir is in use: {holder}")),
    }
}
