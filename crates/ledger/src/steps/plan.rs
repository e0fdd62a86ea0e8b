//! What the owner of the ledger does while a worker plans a table: it allows the plan to grow within the limits, and ends the planning.

use tokio_postgres::Row;
use vaultstream_api::Source;

use super::lock::locked;
use super::seeding::{self, Seeding};
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::JobState;
use crate::limits::{self, LedgerLimits};
use crate::queries::Queries;

/// What a plan may have where there is no limit.
const UNLIMITED: (i64, i64) = (i64::MAX, i64::MAX);

/// Allows what the planner of a table wants to add, if that is within the ledger's limits. Once all is planned, the job signs.
///
/// # Errors
///
/// The limit that the plan would exceed, or that Postgres failed.
pub async fn oversee_plan(ledger: &Ledger, id: JobId) -> Result<Step<Seeding>, StepError> {
    locked(ledger, id, "oversee the plan", async |tx, job| {
        if job.state != JobState::Seeding || !matches!(job.spec.source, Source::Table(_)) {
            return Ok(Step::WrongState(job.state));
        }
        let plan = PlanRow::read(tx, id).await?;
        let (seeded, batches) = plan.stored;
        if plan.is_complete {
            seeding::finish(tx, id, seeded, batches).await?;
            return Ok(Step::Done(Seeding::Done { total: seeded, batches }));
        }
        let limits = &ledger.settings.limits;
        if let Some(wanted) = plan.to_check(limits) {
            limits::check_growth(tx, job, wanted, limits).await??;
        }
        allow(tx, id, plan.to_allow(limits)).await?;
        Ok(Step::Done(Seeding::More { seeded, total: seeded }))
    })
    .await
}

/// Rows and batches that a job that follows may get before this is asked again: growing by what it wants would make it wait each time.
const HEADROOM: (i64, i64) = (1_000_000, 10_000);

/// Allows a job that follows its table to grow, if that is within the ledger's limits.
///
/// # Errors
///
/// The limit that it would exceed, or that Postgres failed.
pub async fn oversee_growth(ledger: &Ledger, id: JobId) -> Result<Step<()>, StepError> {
    locked(ledger, id, "oversee the growth", async |tx, job| {
        if job.state != JobState::Signing || !job.is_following() {
            return Ok(Step::WrongState(job.state));
        }
        let plan = PlanRow::read(tx, id).await?;
        let limits = &ledger.settings.limits;
        let mut allowed = plan.to_allow_growth(limits);
        if let Some(more) = plan.ahead(limits) {
            match (limits::check_growth(tx, job, more, limits).await?, plan.to_check(limits)) {
                (Ok(()), _) => allowed = more,
                // Not that much: what is wanted now may fit.
                (Err(_), Some(wanted)) => {
                    limits::check_growth(tx, job, wanted, limits).await??;
                    allowed = wanted;
                }
                (Err(_), None) => {}
            }
        }
        allow(tx, id, allowed).await?;
        Ok(Step::Done(()))
    })
    .await
}

async fn allow(tx: &Queries<'_>, id: JobId, (rows, batches): (i64, i64)) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.jobs SET plan_rows_allowed = $2, plan_batches_allowed = $3 \
          WHERE id = $1 AND (plan_rows_allowed, plan_batches_allowed) IS DISTINCT FROM ($2::bigint, $3::bigint)";
    tx.execute(sql, &[&id.0, &rows, &batches]).await.map(drop)
}

/// A plan: rows and batches that are stored, wanted and allowed.
struct PlanRow {
    is_complete: bool,
    stored: (i64, i64),
    wanted: Option<(i64, i64)>,
    allowed: Option<(i64, i64)>,
}

impl PlanRow {
    async fn read(tx: &Queries<'_>, id: JobId) -> Result<Self, QueryError> {
        let sql = "SELECT plan_is_complete, seeded, coalesce(batches, 0) AS batches, plan_rows_wanted, plan_batches_wanted, \
             plan_rows_allowed, plan_batches_allowed FROM vaultstream.jobs WHERE id = $1";
        Ok(Self::of(&tx.query_one(sql, &[&id.0]).await?))
    }

