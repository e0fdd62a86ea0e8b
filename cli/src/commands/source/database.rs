//! The database of the tables.

use vaultstream_ledger::Ledger;
use vaultstream_ledger::arrivals::{ArrivalsError, TableName};

use crate::{
    args::{QualifiedName, SourceArgs, SourceDatabaseArgs},
    connect,
    error::Failure,
};

/// One session works at a time.
const CONNECTIONS: usize = 1;

/// The database of the tables, which need not hold a ledger.
pub(super) async fn connected(args: &SourceDatabaseArgs) -> Result<Ledger, Failure> {
    connect::ledger(args.database_url.trim(), &SourceArgs::default(), CONNECTIONS, *args.connect_timeout).await
}

/// The table's name, as the catalog has it.
pub(super) fn named(table: QualifiedName) -> TableName {
    TableName { schema: table.schema, name: table.name }
}

/// All but a failure of Postgres is for the user to mend, and so is a table in use.
pub(super) fn failed(error: ArrivalsError) -> Failure {
    match error {
        ArrivalsError::Query(error) => Failure::of(&error),
        mend => Failure::input(&mend),
    }
}
