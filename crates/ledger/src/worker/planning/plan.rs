//! A plan, and the right to continue it.

use uuid::Uuid;
use vaultstream_signing::RowKey;

use crate::connection::{Ledger, Session};
use crate::copy::KeyForm;
use crate::copy_out::{ReadError, stream};
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs;
use crate::queries::Params;
use crate::source::{Arrivals, rows_table};

const ACTION: &str = "begin to plan";

/// A job's plan so far, and the right to continue it.
#[derive(Clone, Debug)]
pub struct TablePlan {
    pub(super) job: JobId,
    pub(super) lease: Uuid,
    pub(super) epoch: i64,
    /// The last id that is planned.
    pub(super) cursor: Option<i64>,
    /// The key of the row with that id, where ids are ordinals.
    pub(super) after: Option<RowKey>,
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
    let row = ledger.query_one(ACTION, sql, &[&job.0, &lease]).await?;
    let (outcome, cursor): (&str, Option<i64>) = (row.get("outcome"), row.get("planned_up_to"));
    Ok(match outcome {
        "begun" => Begun::Plan(TablePlan {
            job,
            lease,
            epoch: row.get("epoch"),
            after: match cursor {
                Some(ordinal) => last_key(ledger, job, ordinal).await?,
                None => None,
            },
            cursor,
            high: row.get("high"),
            batches: row.get("batches"),
        }),
        "held" => Begun::Held,
        _ => Begun::Over,
    })
}

/// The key of the row with this ordinal, of a job that has ordinals.
async fn last_key(ledger: &Ledger, job: JobId, ordinal: i64) -> Result<Option<RowKey>, QueryError> {
    let Some(job) = jobs::by_id(ledger, job).await? else { return Ok(None) };
    let Some(key) = job.ordinals() else { return Ok(None) };
    let form = KeyForm::of(&key.types);
    let field = form.sql((1..=key.columns.len()).map(|at| format!("k{at}")));
    let sql = format!("SELECT {field} FROM {} WHERE ordinal = {ordinal}", rows_table(job.id));
    let mut found = None;
    let session = Session::new(ledger.client(ACTION).await?);
    let Some(client) = session.client() else { return Ok(None) };
    let read = stream::<1, ReadError>(client, &sql, |[field]| {
        found = Some(form.key(field)?);
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    session.settle();
    Ok(found)
}

/// Notes which arrivals table there is before the first row of a job that follows is planned.
///
/// # Errors
///
/// When Postgres fails.
pub async fn note_arrivals(ledger: &Ledger, plan: &TablePlan, arrivals: &Arrivals) -> Result<(), QueryError> {
    // migrations/V24__following.sql
    let sql = "SELECT vaultstream.note_arrivals($1, $2, $3, $4)";
    let params: Params<'_> = &[&plan.job.0, &plan.epoch, &plan.lease, &arrivals.oid];
    ledger.execute("note the arrivals table", sql, params).await.map(drop)
}

/// Lets another worker plan at once. Nothing is lost when this fails.
///
/// # Errors
///
/// When Postgres fails.
pub async fn release(ledger: &Ledger, plan: &TablePlan) -> Result<(), QueryError> {
    release_plan(ledger, plan.job, plan.epoch, plan.lease).await
}

/// The same of a plan of any kind.
pub(crate) async fn release_plan(ledger: &Ledger, job: JobId, epoch: i64, lease: Uuid) -> Result<(), QueryError> {
    // migrations/V17__planning.sql
    let sql = "SELECT vaultstream.release_plan($1, $2, $3)";
    ledger.execute("release the plan", sql, &[&job.0, &epoch, &lease]).await.map(drop)
}
