//! What a worker reports when signing itself is wrong.

use vaultstream_api::Reason;
use vaultstream_signing::Backend;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::SourceFault;
use crate::worker::leases::Lease;

/// Reports what ends the lease's job. Lifecycle, which holds the job's lock, ends it. False when the ledger does not know the lease
/// any more.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn report(ledger: &Ledger, lease: &Lease, reason: Reason, why: &str) -> Result<bool, QueryError> {
    // migrations/V13__signing_faults.sql
    let sql = "SELECT vaultstream.report_fault($1, $2, $3, $4, $5) AS known";
    let row = ledger
        .query_one("report a fault", sql, &[&lease.key.0, &lease.epoch, &lease.id, &reason.as_str(), &why])
        .await?;
    Ok(row.get("known"))
}

/// Reports what keeps this worker from reading the job's table, or with `None` that nothing does any more.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn report_source(ledger: &Ledger, job: JobId, fault: Option<&SourceFault>) -> Result<(), QueryError> {
    // migrations/V17__planning.sql
    let sql = "SELECT vaultstream.report_source($1, $2, $3, $4)";
    let (reason, why) = fault.map(|fault| (fault.reason.as_str(), fault.why.as_str())).unzip();
    ledger
        .execute("report the state of the source", sql, &[&job.0, &reason, &why, &fault.map(|fault| fault.passes)])
        .await
        .map(drop)
}

/// Reports that a worker of the lease's job uses this backend no more. False when the ledger does not know the lease any more.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn report_withdrawal(
    ledger: &Ledger,
    lease: &Lease,
    backend: Backend,
    why: &str,
) -> Result<bool, QueryError> {
    // migrations/V13__signing_faults.sql
    let sql = "SELECT vaultstream.report_withdrawal($1, $2, $3, $4, $5) AS known";
    let row = ledger
        .query_one("report a withdrawn backend", sql, &[&lease.key.0, &lease.epoch, &lease.id, &backend.as_str(), &why])
        .await?;
    Ok(row.get("known"))
}
