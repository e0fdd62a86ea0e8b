//! Keys whose rows are damaged: set aside, so that a job goes on with its others.

use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::leases::Lease;

/// A key that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedKey {
    /// Which key.
    pub id: KeyId,
    /// Its place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// Signatures that it made before.
    pub signed: i64,
    /// What is wrong with it, as the worker that found it says.
    pub why: String,
}

/// Sets the key aside that is held under this lease, and ends the lease. False when it is lost already. Another receipt key takes
/// the place of a damaged one.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn set_aside(ledger: &Ledger, lease: &Lease, why: &str) -> Result<bool, QueryError> {
    const ACTION: &str = "set a damaged key aside";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_one("SELECT vaultstream.set_key_aside($1, $2, $3, $4)", &[&lease.key.0, &lease.epoch, &lease.id, &why])
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(row.get(0))
}

/// The job's keys that were set aside, by ordinal and version.
///
/// # Errors
///
/// When Postgres fails.
pub async fn keys(ledger: &Ledger, job: JobId) -> Result<Vec<DamagedKey>, QueryError> {
    const ACTION: &str = "list the job's damaged keys";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT id, ordinal, version, signed, coalesce(damage, '') FROM vaultstream.keys \
             WHERE job_id = $1 AND state = 'damaged' ORDER BY ordinal, version",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    let damaged = rows.iter().map(|row| DamagedKey {
        id: KeyId(row.get(0)),
        ordinal: row.get(1),
        version: row.get(2),
        signed: row.get(3),
        why: row.get(4),
    });
    Ok(damaged.collect())
}
