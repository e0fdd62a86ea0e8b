//! Storing a chunk of a plan.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::Client;
use vaultstream_api::{Key, TableSource};

use super::chunk::{Chunk, Content, Ranges};
use super::plan::TablePlan;
use super::rows::KeyedRows;
use crate::connection::{Ledger, Session};
use crate::error::QueryError;
use crate::jobs::RowIds;
use crate::queries::Queries;
use crate::source::{Fit, rows_table};

const ACTION: &str = "store the plan";

/// Bytes of keys that are sent at a time.
const COPY_PIECE: usize = 256 << 10;

/// The result of an attempt to store a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkOutcome {
    /// It is stored, and more rows may follow.
    More,
    /// It is stored, and was the last one.
    Complete,
    /// Not yet: the job would exceed what was allowed so far. The same chunk may be stored later.
    Wait,
    /// Never: another worker plans, or the job is not planned any more.
    Lost,
}

impl ChunkOutcome {
    fn of(word: &str) -> Self {
        match word {
            "more" => Self::More,
            "complete" => Self::Complete,
            "wait" => Self::Wait,
            _ => Self::Lost,
        }
    }
}

/// Adds a chunk to the plan. After a failure of Postgres it is not known whether it was stored: begin again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn store(ledger: &Ledger, plan: &mut TablePlan, chunk: &Chunk) -> Result<ChunkOutcome, QueryError> {
    vaultstream_faults::point("chunk-read");
    let kept = match &chunk.content {
        Content::Ranges(ranges) => store_ranges(ledger, plan, ranges, chunk).await?,
        Content::Rows(rows) => {
            let session = Session::new(ledger.client(ACTION).await?);
            let Some(client) = session.client() else { return Ok(ChunkOutcome::Lost) };
            let kept = store_rows(client, plan, rows, chunk).await?;
            session.settle();
            kept
        }
    };
    if matches!(kept, ChunkOutcome::More | ChunkOutcome::Complete) {
        *plan = chunk.behind(plan);
        vaultstream_faults::point("chunk-planned");
    }
    Ok(kept)
}

async fn store_ranges(
    ledger: &Ledger,
    plan: &TablePlan,
    ranges: &Ranges,
    chunk: &Chunk,
) -> Result<ChunkOutcome, QueryError> {
    let Chunk { is_last, fit, .. } = chunk;
    if let (None, [column], [type_name]) = (plan.cursor, fit.key.columns.as_slice(), fit.key.types.as_slice())
        && !names(&chunk.table, column)
    {
        // migrations/V23__row_keys.sql
        let sql = "SELECT vaultstream.note_key($1, $2, $3, $4, $5)";
        ledger.execute(ACTION, sql, &[&plan.job.0, &plan.epoch, &plan.lease, column, type_name]).await?;
    }
    // migrations/V21__canonical_rows.sql
    let sql = "SELECT vaultstream.plan_batches($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS outcome";
    let Ranges { lasts, counts, high } = ranges;
    let row = ledger
        .query_one(
            ACTION,
            sql,
            &[
                &plan.job.0,
                &plan.epoch,
                &plan.lease,
                &plan.cursor,
                &lasts,
                &counts,
                &high,
                &is_last,
                &fit.signed_types.join(","),
                &fit.table.database,
                &fit.table.table,
                &fit.table.partitioned,
            ],
        )
        .await?;
    Ok(ChunkOutcome::of(row.get("outcome")))
}

/// The spec names this column as `key`.
fn names(table: &TableSource, column: &str) -> bool {
    matches!(&table.key, Key::Column(named) if named == column)
}

/// Copies the keys and adds their batches, in one transaction: until it is committed the job's row is locked.
async fn store_rows(
    client: &Client,
    plan: &TablePlan,
    rows: &KeyedRows,
    chunk: &Chunk,
) -> Result<ChunkOutcome, QueryError> {
    let Chunk { is_last, fit, .. } = chunk;
    let RowIds::Ordinals(access) = fit.key.ids else { return Ok(ChunkOutcome::Lost) };
    let (after, access) = (plan.cursor.unwrap_or(0), access.as_str());
    let tx = Queries::over(client, ACTION);
    tx.batch("BEGIN").await?;
    // migrations/V23__row_keys.sql
    let sql = "SELECT vaultstream.claim_rows($1, $2, $3, $4, $5, $6, $7, $8) AS outcome";
    let claimed = tx
        .query_one(
            sql,
            &[&plan.job.0, &plan.epoch, &plan.lease, &after, &rows.count, &fit.key.columns, &fit.key.types, &access],
        )
        .await?;
    let mut outcome = ChunkOutcome::of(claimed.get("outcome"));
    if outcome == ChunkOutcome::More {
        copy_keys(&tx, plan, fit, rows).await?;
        let sql = "SELECT vaultstream.plan_rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS outcome";
        let planned = tx
            .query_one(
                sql,
                &[
                    &plan.job.0,
                    &plan.epoch,
                    &plan.lease,
                    &after,
                    &rows.count,
                    &is_last,
                    &fit.signed_types.join(","),
                    &fit.table.database,
                    &fit.table.table,
                    &fit.table.partitioned,
                ],
            )
            .await?;
        outcome = ChunkOutcome::of(planned.get("outcome"));
    }
    tx.batch("COMMIT").await?;
    Ok(outcome)
}

async fn copy_keys(tx: &Queries<'_>, plan: &TablePlan, fit: &Fit, rows: &KeyedRows) -> Result<(), QueryError> {
    let columns: Vec<String> = (1..=fit.key.columns.len()).map(|at| format!("k{at}")).collect();
    let sql = format!(
        "COPY {} (ordinal, {}) FROM STDIN (FORMAT {})",
        rows_table(plan.job),
        columns.join(", "),
        rows.copied.format()
    );
    let failed = |error| tx.failed(error);
    let mut sink = pin!(tx.client().copy_in(&sql).await.map_err(failed)?);
    for piece in rows.copied.bytes().chunks(COPY_PIECE) {
        sink.send(Bytes::copy_from_slice(piece)).await.map_err(failed)?;
    }
    sink.as_mut().finish().await.map_err(failed)?;
    Ok(())
}
