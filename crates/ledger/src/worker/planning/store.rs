//! Storing a chunk of a plan.

use super::chunk::Chunk;
use super::plan::TablePlan;
use crate::connection::Ledger;
use crate::error::QueryError;

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

/// Adds a chunk to the plan. After an error it is not known whether it was stored: begin again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn store(ledger: &Ledger, plan: &mut TablePlan, chunk: &Chunk) -> Result<ChunkOutcome, QueryError> {
    vaultstream_faults::point("chunk-read");
    // migrations/V17__planning.sql
    let sql = "SELECT vaultstream.plan_batches($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS outcome";
    let Chunk { lasts, counts, high, is_last, fit } = chunk;
    let row = ledger
        .query_one(
            "store the plan",
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
    let kept = match row.get("outcome") {
        "more" => ChunkOutcome::More,
        "complete" => ChunkOutcome::Complete,
        "wait" => ChunkOutcome::Wait,
        _ => ChunkOutcome::Lost,
    };
    if matches!(kept, ChunkOutcome::More | ChunkOutcome::Complete) {
        plan.cursor = lasts.last().copied().or(plan.cursor);
        plan.high = Some(*high);
        plan.batches += i64::try_from(lasts.len()).unwrap_or(i64::MAX);
        vaultstream_faults::point("chunk-planned");
    }
    Ok(kept)
}
