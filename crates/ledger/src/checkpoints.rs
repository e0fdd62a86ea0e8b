//! Checkpoints of jobs that follow their tables: rows of migrations/V24__following.sql.

use std::time::SystemTime;

use tokio_postgres::Row;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Params;
use crate::worker::leases::Lease;

/// A checkpoint as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Its number, from 1 on.
    pub number: i64,
    /// SHA-256 of it.
    pub digest: Vec<u8>,
    /// It itself, a JWS.
    pub checkpoint: String,
    /// It covers this many batches, from the first on.
    pub batches: i64,
    /// Records in them.
    pub records: i64,
    /// The root over them.
    pub root: Vec<u8>,
    /// The job's spec, of which it has the hash, as canonical JSON; only of the last one.
    pub spec: Option<String>,
    /// What the maker of the next one begins with; only of the last one.
    pub state: Option<Vec<u8>>,
    /// When it was stored.
    pub made: SystemTime,
}

/// What is stored of a new checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct NewCheckpoint<'a> {
    /// SHA-256 of the one before.
    pub previous: Option<&'a [u8; 32]>,
    /// It itself, a JWS.
    pub checkpoint: &'a str,
    /// It covers this many batches, from the first on.
    pub batches: i64,
    /// Records in them.
    pub records: i64,
    /// The root over them.
    pub root: &'a [u8; 32],
    /// The job's spec, of which it has the hash, as canonical JSON.
    pub spec: &'a str,
    /// What the maker of the next one begins with.
    pub state: &'a [u8],
    /// The backends that signed.
    pub backend: &'a str,
}

const READ_LAST: &str = "read the job's last checkpoint";

const COLUMNS: &str = "number, digest, checkpoint, batches, records, merkle_root, spec, state, made_at";

/// The last checkpoint of a job.
///
/// # Errors
///
/// When Postgres fails.
pub async fn last(ledger: &Ledger, job: JobId) -> Result<Option<CheckpointRow>, QueryError> {
    last_behind(ledger, job, 0).await
}

/// The last checkpoint of a job, if its number is greater than this one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn last_behind(ledger: &Ledger, job: JobId, number: i64) -> Result<Option<CheckpointRow>, QueryError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM vaultstream.tenant_checkpoints WHERE job_id = $1 AND number > $2 ORDER BY number DESC LIMIT 1"
    );
    Ok(ledger.query_opt(READ_LAST, &sql, &[&job.0, &number]).await?.as_ref().map(from_row))
}

/// The checkpoints of a job with numbers behind `after`, ascending, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn list(ledger: &Ledger, job: JobId, after: i64, limit: usize) -> Result<Vec<CheckpointRow>, QueryError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM vaultstream.tenant_checkpoints WHERE job_id = $1 AND number > $2 ORDER BY number LIMIT $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(ledger.query("read the checkpoints", &sql, &[&job.0, &after, &limit]).await?.iter().map(from_row).collect())
}

/// The newest checkpoints of a job, the last one first, at most `limit`, without what only their maker needs.
///
/// # Errors
///
/// When Postgres fails.
pub async fn newest(ledger: &Ledger, job: JobId, limit: usize) -> Result<Vec<CheckpointRow>, QueryError> {
    let sql = "SELECT number, digest, checkpoint, batches, records, merkle_root, NULL::text AS spec, NULL::bytea AS state, made_at \
         FROM vaultstream.tenant_checkpoints WHERE job_id = $1 ORDER BY number DESC LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(ledger
        .query_prepared("read the newest checkpoints", sql, &[&job.0, &limit])
        .await?
        .iter()
        .map(from_row)
        .collect())
}

/// Whether the next checkpoint is due: something was signed behind the last one, and that one is `every` seconds old, or `records` were
/// signed since.
///
/// # Errors
///
/// When Postgres fails.
pub async fn is_due(ledger: &Ledger, job: JobId, every: f64, records: i64) -> Result<bool, QueryError> {
    let sql = "SELECT coalesce((SELECT b.state = 'signed' FROM vaultstream.tenant_batches b \
                          WHERE b.job_id = j.id AND b.batch = coalesce(c.batches, 0)), false) \
                AND (coalesce(c.made_at, j.seeded_at) <= clock_timestamp() - make_interval(secs => $2) \
                  OR (SELECT sum(k.signed + k.rejected) FROM vaultstream.tenant_keys k WHERE k.job_id = j.id AND k.ordinal > 0) \
                     - coalesce(c.records, 0) >= $3::bigint) AS due \
           FROM vaultstream.tenant_jobs j LEFT JOIN LATERAL (SELECT * FROM vaultstream.tenant_checkpoints \
                 WHERE job_id = j.id ORDER BY number DESC LIMIT 1) c ON true \
          WHERE j.id = $1 AND j.state = 'Signing' AND j.follow_state IN ('following', 'ending')";
    let rows = ledger.query_prepared("look whether a checkpoint is due", sql, &[&job.0, &every, &records]).await?;
    Ok(rows.first().and_then(|row| row.get("due")).unwrap_or(false))
}

/// Stores a checkpoint under the lease of the receipt key, and returns that lease. False when the lease is over, another checkpoint came
/// first, or not all that it covers is signed.
///
/// # Errors
///
/// When Postgres fails: whether it is stored is not known then, and the next one is made behind what is.
pub async fn store(ledger: &Ledger, lease: &Lease, new: &NewCheckpoint<'_>) -> Result<bool, QueryError> {
    // migrations/V24__following.sql
    let sql = "SELECT vaultstream.store_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS stored";
    let NewCheckpoint { previous, checkpoint, batches, records, root, spec, state, backend } = new;
    let previous = previous.map(<[u8; 32]>::as_slice);
    let params: Params<'_> = &[
        &lease.job.0,
        &lease.key.0,
        &lease.epoch,
        &lease.id,
        &previous,
        checkpoint,
        batches,
        records,
        &root.as_slice(),
        spec,
        state,
        backend,
    ];
    Ok(ledger.query_one("store the checkpoint", sql, params).await?.get("stored"))
}

fn from_row(row: &Row) -> CheckpointRow {
    CheckpointRow {
        number: row.get("number"),
        digest: row.get("digest"),
        checkpoint: row.get("checkpoint"),
        batches: row.get("batches"),
        records: row.get("records"),
        root: row.get("merkle_root"),
        spec: row.get("spec"),
        state: row.get("state"),
        made: row.get("made_at"),
    }
}

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
    let rows = ledger.query_prepared(READ_LAST, sql, &[&job.0]).await?;
    rows.first().map(last_from_row).transpose()
}

fn last_from_row(row: &Row) -> Result<LastCheckpoint, QueryError> {
    let bytes = |name: &str| -> Result<[u8; 32], QueryError> {
        let bytes: Vec<u8> = row.try_get(name).map_err(|error| QueryError::new(READ_LAST, error))?;
        bytes.try_into().map_err(|_| QueryError::other(READ_LAST, NotAHash))
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
