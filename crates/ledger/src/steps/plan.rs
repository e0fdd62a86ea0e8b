//! Planning the batches of somebody's table: a walk along its key, so that gaps cost nothing.
//!
//! The ranges tile the whole key space up to the greatest key at planning time: the first begins at the least bigint, each
//! next one behind its predecessor. A row that is inserted later below that key is in a range, too.

use deadpool_postgres::Transaction;
use vaultstream_api::TableSource;

use super::seed::{self, Seeding};
use super::table::{self, SourceError};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::{ReadFrom, quoted};

/// Batches a job may have.
const MOST_BATCHES: i64 = 5_000_000;

const ACTION: &str = "plan the source table";

fn failed(error: tokio_postgres::Error) -> SourceError {
    let error = QueryError::new(ACTION, error);
    SourceError::Query(error)
}

/// Plans the batches of the next `chunk` rows.
pub(super) async fn table(
    tx: &Transaction<'_>,
    job: &Job,
    source: &TableSource,
    chunk: i64,
    source_role: bool,
) -> Result<Seeding, SourceError> {
    let row = tx
        .query_one("SELECT plan_cursor, plan_high, batches FROM vaultstream.jobs WHERE id = $1", &[&job.id.0])
        .await
        .map_err(failed)?;
    let (cursor, high, planned): (Option<i64>, Option<i64>, Option<i64>) = (row.get(0), row.get(1), row.get(2));
    // What reads the table does so with the reader's rights, what writes the ledger with ours.
    become_reader(tx, source_role).await?;
    let payload_type = table::check(tx, source).await?;
    let from = ReadFrom::of(job);
    let key = quoted(&source.key);
    let high = match high {
        Some(high) => Some(high),
        None => {
            let sql = format!("SELECT max({key})::bigint FROM {}", from.table);
            tx.query_one(&sql, &[]).await.map_err(failed)?.get(0)
        }
    };
    let mut batches = planned.unwrap_or(0);
    let Some(high) = high else {
        become_self(tx, source_role).await?;
        seed::finish(tx, job.id, 0, 0).await.map_err(failed)?;
        return Ok(Seeding::Done { total: 0, batches: 0 });
    };

    let size = i64::from(job.spec.batch_size.max(1));
    let wanted = (chunk / size).max(1).saturating_mul(size);
    let sql = format!(
        "SELECT max(id), count(*) FROM (SELECT {key}::bigint AS id, (row_number() OVER (ORDER BY {key}) - 1) / $3::bigint AS batch \
           FROM {} WHERE {key} > $1::bigint AND {key} <= $2::bigint ORDER BY {key} LIMIT $4::bigint) AS rows GROUP BY batch ORDER BY batch",
        from.table
    );
    // The least bigint itself is looked for by an inclusive bound once, and by a strict one later.
    let sql = if cursor.is_none() { sql.replacen("> $1", ">= $1", 1) } else { sql };
    let rows = tx.query(&sql, &[&cursor.unwrap_or(i64::MIN), &high, &size, &wanted]).await.map_err(failed)?;
    become_self(tx, source_role).await?;

    let mut lasts: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let counts: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
    let read: i64 = counts.iter().sum();
    let complete = read < wanted || lasts.last() == Some(&high);
    if let (true, Some(last)) = (complete, lasts.last_mut()) {
        *last = high;
    }
    let mut first = cursor.map_or(i64::MIN, |cursor| cursor.saturating_add(1));
    let firsts: Vec<i64> = lasts.iter().map(|last| std::mem::replace(&mut first, last.saturating_add(1))).collect();
    tx.execute(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
         SELECT $1, $2::bigint + place - 1, first, last, rows \
           FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS u (first, last, rows, place)",
        &[&job.id.0, &batches, &firsts, &lasts, &counts],
    )
    .await
    .map_err(failed)?;
    if complete && lasts.is_empty() && batches > 0 {
        // The rows behind the cursor went away meanwhile: the last batch covers the rest of the key space.
        tx.execute(
            "UPDATE vaultstream.batches SET last_id = greatest(last_id, $3::bigint) WHERE job_id = $1 AND batch = $2::bigint - 1",
            &[&job.id.0, &batches, &high],
        )
        .await
        .map_err(failed)?;
    }
    batches += i64::try_from(lasts.len()).unwrap_or(i64::MAX);
    if batches > MOST_BATCHES {
        return Err(SourceError::TooManyBatches { most: MOST_BATCHES, size: job.spec.batch_size });
    }
    let seeded = job.seeded + read;
    tx.execute(
        "UPDATE vaultstream.jobs SET plan_cursor = $2, plan_high = $3, batches = $4, seeded = $5, payload_type = $6 \
         WHERE id = $1",
        &[&job.id.0, &lasts.last().copied().or(cursor), &high, &batches, &seeded, &payload_type],
    )
    .await
    .map_err(failed)?;
    if complete {
        seed::finish(tx, job.id, seeded, batches).await.map_err(failed)?;
        Ok(Seeding::Done { total: seeded, batches })
    } else {
        Ok(Seeding::More { seeded, total: estimate(tx, &from.table).await?.max(seeded) })
    }
}

/// What the server believes the table to hold.
async fn estimate(tx: &Transaction<'_>, table: &str) -> Result<i64, SourceError> {
    let row = tx
        .query_one(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_partition_tree($1::text::regclass) t \
                    JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf",
            &[&table],
        )
        .await
        .map_err(failed)?;
    Ok(row.get(0))
}

async fn become_reader(tx: &Transaction<'_>, source_role: bool) -> Result<(), SourceError> {
    if !source_role {
        return Ok(());
    }
    tx.batch_execute("SET LOCAL ROLE vaultstream_source").await.map_err(failed)
}

async fn become_self(tx: &Transaction<'_>, source_role: bool) -> Result<(), SourceError> {
    if !source_role {
        return Ok(());
    }
    tx.batch_execute("SET LOCAL ROLE NONE").await.map_err(failed)
}
