//! The lock that makes one program at a time advance a job.

use deadpool_postgres::{Object, Transaction};

use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::{self, Job};

/// Tells our locks from everybody else's; the job's number fills the lower half.
const NAMESPACE: i64 = 0x5653 << 48;

/// The lock's number.
pub(super) fn number(job: JobId) -> i64 {
    NAMESPACE | (job.0 & 0xffff_ffff_ffff)
}

pub(super) enum Locked<'a> {
    /// Ours until the end of the transaction, with the job as it is now.
    Job(Transaction<'a>, Box<Job>),
    Busy,
    Gone,
}

/// Begins a transaction that holds the job's lock.
pub(super) async fn begin<'a>(client: &'a mut Object, job: JobId, action: &str) -> Result<Locked<'a>, QueryError> {
    let failed = |error| QueryError::new(action, error);
    let tx = client.transaction().await.map_err(failed)?;
    let row = tx.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&number(job)]).await.map_err(failed)?;
    if !row.get::<_, bool>(0) {
        return Ok(Locked::Busy);
    }
    let sql = format!("SELECT {} FROM vaultstream.jobs WHERE id = $1", jobs::COLUMNS);
    match tx.query_opt(&sql, &[&job.0]).await.map_err(failed)? {
        Some(row) => Ok(Locked::Job(tx, Box::new(jobs::from_row(&row)?))),
        None => Ok(Locked::Gone),
    }
}

/// True for what a lock_timeout or a deadlock leaves behind: nothing was done, later it may be.
pub(super) fn is_busy(error: &QueryError) -> bool {
    error.class() == crate::class::Class::Contention
}
