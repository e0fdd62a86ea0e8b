//! What a verification, an export or a receipt reads of a job.

mod completeness;
mod signed;
mod unreached;
mod unsigned;
mod walk;

use uuid::Uuid;

use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, JobId, KeyId};

pub use crate::copy_out::ReadError;
pub use completeness::{Violation, ViolationKind, completeness};
#[cfg(test)]
pub(crate) use signed::beside_source;
pub use signed::{Lost, Now, SignedRow, SignedRows, Visit};
pub use unsigned::{Unsigned, newer_rows, unsigned_between, unsigned_rows};
pub use walk::Rows;

/// A signed batch, with what its root was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBatch {
    /// Which batch.
    pub batch: BatchNo,
    /// First id.
    pub first: i64,
    /// Last id.
    pub last: i64,
    /// Rows that were seen in it.
    pub rows: i64,
    /// Signatures.
    pub signed: i64,
    /// Rejects.
    pub rejected: i64,
    /// The key that signed; none when nothing could be signed.
    pub key: Option<KeyId>,
    /// The lease that committed it.
    pub lease: Option<Uuid>,
    /// The batch's root.
    pub root: Vec<u8>,
}

/// The signed batches with numbers from `from` on, ascending, at most `limit`. The job's root is over all of them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn batch_roots(ledger: &Ledger, job: JobId, from: i64, limit: usize) -> Result<Vec<SignedBatch>, QueryError> {
    const ACTION: &str = "read the roots of the batches";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT batch, first_id, last_id, rows, signed, rejected, key_id, lease, merkle_root FROM vaultstream.batches \
             WHERE job_id = $1 AND batch >= $2 AND state = 'signed' ORDER BY batch LIMIT $3",
            &[&job.0, &from, &i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| SignedBatch {
            batch: BatchNo(row.get(0)),
            first: row.get(1),
            last: row.get(2),
            rows: row.get(3),
            signed: row.get(4),
            rejected: row.get(5),
            key: row.get::<_, Option<i64>>(6).map(KeyId),
            lease: row.get(7),
            root: row.get(8),
        })
        .collect())
}

/// A key's public half and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyRow {
    /// Which key.
    pub id: KeyId,
    /// Its place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// Signatures made with it.
    pub signed: i64,
    /// Order of its last use.
    pub last_used: Option<i64>,
}

/// The job's keys that exist, the receipt key among them, by ordinal and version; without those that were set aside before they had
/// signed anything.
///
/// # Errors
///
/// When Postgres fails.
pub async fn public_keys(ledger: &Ledger, job: JobId) -> Result<Vec<PublicKeyRow>, QueryError> {
    const ACTION: &str = "read the job's public keys";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT id, ordinal, version, public_key, signed, last_used FROM vaultstream.keys \
             WHERE job_id = $1 AND public_key IS NOT NULL AND (state <> 'damaged' OR signed > 0) \
             ORDER BY ordinal, version",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| PublicKeyRow {
            id: KeyId(row.get(0)),
            ordinal: row.get(1),
            version: row.get(2),
            public_key: row.get(3),
            signed: row.get(4),
            last_used: row.get(5),
        })
        .collect())
}
