//! Planning the batches of a table: a walk along its key, so that gaps cost nothing.
//!
//! The ranges tile the whole key space up to the greatest key at planning time: the first begins at the least bigint, each
//! next one behind its predecessor. A row that is inserted later below that key is in a range, too.

use tokio_postgres::Client;
use vaultstream_api::TableSource;

use super::look;
use super::seeding::{self, Seeding};
use super::step::StepError;
use crate::connection::Settings;
use crate::copy::int8;
use crate::copy_out::{INDEX_ONLY, ReadError, stream};
use crate::jobs::Job;
use crate::limits;
use crate::queries::Queries;
use crate::source::{self, Fit, Next, ReadFrom, SourceError, next_row};

/// Batches a job may have.
const MOST_BATCHES: i64 = 5_000_000;

/// Rows of one chunk whose very keys cannot be read. More of them are no faults of rows any more.
const MOST_LOST: usize = 10_000;

const ACTION: &str = "plan the source table";

/// Plans the batches of the next `chunk` rows.
pub(super) async fn table(
    tx: &Queries<'_>,
    job: &Job,
    source: &TableSource,
    chunk: i64,
    settings: &Settings,
) -> Result<Seeding, StepError> {
    let source_role = settings.source_role;
    let tx = &Queries::over(tx.client(), ACTION);
    let sql = "SELECT plan_cursor, plan_high, batches FROM vaultstream.jobs WHERE id = $1";
    let row = tx.query_one(sql, &[&job.id.0]).await?;
    let (cursor, planned): (Option<i64>, Option<i64>) = (row.get("plan_cursor"), row.get("batches"));
    // What reads the table does so with the reader's rights, what writes the ledger with ours.
    become_reader(tx, source_role).await?;
    let (fit, from) = hold(tx.client(), job, source, source_role).await?;
    let high = match row.get("plan_high") {
        Some(high) => Some(high),
        None => greatest(tx, &from, source).await?,
    };
    let size = i64::from(job.spec.batch_size.max(1));
    let wanted = (chunk / size).max(1).saturating_mul(size);
    let first = cursor.map_or(i64::MIN, |cursor| cursor.saturating_add(1));
    let mut tally = Tally::new(size);
    if let Some(high) = high {
        tx.batch(source::SAVEPOINT).await?;
        walk(tx.client(), &from, first, high, wanted, &mut tally).await?;
        tx.batch(source::RELEASE).await?;
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
    limits::check_growth(tx, job, (seeded, batches), &settings.limits).await??;
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
    .await?;
    if complete {
        seeding::finish(tx, job.id, seeded, batches).await?;
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
    Queries::over(client, ACTION).batch(&format!("{INDEX_ONLY}; {}", from(&fit).lock())).await?;
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

/// Tallies up to `wanted` keys from `first` to `high`. A row whose very key cannot be read is counted all the same: the worker
/// that reads its batch rejects it. Expects a savepoint.
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
        Queries::over(client, ACTION).batch(source::ROLLBACK).await?;
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
async fn greatest(tx: &Queries<'_>, from: &ReadFrom, source: &TableSource) -> Result<Option<i64>, StepError> {
    let Some(row) = tx.query_opt(&from.greatest(), &[]).await? else { return Ok(None) };
    if let Some(key) = row.get("key") {
        return Ok(Some(key));
    }
    let rows: i64 = tx.query_one(&from.count(), &[]).await?.get("without_key");
    let facts = look::facts(tx.client(), source).await?;
    Err(SourceError::NullKeys { column: facts.key_name, table: facts.table, rows }.into())
}

/// Adds the batches to the ledger. Returns how many there are now.
async fn keep(tx: &Queries<'_>, job: &Job, tally: &Tally, first: i64, planned: i64) -> Result<i64, StepError> {
    let mut first = first;
    let lasts = &tally.lasts;
    let firsts: Vec<i64> = lasts.iter().map(|last| std::mem::replace(&mut first, last.saturating_add(1))).collect();
    tx.execute(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
         SELECT $1, $2::bigint + place - 1, first, last, rows \
           FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS u (first, last, rows, place)",
        &[&job.id.0, &planned, &firsts, lasts, &tally.counts],
    )
    .await?;
    let batches = planned + i64::try_from(lasts.len()).unwrap_or(i64::MAX);
    if batches > MOST_BATCHES {
        return Err(SourceError::TooManyBatches { most: MOST_BATCHES, size: job.spec.batch_size }.into());
    }
    Ok(batches)
}

/// The rows behind the cursor went away meanwhile: the last batch covers the rest of the key space.
async fn stretch_last(tx: &Queries<'_>, job: &Job, batches: i64, high: i64) -> Result<(), StepError> {
    tx.execute(
        "UPDATE vaultstream.batches SET last_id = greatest(last_id, $3::bigint) WHERE job_id = $1 AND batch = $2::bigint - 1",
        &[&job.id.0, &batches, &high],
    )
    .await?;
    Ok(())
}

/// The rows of the table, as the server estimates them.
async fn estimate(tx: &Queries<'_>, table: u32) -> Result<i64, StepError> {
    let row = tx
        .query_one(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS estimate FROM pg_partition_tree($1::oid) t \
                    JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf",
            &[&table],
        )
        .await?;
    Ok(row.get("estimate"))
}

async fn become_reader(tx: &Queries<'_>, source_role: bool) -> Result<(), StepError> {
    if !source_role {
        return Ok(());
    }
    tx.batch("SET LOCAL ROLE vaultstream_source").await?;
    Ok(())
}

async fn become_self(tx: &Queries<'_>, source_role: bool) -> Result<(), StepError> {
    if !source_role {
        return Ok(());
    }
    tx.batch("SET LOCAL ROLE NONE").await?;
    Ok(())
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
