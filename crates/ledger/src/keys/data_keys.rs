//! Data keys of jobs, wrapped. The SQL is in migrations/V15__data_keys.sql.

use vaultstream_signing::MAX_WRAPS_PER_KEK;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// A wrapped data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// What the key-encryption key made of it.
    pub bytes: Vec<u8>,
    /// The id of the key-encryption key.
    pub kek_id: String,
}

/// The data key of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobDataKey {
    /// An earlier version made the job: its private keys are wrapped under a key-encryption key.
    None,
    /// The job gets one from the first worker that needs it.
    NotMade,
    /// It is there.
    Made(WrappedDataKey),
    /// The job is over.
    Erased,
}

/// The outcome of storing a data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredDataKey {
    /// The job has this one: the caller's, or that of another worker, which was faster.
    Stored(WrappedDataKey),
    /// The job signs no more.
    Over,
    /// The key-encryption key has wrapped as many keys as one may: use a new one.
    WrapLimit,
    /// The canary of the key-encryption key has not been stored.
    UnknownKek,
}

/// The data key of a job.
///
/// # Errors
///
/// When Postgres fails.
pub async fn of_job(ledger: &Ledger, job: JobId) -> Result<JobDataKey, QueryError> {
    let sql = "SELECT state, wrapped_key, kek_id FROM vaultstream.data_key_of($1)";
    let row = ledger.query_one("read the job's data key", sql, &[&job.0]).await?;
    Ok(match row.get("state") {
        "none" => JobDataKey::None,
        "unmade" => JobDataKey::NotMade,
        "made" => JobDataKey::Made(WrappedDataKey { bytes: row.get("wrapped_key"), kek_id: row.get("kek_id") }),
        _ => JobDataKey::Erased,
    })
}

/// Stores the data key of a job, unless the job has one.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store(ledger: &Ledger, job: JobId, wrapped: &[u8], kek_id: &str) -> Result<StoredDataKey, QueryError> {
    let sql = "SELECT outcome, wrapped_key, kek_id FROM vaultstream.store_data_key($1, $2, $3, $4)";
    let row =
        ledger.query_one("store the job's data key", sql, &[&job.0, &wrapped, &kek_id, &MAX_WRAPS_PER_KEK]).await?;
    Ok(match row.get("outcome") {
        "stored" => {
            vaultstream_faults::point("data-key-stored");
            StoredDataKey::Stored(WrappedDataKey { bytes: row.get("wrapped_key"), kek_id: row.get("kek_id") })
        }
        "limit" => StoredDataKey::WrapLimit,
        "unregistered" => StoredDataKey::UnknownKek,
        _ => StoredDataKey::Over,
    })
}
