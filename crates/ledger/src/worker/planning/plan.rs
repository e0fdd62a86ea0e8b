//! A plan, and the right to continue it.

use uuid::Uuid;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// A job's plan so far, and the right to continue it.
#[derive(Clone, Debug)]
pub struct TablePlan {
    pub(super) job: JobId,
    pub(super) lease: Uuid,
    pub(super) epoch: i64,
    /// The last key that is planned.
    pub(super) cursor: Option<i64>,
    /// The greatest key that will be.
    pub(super) high: Option<i64>,
    /// Batches so far.
    pub(super) batches: i64,
}

/// The result of an attempt to begin.
#[derive(Clone, Debug)]
pub enum Begun {
    /// The caller plans.
    Plan(TablePlan),
    /// Another worker does.
    Held,
    /// There is nothing to plan.
    Over,
}

/// Begins or continues to plan a job, unless another worker does: one that has begun or stored something within the last 30 seconds. That one
/// may also store later, as long as no other worker has begun. `lease` names the caller, and is the same when it begins again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn begin(ledger: &Ledger, job: JobId, lease: Uuid) -> Result<Begun, QueryError> {
    // migrations/V17__planning.sql
    let sql = "SELECT outcome, epoch, planned_up_to, high, batches FROM vaultstream.begin_plan($1, $2)";
    let row = ledger.query_one("begin to plan", sql, &[&job.0, &lease]).await?;
    Ok(match row.get("outcome") {
        "begun" => Begun::Plan(TablePlan {
            job,
            lease,
            epoch: row.get("epoch"),
            cursor: row.get("planned_up_to"),
            high: row.get("high"),
            batches: row.get("batches"),
        }),
        "held" => Begun::Held,
        _ => Begun::Over,
    })
}

/// Lets another worker plan at once. Nothing is lost when this fails.
///
/// # Errors
///
/// When Postgres fails.
pub async fn release(ledger: &Ledger, plan: &TablePlan) -> Result<(), QueryError> {
    // migrations/V17__planning.sql
    let sql = "SELECT vaultstream.release_plan($1, $2, $3)";
    ledger.execute("release the plan", sql, &[&plan.job.0, &plan.epoch, &plan.lease]).await.map(drop)
}
