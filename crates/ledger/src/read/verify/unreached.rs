//! Rows of a source table that its key does not lead to: they could not be signed, and no other check would find them.

use tokio_postgres::Client;
use vaultstream_api::{Source, TableSource};

use super::records;
use crate::connection::Ledger;
use crate::copy_out::{INDEX_ONLY, ReadError};
use crate::error::QueryError;
use crate::jobs::{Job, RowAccess, RowIds};
use crate::queries::Queries;
use crate::source::{Facts, ROLLBACK, ReadFrom, SAVEPOINT};

const ACTION: &str = "count the rows of the source table";

/// Settings that make the planner read the table itself, behind a key's index.
const TABLE_ONLY: &str =
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off";
const AS_BEFORE: &str = "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on";

/// What the table holds that could not be signed.
pub(super) enum Unreached {
    /// Rows have no key: how many.
    WithoutKey(i64),
    /// Rows with a key are not those that its index leads to: how many.
    ByKey(i64),
    /// The rows cannot even be counted: what the server says.
    Damaged(String),
}

/// Counts the rows without a key, and compares the rows that the key's index leads to with those in the table. Finds nothing in a
/// table that is gone or may not be read.
pub(super) async fn unreached(ledger: &Ledger, job: &Job) -> Result<Vec<Unreached>, QueryError> {
    let Source::Table(table) = &job.spec.source else { return Ok(Vec::new()) };
    if job.ordinals().is_some_and(|key| key.ids == RowIds::Ordinals(RowAccess::Join)) {
        // A view has no index whose rows could be compared.
        return Ok(Vec::new());
    }
    // The table is held by one session and counted by another: both counts are of one snapshot, which has to be taken after that.
    let held = match records::begin(ledger, job, ACTION).await {
        Ok(held) => held,
        Err(ReadError::Gone(_) | ReadError::Source(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into_query()),
    };
    let counting = ledger.source.session(ACTION).await?;
    let Some(client) = counting.client() else { return Ok(Vec::new()) };
    let found = count(client, job, table).await?;
    counting.settle();
    if let Some(client) = held.client() {
        Queries::over(client, ACTION).batch("COMMIT").await?;
    }
    held.settle();
    Ok(found)
}

async fn count(client: &Client, job: &Job, table: &TableSource) -> Result<Vec<Unreached>, QueryError> {
    let tx = Queries::over(client, ACTION);
    tx.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = count_in_snapshot(&tx, job, table).await?;
    tx.batch("COMMIT").await?;
    Ok(found)
}

async fn count_in_snapshot(tx: &Queries<'_>, job: &Job, table: &TableSource) -> Result<Vec<Unreached>, QueryError> {
    let facts = Facts::read(&tx.simple(&Facts::sql(table)).await?);
    if !facts.is_some_and(|facts| facts.is_readable()) {
        return Ok(Vec::new());
    }
    tx.batch(SAVEPOINT).await?;
    let counts = match counts(tx, &ReadFrom::of(job)).await {
        Ok(counts) => counts,
        Err(error) if error.is_fault_of_a_record() => {
            tx.batch(ROLLBACK).await?;
            let words = error.report().map(|report| report.message().to_owned()).unwrap_or_default();
            return Ok(vec![Unreached::Damaged(words)]);
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    if counts.without_key > 0 {
        found.push(Unreached::WithoutKey(counts.without_key));
    }
    let missing = counts.rows - counts.without_key - counts.by_key;
    if missing != 0 {
        found.push(Unreached::ByKey(missing.abs()));
    }
    Ok(found)
}

/// The rows of a table.
struct Counts {
    rows: i64,
    without_key: i64,
    /// Those that the key's index leads to.
    by_key: i64,
}

async fn counts(tx: &Queries<'_>, from: &ReadFrom) -> Result<Counts, QueryError> {
    tx.batch(TABLE_ONLY).await?;
    let row = tx.query_one(&from.count(), &[]).await?;
    tx.batch(&format!("{AS_BEFORE}; {INDEX_ONLY}")).await?;
    let by_key = tx.query_one(&from.count_by_key(), &[]).await?.get("rows");
    Ok(Counts { rows: row.get("rows"), without_key: row.get("without_key"), by_key })
}
