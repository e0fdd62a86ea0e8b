//! Planning rows that were read.

use std::time::Duration;

use super::arrivals::Arrived;
use super::plan::FollowPlan;
use super::table::{Place, TableRows};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Params;

/// What became of rows that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Each of them has an ordinal. `new` got theirs now; `unbatched` are in no batch yet.
    Planned {
        /// Rows that had none.
        new: i64,
        /// Rows of the open batch.
        unbatched: i64,
    },
    /// Likewise, and there is nothing to follow any more.
    Ended,
    /// Not yet: the job would exceed what was allowed so far. The same rows may be stored later.
    Wait,
    /// Never: another worker plans, `follow` was removed, or the job is over. What was read is to be forgotten.
    Lost,
}

/// Plans arrivals, and closes the open batch once its oldest row arrived this long ago; `None` leaves it open. After a failure of Postgres
/// it is not known whether they are planned: begin anew, and forget them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn store_arrivals(
    ledger: &Ledger,
    plan: &FollowPlan,
    arrived: &Arrived,
    close_after: Option<Duration>,
) -> Result<Stored, QueryError> {
    vaultstream_faults::point("arrivals-read");
    let age = arrived.oldest.map(|age| age.as_secs_f64());
    let left_age = arrived.left_oldest.map(|age| age.as_secs_f64());
    let close_after = close_after.map(|after| after.as_secs_f64());
    let params: Params<'_> = &[
        &plan.job.0,
        &plan.epoch,
        &plan.lease,
        &arrived.rows,
        &age,
        &close_after,
        &arrived.table,
        &arrived.is_all(),
        &arrived.left,
        &left_age,
        &None::<&str>,
        &None::<Vec<String>>,
    ];
    let stored = store(ledger, params).await?;
    vaultstream_faults::point("arrivals-planned");
    Ok(stored)
}

/// Plans rows of the table, and notes where looking through it goes on.
///
/// # Errors
///
/// As [`store_arrivals`].
pub async fn store_rows(ledger: &Ledger, plan: &FollowPlan, rows: &TableRows) -> Result<Stored, QueryError> {
    vaultstream_faults::point("table-read");
    let (scan, after) = match &rows.next {
        Place::Begin => ("begin", None),
        Place::After(key) => ("next", Some(key.values())),
        Place::End => ("end", None),
    };
    let params: Params<'_> = &[
        &plan.job.0,
        &plan.epoch,
        &plan.lease,
        &rows.rows,
        &None::<f64>,
        &None::<f64>,
        &None::<u32>,
        &false,
        &None::<i64>,
        &None::<f64>,
        &Some(scan),
        &after,
    ];
    let stored = store(ledger, params).await?;
    vaultstream_faults::point("table-planned");
    Ok(stored)
}

async fn store(ledger: &Ledger, params: Params<'_>) -> Result<Stored, QueryError> {
    // migrations/V24__following.sql
    let sql = "SELECT outcome, planned, unbatched FROM vaultstream.plan_arrivals($1, $2, $3, $4, make_interval(secs => $5::float8), \
         make_interval(secs => $6::float8), $7::oid, $8, $9::bigint, make_interval(secs => $10::float8), $11::text, $12::text[])";
    let rows = ledger.query_prepared("plan rows of the table", sql, params).await?;
    let Some(row) = rows.first() else { return Ok(Stored::Lost) };
    Ok(match row.get("outcome") {
        "planned" => Stored::Planned { new: row.get("planned"), unbatched: row.get("unbatched") },
        "ended" => Stored::Ended,
        "wait" => Stored::Wait,
        _ => Stored::Lost,
    })
}
