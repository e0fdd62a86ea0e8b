//! Whether a table can be followed.

use tokio_postgres::Client;
use vaultstream_api::TableSource;

use super::arrivals::{self, Arrivals, TriggerState};
use super::error::{SourceError, TableError};
use crate::queries::Queries;

const ACTION: &str = "look for the table's trigger";

/// Makes sure that a table's trigger writes the arrivals of rows with this key, and that the server is none that may lag behind another.
///
/// # Errors
///
/// Why not, with the command that mends it, or that Postgres failed.
pub(crate) async fn can_be_followed(client: &Client, table: &TableSource, key: &[String]) -> Result<(), TableError> {
    match find_arrivals(client, table, key).await? {
        (_, Some(fault)) => Err(fault.into()),
        (_, None) => Ok(()),
    }
}

/// Where arrivals are read, and why rows that are inserted now are not among them.
///
/// # Errors
///
/// That the server is a standby, or that Postgres failed.
pub(crate) async fn find_arrivals(
    client: &Client,
    table: &TableSource,
    key: &[String],
) -> Result<(Option<Arrivals>, Option<SourceError>), TableError> {
    let sql = "SELECT pg_is_in_recovery() AS standby, quote_ident($1) || '.' || quote_ident($2) AS named";
    let row = Queries::over(client, ACTION).query_one(sql, &[&table.schema, &table.name]).await?;
    let named = || row.get("named");
    if row.get("standby") {
        return Err(SourceError::Standby { table: named() }.into());
    }
    let Some(arrivals) = arrivals::find(client, &table.schema, &table.name).await? else {
        return Ok((None, Some(SourceError::NotEnabled { table: named(), why: "has no trigger" })));
    };
    // Before a job is planned, its key may not be known; nor is that of a trigger that is gone.
    if !key.is_empty() && arrivals.trigger != TriggerState::Missing && arrivals.columns != key {
        let (wanted, noted) = (key.join(", "), arrivals.columns.join(", "));
        return Ok((None, Some(SourceError::OtherKey { table: named(), wanted, noted })));
    }
    let why = match arrivals.trigger {
        TriggerState::Enabled => return Ok((Some(arrivals), None)),
        TriggerState::Disabled => "has a trigger that is disabled",
        TriggerState::ReplicaOnly => "has a trigger that fires for replicas only",
        TriggerState::Missing => "has lost its trigger",
    };
    Ok((Some(arrivals), Some(SourceError::NotEnabled { table: named(), why })))
}
