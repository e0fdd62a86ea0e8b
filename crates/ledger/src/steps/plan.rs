//! Planning the batches of somebody's table: a walk along its key, so that gaps cost nothing.
//!
//! The ranges tile the whole key space up to the greatest key at planning time: the first begins at the least bigint, each
//! next one behind its predecessor. A row that is inserted later below that key is in a range, too.

use deadpool_postgres::Transaction;
use tokio_postgres::Client;
use vaultstream_api::TableSource;
use vaultstream_signing::copy::int8;

use super::seed::{self, Seeding};
use super::{StepError, look};
use crate::copy_out::{INDEX_ONLY, ReadError, stream};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::{self, Fit, Next, ReadFrom, SourceError, next_row};

/// Batches a job may have.
const MOST_BATCHES: i64 = 5_000_000;

/// Rows of one chunk whose very keys cannot be read. More of them are no faults of rows any more.
const MOST_LOST: usize = 10_000;

const ACTION: &str = "plan the source table";

fn failed(error: tokio_postgres::Error) -> StepError {
    QueryError::new(ACTION, error).into()
}

/// Plans the batches of the next `chunk` rows.
pub(super) async fn table(
    tx: &Transaction<'_>,
    job: &Job,
    source: &TableSource,
    chunk: i64,
    source_role: bool,
) -> Result<Seeding, StepError> {
    let row = tx
        .query_one("SELECT plan_cursor, plan_high, batches FROM vaultstream.jobs WHERE id = $1", &[&job.id.0])
        .await
        .map_err(failed)?;
    let (cursor, high, planned): (Option<i64>, Option<i64>, Option<i64>) = (row.get(0), row.get(1), row.get(2));
    // What reads the table does so with the reader's rights, what writes the ledger with ours.
    become_reader(tx, source_role).await?;
    let (fit, from) = hold(tx.client(), job, source, source_role).await?;
    let high = match high {
        Some(high) => Some(high),
        None => greatest(tx, &from, source).await?,
    };
    let size = i64::from(job.spec.batch_size.max(1));
    let wanted = (chunk / size).max(1).saturating_mul(size);
    let first = cursor.map_or(i64::MIN, |cursor| cursor.saturating_add(1));
    let mut tally = Tally::new(size);
    if let Some(high) = high {
        tx.batch_execute(source::SAVEPOINT).await.map_err(failed)?;
        walk(tx.client(), &from, first, high, wanted, &mut tally).await?;
        tx.batch_execute(source::RELEASE).await.map_err(failed)?;
    }
    let complete = tally.rows < wanted || tally.lasts.last() == high.as_ref();
    if complete {
        // Rows without a key that came meanwhile.
        greatest(tx, &from, source).await?;
    }
    become_self(tx, source_role).await?;
    let high = high.unwrap_or(i64::MIN);
    if let (true, Some(last)) = (complete, tally.lasts.last_mut()) {
        *last = high;
    }
    let seeded = job.seeded + tally.rows;
    let batches = keep(tx, job, &tally, first, planned.unwrap_or(0)).await?;
    if complete && tally.lasts.is_empty() && batches > 0 {
        stretch_last(tx, job, batches, high).await?;
    }
    tx.execute(
        "UPDATE vaultstream.jobs SET plan_cursor = $2, plan_high = $3, batches = $4, seeded = $5, payload_type = $6, \
         source_database = $7, source_table = $8, source_partitioned = $9 WHERE id = $1",
        &[
            &job.id.0,
            &tally.lasts.last().copied().or(cursor),
            &high,
            &batches,
            &seeded,
            &fit.payload_type,
            &fit.table.database,
            &fit.table.table,
            &fit.table.partitioned,
        ],
    )
    .await
    .map_err(failed)?;
    if complete {
        seed::finish(tx, job.id, seeded, batches).await.map_err(failed)?;
        Ok(Seeding::Done { total: seeded, batches })
    } else {
        Ok(Seeding::More { seeded, total: estimate(tx, fit.table.table).await?.max(seeded) })
    }
}

