//! Revoking keys. Only the schema's owner may do it. The SQL is in migrations/V15__data_keys.sql.

use std::time::SystemTime;

use tokio_postgres::Row;

use crate::class::Class;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::worker::leases;

/// The revocation of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When, by the server's clock.
    pub at: SystemTime,
    /// Why, in the words of the person who revoked it.
    pub reason: String,
    /// Somebody else may have used the key: none of its signatures can be relied on.
    pub compromised: bool,
}

/// The outcome of revoking a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked now.
    Done,
    /// It was revoked before, which stays as it is, or there is no such key.
    Before,
    /// A worker is committing with it, or is frozen in its commit: try again.
    Busy,
}

impl Revocation {
    /// Reads the columns `revoked_at`, `revocation` and `compromised`.
    pub(crate) fn of_row(row: &Row) -> Option<Self> {
        let (at, reason) = (row.get::<_, Option<_>>("revoked_at")?, row.get::<_, Option<_>>("revocation"));
        Some(Self { at, reason: reason.unwrap_or_default(), compromised: row.get("compromised") })
    }
}

/// Revokes a key: it gets no lease any more, and nothing that it signs from now on is committed.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn revoke(
    ledger: &Ledger,
    job: JobId,
    key: KeyId,
    reason: &str,
    compromised: bool,
) -> Result<Revoked, QueryError> {
    let sql = "SELECT vaultstream.revoke_key($1, $2, $3) AS revoked";
    match ledger.query_one("revoke the key", sql, &[&key.0, &reason, &compromised]).await {
        Ok(row) => Ok(if row.get("revoked") { Revoked::Done } else { Revoked::Before }),
        Err(error) if error.class() == Class::Contention => {
            leases::end_expired(ledger, job).await?;
            Ok(Revoked::Busy)
        }
        Err(error) => Err(error),
    }
}
