//! Keys whose rows are damaged: set aside, so that a job continues with its others.

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::worker::leases::Lease;

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
    // migrations/V14__tenants.sql
    let sql = "SELECT vaultstream.set_key_aside($1, $2, $3, $4) AS set_aside";
    let row = ledger.query_one("set a damaged key aside", sql, &[&lease.key.0, &lease.epoch, &lease.id, &why]).await?;
    Ok(row.get("set_aside"))
}

/// The job's keys that were set aside, by ordinal and version.
///
/// # Errors
///
/// When Postgres fails.
pub async fn list(ledger: &Ledger, job: JobId) -> Result<Vec<DamagedKey>, QueryError> {
    let sql = "SELECT id, ordinal, version, signed, coalesce(damage, '') AS damage FROM vaultstream.tenant_keys \
         WHERE job_id = $1 AND state = 'damaged' ORDER BY ordinal, version";
    let rows = ledger.query("list the job's damaged keys", sql, &[&job.0]).await?;
    let damaged = rows.iter().map(|row| DamagedKey {
        id: KeyId(row.get("id")),
        ordinal: row.get("ordinal"),
        version: row.get("version"),
        signed: row.get("signed"),
        why: row.get("damage"),
    });
    Ok(damaged.collect())
}
