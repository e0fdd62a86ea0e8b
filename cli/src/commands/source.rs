//! `vaultstream source`: has new rows of a table noted, in the database of the table.

mod disable;
mod enable;
mod status;

use std::process::ExitCode;

use vaultstream_ledger::Ledger;
use vaultstream_ledger::arrivals::{ArrivalsError, TableName};

use crate::{
    args::{QualifiedName, SourceArgs, SourceCommand, SourceDatabaseArgs},
    connect,
    error::Failure,
};

/// One session works at a time.
const CONNECTIONS: usize = 1;

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

/// The database of the tables, which need not hold a ledger.
async fn connected(args: &SourceDatabaseArgs) -> Result<Ledger, Failure> {
    connect::ledger(args.database_url.trim(), &SourceArgs::default(), CONNECTIONS, *args.connect_timeout).await
}

fn named(table: QualifiedName) -> TableName {
    TableName { schema: table.schema, name: table.name }
}

/// All but a failure of Postgres is for the user to mend, and so is a table in use.
fn failed(error: ArrivalsError) -> Failure {
    match error {
        ArrivalsError::Query(error) => Failure::of(&error),
        mend => Failure::input(&mend),
    }
}