    fn of(row: &Row) -> Self {
        let pair = |rows: &str, batches: &str| row.get::<_, Option<i64>>(rows).zip(row.get(batches));
        Self {
            is_complete: row.get("plan_is_complete"),
            stored: (row.get("seeded"), row.get("batches")),
            wanted: pair("plan_rows_wanted", "plan_batches_wanted"),
            allowed: pair("plan_rows_allowed", "plan_batches_allowed"),
        }
    }

    /// What has to be within the limits before it is allowed.
    fn to_check(&self, limits: &LedgerLimits) -> Option<(i64, i64)> {
        let wanted = self.wanted.filter(|_| !limits::may_grow_freely(limits))?;
        let allowed = self.limited_allowance();
        (wanted.0 > allowed.0 || wanted.1 > allowed.1).then_some(wanted)
    }

    /// What is allowed from now on, if it is.
    fn to_allow(&self, limits: &LedgerLimits) -> (i64, i64) {
        if limits::may_grow_freely(limits) {
            return UNLIMITED;
        }
        self.to_check(limits).unwrap_or_else(|| self.limited_allowance())
    }

    /// What of a job that follows is to be checked, so that it need not wait: once half of the headroom is used up.
    fn ahead(&self, limits: &LedgerLimits) -> Option<(i64, i64)> {
        let ((rows, batches), allowed) = (self.stored, self.limited_allowance());
        let is_short = allowed.0 < rows + HEADROOM.0 / 2 || allowed.1 < batches + HEADROOM.1 / 2;
        let wanted = self.wanted.unwrap_or_default();
        let more = ((rows + HEADROOM.0).max(wanted.0), (batches + HEADROOM.1).max(wanted.1));
        (is_short && !limits::may_grow_freely(limits)).then_some(more)
    }

    /// What a job that follows may have where nothing is to be checked.
    fn to_allow_growth(&self, limits: &LedgerLimits) -> (i64, i64) {
        if limits::may_grow_freely(limits) { UNLIMITED } else { self.limited_allowance() }
    }

    /// What is allowed now. A limit that was set since it was unlimited holds for what is added from now on.
    fn limited_allowance(&self) -> (i64, i64) {
        self.allowed.filter(|allowed| *allowed != UNLIMITED).unwrap_or(self.stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Allowance;

    fn plan(wanted: Option<(i64, i64)>, allowed: Option<(i64, i64)>) -> PlanRow {
        PlanRow { is_complete: false, stored: (40, 4), wanted, allowed }
    }

    fn limited() -> LedgerLimits {
        LedgerLimits { tenant: Allowance { batches: Some(10), ..Allowance::default() }, ..LedgerLimits::default() }
    }

    #[test]
    fn without_limits_everything_is_allowed_and_nothing_is_checked() {
        let free = LedgerLimits::default();
        for plan in [plan(None, None), plan(Some((90, 9)), None), plan(Some((90, 9)), Some((40, 4)))] {
            assert_eq!((plan.to_check(&free), plan.to_allow(&free)), (None, UNLIMITED));
        }
    }

    #[test]
    fn with_limits_exactly_what_is_wanted_is_checked_and_allowed() {
        for (plan, checked, allowed) in [
            (plan(None, None), None, (40, 4)),
            (plan(Some((90, 9)), None), Some((90, 9)), (90, 9)),
            (plan(Some((90, 9)), Some((40, 4))), Some((90, 9)), (90, 9)),
            // One of both is enough.
            (plan(Some((41, 4)), Some((40, 4))), Some((41, 4)), (41, 4)),
            (plan(Some((40, 5)), Some((40, 4))), Some((40, 5)), (40, 5)),
            // It was allowed before.
            (plan(Some((39, 3)), Some((40, 4))), None, (40, 4)),
            (plan(Some((90, 9)), Some((90, 9))), None, (90, 9)),
            // There was no limit when it began.
            (plan(None, Some(UNLIMITED)), None, (40, 4)),
            (plan(Some((90, 9)), Some(UNLIMITED)), Some((90, 9)), (90, 9)),
        ] {
            assert_eq!((plan.to_check(&limited()), plan.to_allow(&limited())), (checked, allowed));
        }
    }
}
