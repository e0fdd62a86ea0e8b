//! The next chunk of a plan, read from the table in one transaction.

use tokio_postgres::Client;
use vaultstream_api::{Source, TableSource};

use super::plan::TablePlan;
use super::rows::{self, KeyedRows};
use crate::connection::{Ledger, SourcePool};
use crate::copy::int8;
use crate::copy_out::{INDEX_ONLY, ReadError, stream};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::{self, Fit, KeyExpressions, Next, ReadFrom, SourceError, TableError, next_row};

/// Batches that a job may have. migrations/V17__planning.sql has the same limit.
const BATCHES_LIMIT: i64 = 5_000_000;

/// Rows of one chunk whose very keys cannot be read. With more of them, the fault is not in rows.
const LOST_ROWS_LIMIT: usize = 10_000;

const ACTION: &str = "plan the source table";

/// The next rows of a table.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub(super) content: Content,
    /// No rows follow.
    pub(super) is_last: bool,
    pub(super) fit: Fit,
    pub(super) table: TableSource,
    batch_size: i64,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Ranges(Ranges),
    Rows(KeyedRows),
}

/// Rows whose key is the id, in batches.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    /// The last key of each batch.
    pub(super) lasts: Vec<i64>,
    /// The rows of each batch.
    pub(super) counts: Vec<i64>,
    /// The greatest key of the plan.
    pub(super) high: i64,
}

impl Chunk {
    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> i64 {
        match &self.content {
            Content::Ranges(ranges) => ranges.counts.iter().sum(),
            Content::Rows(rows) => rows.count,
        }
    }

    /// The plan once this chunk is stored, behind which the next one can be read meanwhile.
    #[must_use]
    pub fn behind(&self, plan: &TablePlan) -> TablePlan {
        let batches = plan.batches + self.batches();
        match &self.content {
            Content::Ranges(Ranges { lasts, high, .. }) => {
                let cursor = lasts.last().copied().or(plan.cursor);
                TablePlan { cursor, high: Some(*high), batches, ..plan.clone() }
            }
            Content::Rows(KeyedRows { count, last, .. }) => {
                let after = last.clone().or_else(|| plan.after.clone());
                TablePlan { cursor: Some(plan.cursor.unwrap_or(0) + count), after, batches, ..plan.clone() }
            }
        }
    }

    /// No rows follow.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// How many batches they make.
    pub(super) fn batches(&self) -> i64 {
        match &self.content {
            Content::Ranges(ranges) => i64::try_from(ranges.lasts.len()).unwrap_or(i64::MAX),
            Content::Rows(rows) => (rows.count + self.batch_size - 1) / self.batch_size,
        }
    }
}

/// Reads the next chunk of about `rows` rows. No statement takes longer than the ledger's timeout for seeding.
///
/// # Errors
///
/// Why the table cannot be signed, or that Postgres failed.
pub async fn read_chunk(ledger: &Ledger, job: &Job, plan: &TablePlan, rows: u64) -> Result<Chunk, TableError> {
    let Source::Table(table) = &job.spec.source else {
        return Err(QueryError::other(ACTION, NoTable).into());
    };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Err(QueryError::other(ACTION, NoTable).into()) };
    let tx = Queries::over(client, ACTION);
    let timeout = ledger.settings.seeding_timeout.as_millis();
    tx.batch(&format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {timeout}")).await?;
    let chunk = read(&tx, job, table, plan, rows, ledger).await?;
    tx.batch("COMMIT").await?;
    session.settle();
    Ok(chunk)
}

/// The job was to be planned, and has no table.
#[derive(Debug, thiserror::Error)]
#[error("the job has no table")]
struct NoTable;

async fn read(
    tx: &Queries<'_>,
    job: &Job,
    table: &TableSource,
    plan: &TablePlan,
    rows: u64,
    ledger: &Ledger,
) -> Result<Chunk, TableError> {
    let (fit, from) = hold(tx.client(), job, table, &ledger.source).await?;
    let wanted = i64::try_from(rows).unwrap_or(i64::MAX).max(1);
    let size = i64::from(job.spec.batch_size.max(1));
    let (content, is_last) = if from.row_key.is_some() {
        let (rows, is_last) = rows::read(tx, &from, &fit, table, plan, wanted).await?;
        (Content::Rows(rows), is_last)
    } else {
        let wanted = (wanted / size).max(1).saturating_mul(size);
        let (ranges, is_last) = read_ranges(tx, &from, table, plan, wanted, size).await?;
        (Content::Ranges(ranges), is_last)
    };
    let chunk = Chunk { content, is_last, fit, table: table.clone(), batch_size: size };
    if plan.batches.saturating_add(chunk.batches()) > BATCHES_LIMIT {
        return Err(SourceError::TooManyBatches { most: BATCHES_LIMIT, size: job.spec.batch_size }.into());
    }
    Ok(chunk)
}

