//! The last checkpoint of a job that follows its table.

use std::time::SystemTime;

use tokio_postgres::Row;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

const ACTION: &str = "read the job's last checkpoint";

/// What a checkpoint covers, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheckpoint {
    /// Its number, from 1 on.
    pub number: i64,
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// The root over all that it covers.
    pub merkle_root: [u8; 32],
    /// It covers the first ones.
    pub batches: i64,
    /// Records in them.
    pub records: i64,
    /// When it was made, by the ledger's clock.
    pub made: SystemTime,
}

/// A job's last checkpoint; `None` before the first one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn last_checkpoint(ledger: &Ledger, job: JobId) -> Result<Option<LastCheckpoint>, QueryError> {
    let sql = "SELECT number, digest, merkle_root, batches, records, made_at FROM vaultstream.tenant_checkpoints \
         WHERE job_id = $1 ORDER BY number DESC LIMIT 1";
    let rows = ledger.query_prepared(ACTION, sql, &[&job.0]).await?;
    rows.first().map(from_row).transpose()
}

fn from_row(row: &Row) -> Result<LastCheckpoint, QueryError> {
    let bytes = |name: &str| -> Result<[u8; 32], QueryError> {
        let bytes: Vec<u8> = row.try_get(name).map_err(|error| QueryError::new(ACTION, error))?;
        bytes.try_into().map_err(|_| QueryError::other(ACTION, NotAHash))
    };
    Ok(LastCheckpoint {
        number: row.get("number"),
        digest: bytes("digest")?,
        merkle_root: bytes("merkle_root")?,
        batches: row.get("batches"),
        records: row.get("records"),
        made: row.get("made_at"),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger holds a checkpoint whose digest or root is not of 32 bytes")]
struct NotAHash;