/// Makes sure that the table can be signed, and keeps it as it is until the transaction ends.
async fn hold(
    client: &Client,
    job: &Job,
    source: &TableSource,
    source_role: bool,
) -> Result<(Fit, ReadFrom), StepError> {
    let fit = look::check(client, source, source_role).await?;
    let from = |fit: &Fit| ReadFrom::of_table(source, Some(&fit.payload_type), Some(fit.table.partitioned));
    client.batch_execute(&format!("{INDEX_ONLY}; {}", from(&fit).lock())).await.map_err(failed)?;
    // What the table was before the lock does not count.
    let fit = source::unchanged(job, &look::facts(client, source).await?)?;
    let from = from(&fit);
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

/// Tallies up to `wanted` keys from `first` to `high`. A row whose very key cannot be read is counted all the same: whoever
/// reads its batch rejects it. Expects a savepoint.
async fn walk(
    client: &Client,
    from: &ReadFrom,
    mut first: i64,
    high: i64,
    wanted: i64,
    tally: &mut Tally,
) -> Result<(), StepError> {
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
        client.batch_execute(source::ROLLBACK).await.map_err(failed)?;
        if let (true, Some(last)) = (tally.rows > before, tally.lasts.last()) {
            first = last.saturating_add(1);
        }
        match next_row(client, from, first, high).await? {
            Next::Nothing => return Ok(()),
            Next::Row(key) | Next::Unreadable(key, _) if lost < MOST_LOST && key < high => {
                tally.add(key);
                first = key + 1;
            }
            Next::Row(key) | Next::Unreadable(key, _) if lost < MOST_LOST => {
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
async fn greatest(tx: &Transaction<'_>, from: &ReadFrom, source: &TableSource) -> Result<Option<i64>, StepError> {
    let Some(row) = tx.query_opt(&from.greatest(), &[]).await.map_err(failed)? else { return Ok(None) };
    if let Some(key) = row.get(0) {
        return Ok(Some(key));
    }
    let rows: i64 = tx.query_one(&from.count(), &[]).await.map_err(failed)?.get(1);
    let facts = look::facts(tx.client(), source).await?;
    Err(SourceError::NullKeys { column: facts.key_name, table: facts.table, rows }.into())
}

/// Adds the batches to the ledger; answers how many there are now.
async fn keep(tx: &Transaction<'_>, job: &Job, tally: &Tally, first: i64, planned: i64) -> Result<i64, StepError> {
    let mut first = first;
    let lasts = &tally.lasts;
    let firsts: Vec<i64> = lasts.iter().map(|last| std::mem::replace(&mut first, last.saturating_add(1))).collect();
    tx.execute(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
         SELECT $1, $2::bigint + place - 1, first, last, rows \
           FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS u (first, last, rows, place)",
        &[&job.id.0, &planned, &firsts, lasts, &tally.counts],
    )
    .await
    .map_err(failed)?;
    let batches = planned + i64::try_from(lasts.len()).unwrap_or(i64::MAX);
    if batches > MOST_BATCHES {
        return Err(SourceError::TooManyBatches { most: MOST_BATCHES, size: job.spec.batch_size }.into());
    }
    Ok(batches)
}

/// The rows behind the cursor went away meanwhile: the last batch covers the rest of the key space.
async fn stretch_last(tx: &Transaction<'_>, job: &Job, batches: i64, high: i64) -> Result<(), StepError> {
    tx.execute(
        "UPDATE vaultstream.batches SET last_id = greatest(last_id, $3::bigint) WHERE job_id = $1 AND batch = $2::bigint - 1",
        &[&job.id.0, &batches, &high],
    )
    .await
    .map(drop)
    .map_err(failed)
}

/// What the server believes the table to hold.
async fn estimate(tx: &Transaction<'_>, table: u32) -> Result<i64, StepError> {
    let row = tx
        .query_one(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_partition_tree($1::oid) t \
                    JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf",
            &[&table],
        )
        .await
        .map_err(failed)?;
    Ok(row.get(0))
}

async fn become_reader(tx: &Transaction<'_>, source_role: bool) -> Result<(), StepError> {
    if !source_role {
        return Ok(());
    }
    tx.batch_execute("SET LOCAL ROLE vaultstream_source").await.map_err(failed)
}

async fn become_self(tx: &Transaction<'_>, source_role: bool) -> Result<(), StepError> {
    if !source_role {
        return Ok(());
    }
    tx.batch_execute("SET LOCAL ROLE NONE").await.map_err(failed)
}
