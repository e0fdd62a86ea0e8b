//! The right to plan what a job follows.

use uuid::Uuid;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::worker::planning::release_plan;

/// The right to plan what a job follows, under one epoch.
#[derive(Clone, Debug)]
pub struct FollowPlan {
    pub(super) job: JobId,
    pub(super) lease: Uuid,
    pub(super) epoch: i64,
}

/// The result of an attempt to begin.
#[derive(Clone, Debug)]
pub enum Followed {
    /// The caller plans.
    Plan(FollowPlan),
    /// Another worker does.
    Held,
    /// There is nothing to follow.
    Over,
}

/// Begins to plan under a new epoch, unless another worker does: one that has stored something within the last 15 seconds. `lease` names
/// the caller, and is the same when it begins again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn begin(ledger: &Ledger, job: JobId, lease: Uuid) -> Result<Followed, QueryError> {
    // migrations/V24__following.sql
    let sql = "SELECT outcome, epoch FROM vaultstream.begin_follow($1, $2)";
    let row = ledger.query_one("begin to follow the table", sql, &[&job.0, &lease]).await?;
    Ok(match row.get("outcome") {
        "begun" => Followed::Plan(FollowPlan { job, lease, epoch: row.get("epoch") }),
        "held" => Followed::Held,
        _ => Followed::Over,
    })
}

/// Lets another worker plan at once. Nothing is lost when this fails.
///
/// # Errors
///
/// When Postgres fails.
pub async fn release(ledger: &Ledger, plan: &FollowPlan) -> Result<(), QueryError> {
    release_plan(ledger, plan.job, plan.epoch, plan.lease).await
}
