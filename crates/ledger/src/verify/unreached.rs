//! Rows of a source table that its key does not lead to: they could not be signed, and nothing else would tell.

use deadpool_postgres::Transaction;
use vaultstream_api::Source;

use crate::copy_out::INDEX_ONLY;
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::{Facts, ROLLBACK, ReadFrom, SAVEPOINT};

const ACTION: &str = "count the rows of the source table";

/// Settings that make the planner read the table itself, behind a key's index.
const TABLE_ONLY: &str =
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off";
const AS_BEFORE: &str = "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on";

/// What the table holds that could not be signed.
pub(super) enum Unreached {
    /// So many rows have no key.
    WithoutKey(i64),
    /// So many rows with a key are not those that its index leads to.
    ByKey(i64),
    /// The rows cannot even be counted: the server's words.
    Damaged(String),
}

/// Counts the rows without a key, and compares the rows that the key's index leads to with those in the table. Of a table that is
/// gone or closed to us nothing is said. Expects a transaction with one snapshot.
pub(super) async fn unreached(tx: &Transaction<'_>, job: &Job) -> Result<Vec<Unreached>, QueryError> {
    let Source::Table(table) = &job.spec.source else { return Ok(Vec::new()) };
    let failed = |error| QueryError::new(ACTION, error);
    let facts = Facts::read(&tx.simple_query(&Facts::sql(table)).await.map_err(failed)?);
    if !facts.is_some_and(|facts| facts.is_readable()) {
        return Ok(Vec::new());
    }
    let from = ReadFrom::of(job);
    tx.batch_execute(SAVEPOINT).await.map_err(failed)?;
    let counts = async {
        tx.batch_execute(TABLE_ONLY).await?;
        let row = tx.query_one(&from.count(), &[]).await?;
        let (rows, without_key): (i64, i64) = (row.get(0), row.get(1));
        tx.batch_execute(&format!("{AS_BEFORE}; {INDEX_ONLY}")).await?;
        let by_key: i64 = tx.query_one(&from.count_by_key(), &[]).await?.get(0);
        Ok::<_, tokio_postgres::Error>((rows, without_key, by_key))
    };
    let (rows, without_key, by_key) = match counts.await.map_err(failed) {
        Ok(counts) => counts,
        Err(error) if error.is_fault_of_a_record() => {
            tx.batch_execute(ROLLBACK).await.map_err(failed)?;
            let words = error.report().map(|report| report.message().to_owned()).unwrap_or_default();
            return Ok(vec![Unreached::Damaged(words)]);
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    if without_key > 0 {
        found.push(Unreached::WithoutKey(without_key));
    }
    if by_key != rows - without_key {
        found.push(Unreached::ByKey((rows - without_key - by_key).abs()));
    }
    Ok(found)
}
