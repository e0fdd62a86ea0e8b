//! Partitions of signatures: the open one is closed when it is large or old.

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// A step of closing the open partition of a job's signatures; migrations/V25__closing_partitions.sql explains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartStep {
    /// None: it stays open.
    Open,
    /// None: the job follows no table, or is signed no more.
    Lost,
    /// Its end was chosen, ahead of what is planned.
    Marked,
    /// What lies behind its end cannot get into it any more.
    Fenced,
    /// Nothing in it lies behind its end.
    Validated,
    /// It has its end, and the next one is there.
    Switched,
    /// The next one is the open one.
    Noted,
}

/// Takes the next step. Any session may, and may stop after any of them.
///
/// # Errors
///
/// When Postgres fails, or others hold the partition for longer than a moment.
pub async fn close_part(ledger: &Ledger, job: JobId) -> Result<PartStep, QueryError> {
    // migrations/V25__closing_partitions.sql
    let sql = "SELECT vaultstream.close_part($1) AS step";
    let row = ledger.query_one("close a partition of signatures", sql, &[&job.0]).await?;
    Ok(match row.get("step") {
        "open" => PartStep::Open,
        "marked" => PartStep::Marked,
        "fenced" => PartStep::Fenced,
        "validated" => PartStep::Validated,
        "switched" => PartStep::Switched,
        "noted" => PartStep::Noted,
        _ => PartStep::Lost,
    })
}