/// Reads about `wanted` rows, in batches of `size`. True with the last ones.
async fn read_ranges(
    tx: &Queries<'_>,
    from: &ReadFrom,
    table: &TableSource,
    plan: &TablePlan,
    wanted: i64,
    size: i64,
) -> Result<(Ranges, bool), TableError> {
    let high = match plan.high {
        Some(high) => Some(high),
        None => greatest(tx, from, table).await?,
    };
    let mut tally = Tally::new(size);
    if let Some(high) = high {
        let first = plan.cursor.map_or(i64::MIN, |cursor| cursor.saturating_add(1));
        tx.batch(source::SAVEPOINT).await?;
        if plan.cursor.is_none_or(|cursor| cursor < high) {
            walk(tx.client(), from, (first, high), wanted, &mut tally).await?;
        }
        tx.batch(source::RELEASE).await?;
    }
    let is_last = tally.rows < wanted || tally.lasts.last() == high.as_ref();
    if is_last {
        // Rows without a key that came meanwhile.
        greatest(tx, from, table).await?;
    }
    let high = high.unwrap_or(i64::MIN);
    if let (true, Some(last)) = (is_last, tally.lasts.last_mut()) {
        *last = high;
    }
    let Tally { lasts, counts, .. } = tally;
    Ok((Ranges { lasts, counts, high }, is_last))
}

/// Makes sure that the table can be signed, and keeps it as it is until the transaction ends.
async fn hold(
    client: &Client,
    job: &Job,
    table: &TableSource,
    pool: &SourcePool,
) -> Result<(Fit, ReadFrom), TableError> {
    let fit = source::check(client, table, pool, job.spec.follow.is_some()).await?;
    let from = |fit: &Fit| {
        let from = ReadFrom::of_table(table, job.uid, Some(&fit.signed_types), Some(fit.table.partitioned));
        from.with_key(&fit.key.columns, fit.key.ordinals())
    };
    Queries::over(client, ACTION).batch(&from(&fit).lock()).await?;
    // What the table was before the lock does not count.
    let fit = source::unchanged(job, table, &source::facts(client, table).await?)?;
    let from = from(&fit);
    if from.row_key.as_ref().is_none_or(KeyExpressions::is_indexed) {
        Queries::over(client, ACTION).batch(INDEX_ONLY).await?;
    }
    Ok((fit, from))
}

/// The keys of a chunk, batch by batch.
struct Tally {
    size: i64,
    rows: i64,
    lasts: Vec<i64>,
    counts: Vec<i64>,
}

impl Tally {
    fn new(size: i64) -> Self {
        Self { size, rows: 0, lasts: Vec::new(), counts: Vec::new() }
    }

    fn add(&mut self, key: i64) {
        self.rows += 1;
        match (self.lasts.last_mut(), self.counts.last_mut()) {
            (Some(last), Some(count)) if *count < self.size => (*last, *count) = (key, *count + 1),
            _ => {
                self.lasts.push(key);
                self.counts.push(1);
            }
        }
    }
}

/// Tallies up to `wanted` keys from `first` to `high`. A row whose very key cannot be read is counted all the same: the worker
/// that reads its batch rejects it. Expects a savepoint.
async fn walk(
    client: &Client,
    from: &ReadFrom,
    (mut first, high): (i64, i64),
    wanted: i64,
    tally: &mut Tally,
) -> Result<(), TableError> {
    let mut lost = 0;
    while first <= high && tally.rows < wanted {
        let before = tally.rows;
        let sql = from.keys(first, high, wanted - tally.rows);
        let read = stream::<1, ReadError>(client, &sql, |[key]| {
            tally.add(int8(key)?);
            Ok(())
        });
        let error = match read.await {
            Ok(()) => return Ok(()),
            Err(ReadError::Query(error)) if error.is_fault_of_a_record() => error,
            Err(error) => return Err(error.into_query().into()),
        };
        Queries::over(client, ACTION).batch(source::ROLLBACK).await?;
        if let (true, Some(last)) = (tally.rows > before, tally.lasts.last()) {
            first = last.saturating_add(1);
        }
        match next_row(client, from, first, high).await? {
            Next::Nothing => return Ok(()),
            Next::Row(key) | Next::Unreadable(key, _) if lost < LOST_ROWS_LIMIT && key < high => {
                tally.add(key);
                first = key + 1;
            }
            Next::Row(key) | Next::Unreadable(key, _) if lost < LOST_ROWS_LIMIT => {
                tally.add(key);
                return Ok(());
            }
            Next::Row(_) | Next::Unreadable(..) => return Err(error.into()),
        }
        lost += 1;
    }
    Ok(())
}

/// The greatest key of the table. Rows without one would be left out: they are refused, whatever the catalog promises.
async fn greatest(tx: &Queries<'_>, from: &ReadFrom, table: &TableSource) -> Result<Option<i64>, TableError> {
    let Some(row) = tx.query_opt(&from.greatest(), &[]).await? else { return Ok(None) };
    if let Some(key) = row.get("key") {
        return Ok(Some(key));
    }
    let rows: i64 = tx.query_one(&from.count(), &[]).await?.get("without_key");
    let facts = source::facts(tx.client(), table).await?;
    Err(facts.null_keys(table, rows).into())
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn keys_are_tallied_into_batches_of_the_given_size() {
        let mut tally = Tally::new(3);
        for key in [-5, 0, 7, 8, 100, 101, i64::MAX] {
            tally.add(key);
        }
        assert_eq!((tally.rows, tally.lasts, tally.counts), (7, vec![7, 101, i64::MAX], vec![3, 3, 1]));
    }
}
