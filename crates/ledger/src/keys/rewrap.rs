//! Moving data keys, and private keys of jobs without one, to another key-encryption key. Only the schema's owner may do it.

use uuid::Uuid;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::keys::data_keys::WrappedDataKey;
use crate::queries::Queries;

/// A wrapped key, and the row that it belongs to.
#[derive(Clone, Debug)]
pub struct Wrapped {
    /// The row.
    pub key: KeyId,
    /// The uid of its job.
    pub job: Uuid,
    /// Its version.
    pub version: i32,
    /// SubjectPublicKeyInfo, DER.
    pub public: Vec<u8>,
    /// Nonce ‖ ciphertext ‖ tag.
    pub bytes: Vec<u8>,
    /// The id of the key-encryption key.
    pub kek: String,
}

/// A key's old wrapping, by which it is found unchanged, and its new one.
#[derive(Clone, Debug)]
pub struct Rewrapped {
    /// The row.
    pub key: KeyId,
    /// What it was.
    pub old: Vec<u8>,
    /// What it is to be.
    pub new: Vec<u8>,
}

/// A job with its wrapped data key.
#[derive(Clone, Debug)]
pub struct JobWithDataKey {
    /// Its number.
    pub id: JobId,
    /// Its uid.
    pub uid: Uuid,
    /// The data key.
    pub data_key: WrappedDataKey,
}

/// Jobs whose data keys are wrapped under another key-encryption key than `current`, by number, those after `after`, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn data_keys_not_under(
    ledger: &Ledger,
    current: &str,
    after: JobId,
    limit: i64,
) -> Result<Vec<JobWithDataKey>, QueryError> {
    let sql = "SELECT d.job_id, j.uid, d.wrapped_key, d.kek_id \
           FROM vaultstream.data_keys d JOIN vaultstream.jobs j ON j.id = d.job_id \
          WHERE d.kek_id <> $1 AND d.job_id > $2 ORDER BY d.job_id LIMIT $3";
    let rows = ledger.query("read wrapped data keys", sql, &[&current, &after.0, &limit]).await?;
    let jobs = rows.iter().map(|row| JobWithDataKey {
        id: JobId(row.get("job_id")),
        uid: row.get("uid"),
        data_key: WrappedDataKey { bytes: row.get("wrapped_key"), kek_id: row.get("kek_id") },
    });
    Ok(jobs.collect())
}

/// Replaces the wrapping of a data key, unless it has changed meanwhile: erased with its job, for instance. Returns whether it was
/// replaced; `None`, and nothing is replaced, when the key-encryption key would wrap more than `limit` keys.
///
/// # Errors
///
/// When Postgres fails.
pub async fn replace_data_key(
    ledger: &Ledger,
    job: &JobWithDataKey,
    new: &WrappedDataKey,
    limit: i64,
) -> Result<Option<bool>, QueryError> {
    const ACTION: &str = "replace a wrapped data key";
    let failed = |error| QueryError::new(ACTION, error);
    let mut client = ledger.client(ACTION).await?;
    let tx = client.transaction().await.map_err(failed)?;
    let queries = Queries::over(tx.client(), ACTION);
    let sql = "UPDATE vaultstream.data_keys SET wrapped_key = $3, kek_id = $4 WHERE job_id = $1 AND wrapped_key = $2";
    if queries.execute(sql, &[&job.id.0, &job.data_key.bytes, &new.bytes, &new.kek_id]).await? == 0 {
        return Ok(Some(false));
    }
    if !count_wraps(&queries, &new.kek_id, 1, limit).await? {
        return Ok(None);
    }
    tx.commit().await.map_err(failed)?;
    vaultstream_faults::point("data-key-rewrapped");
    Ok(Some(true))
}

/// Counts keys that a key-encryption key wraps. False when these would be more than `limit`.
async fn count_wraps(queries: &Queries<'_>, kek: &str, wraps: i64, limit: i64) -> Result<bool, QueryError> {
    let sql = "UPDATE vaultstream.keks SET wraps = wraps + $2 WHERE kek_id = $1 AND wraps + $2 <= $3";
    Ok(queries.execute(sql, &[&kek, &wraps, &limit]).await? > 0)
}

/// Keys that are wrapped under another key-encryption key than `current`, by id, those after `after`, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn keys_not_under(
    ledger: &Ledger,
    current: &str,
    after: KeyId,
    limit: i64,
) -> Result<Vec<Wrapped>, QueryError> {
    let sql = "SELECT k.id, j.uid, k.version, k.public_key, k.wrapped_key, k.kek_id \
           FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id \
          WHERE k.kek_id <> $1 AND k.id > $2 ORDER BY k.id LIMIT $3";
    let rows = ledger.query("read wrapped keys", sql, &[&current, &after.0, &limit]).await?;
    let wrapped = rows.iter().map(|row| Wrapped {
        key: KeyId(row.get("id")),
        job: row.get("uid"),
        version: row.get("version"),
        public: row.get("public_key"),
        bytes: row.get("wrapped_key"),
        kek: row.get("kek_id"),
    });
    Ok(wrapped.collect())
}

/// Replaces wrappings, all of them or none; those that changed meanwhile stay. Returns how many were replaced; `None`, and nothing
/// is replaced, when `kek` would wrap more than `limit` keys.
///
/// # Errors
///
/// When Postgres fails.
pub async fn replace(ledger: &Ledger, kek: &str, keys: &[Rewrapped], limit: i64) -> Result<Option<u64>, QueryError> {
    const ACTION: &str = "replace wrapped keys";
    let failed = |error| QueryError::new(ACTION, error);
    let ids: Vec<i64> = keys.iter().map(|key| key.key.0).collect();
    let old: Vec<&[u8]> = keys.iter().map(|key| key.old.as_slice()).collect();
    let new: Vec<&[u8]> = keys.iter().map(|key| key.new.as_slice()).collect();
    let wraps = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let mut client = ledger.client(ACTION).await?;
    let tx = client.transaction().await.map_err(failed)?;
    let queries = Queries::over(tx.client(), ACTION);
    // In the order in which a job that ends locks them.
    let lock = "SELECT 1 FROM vaultstream.keys WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";
    queries.execute(lock, &[&ids]).await?;
    let sql = "UPDATE vaultstream.keys k SET wrapped_key = n.new, kek_id = $1 \
          FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS n(id, old, new) \
         WHERE k.id = n.id AND k.wrapped_key = n.old";
    let replaced = queries.execute(sql, &[&kek, &ids, &old, &new]).await?;
    if !count_wraps(&queries, kek, wraps, limit).await? {
        return Ok(None);
    }
    tx.commit().await.map_err(failed)?;
    Ok(Some(replaced))
}
