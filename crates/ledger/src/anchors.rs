//! Anchors: which timestamping authorities are to confirm the receipts of jobs, and their tokens. The SQL is in
//! migrations/V19__anchors.sql.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Params;

/// The longest text of an error that is stored, in characters.
const ERROR_LIMIT: usize = 500;

/// What one authority confirms of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorRow {
    /// URL of the authority.
    pub tsa: String,
    /// The policy that it was asked for.
    pub policy: Option<String>,
    /// Its token over the receipt, in DER; `None` while it has not confirmed.
    pub token: Option<Vec<u8>>,
    /// When the token was stored, by the server's clock.
    pub made: Option<SystemTime>,
    /// How often it was asked without a token.
    pub attempts: i32,
    /// Why there was none last.
    pub last_error: Option<String>,
}

/// An authority that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingAnchor {
    /// Whose receipt.
    pub job: JobId,
    /// Namespace of the job.
    pub namespace: String,
    /// Name of the job.
    pub name: String,
    /// The receipt.
    pub receipt: String,
    /// URL of the authority.
    pub tsa: String,
    /// The policy to ask for.
    pub policy: Option<String>,
    /// How often it was asked without a token.
    pub attempts: i32,
}

/// The anchors of a job, in the order of their authorities. Empty before its receipt is stored.
///
/// # Errors
///
/// When Postgres fails.
pub async fn of_job(ledger: &Ledger, job: JobId) -> Result<Vec<AnchorRow>, QueryError> {
    let sql = "SELECT tsa, policy, token, made_at, attempts, last_error FROM vaultstream.tenant_anchors \
         WHERE job_id = $1 ORDER BY tsa";
    let rows = ledger.query("read the anchors of the job", sql, &[&job.0]).await?;
    let anchors = rows.iter().map(|row| AnchorRow {
        tsa: row.get("tsa"),
        policy: row.get("policy"),
        token: row.get("token"),
        made: row.get("made_at"),
        attempts: row.get("attempts"),
        last_error: row.get("last_error"),
    });
    Ok(anchors.collect())
}

/// What is pending of one job, due or not.
///
/// # Errors
///
/// When Postgres fails.
pub async fn pending_of_job(ledger: &Ledger, job: JobId) -> Result<Vec<PendingAnchor>, QueryError> {
    let sql = "SELECT a.job_id, j.namespace, j.name, j.receipt, a.tsa, a.policy, a.attempts \
          FROM vaultstream.anchors a JOIN vaultstream.jobs j ON j.id = a.job_id \
         WHERE a.job_id = $1 AND a.token IS NULL AND j.receipt IS NOT NULL ORDER BY a.tsa";
    Ok(ledger.query("find pending anchors", sql, &[&job.0]).await?.iter().map(pending).collect())
}

/// What is due now of the live jobs of a cluster at the authorities `tsas`: at most `limit`, the longest due first. Without `namespaces` of
/// all of them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn due(
    ledger: &Ledger,
    (cluster, namespaces): (&str, &[String]),
    tsas: &[String],
    limit: usize,
) -> Result<Vec<PendingAnchor>, QueryError> {
    let sql = "SELECT a.job_id, j.namespace, j.name, j.receipt, a.tsa, a.policy, a.attempts \
          FROM vaultstream.anchors a JOIN vaultstream.jobs j ON j.id = a.job_id \
         WHERE a.token IS NULL AND a.next_attempt <= clock_timestamp() AND a.tsa = ANY ($2) \
           AND j.cluster = $1 AND (cardinality($4::text[]) = 0 OR j.namespace = ANY ($4)) AND j.live AND j.receipt IS NOT NULL \
         ORDER BY a.next_attempt LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params: Params<'_> = &[&cluster, &tsas, &limit, &namespaces];
    Ok(ledger.query("find anchors that are due", sql, params).await?.iter().map(pending).collect())
}

fn pending(row: &Row) -> PendingAnchor {
    PendingAnchor {
        job: JobId(row.get("job_id")),
        namespace: row.get("namespace"),
        name: row.get("name"),
        receipt: row.get("receipt"),
        tsa: row.get("tsa"),
        policy: row.get("policy"),
        attempts: row.get("attempts"),
    }
}

/// Stores a token. The first one stays.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store(ledger: &Ledger, job: JobId, tsa: &str, token: &[u8]) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.anchors SET token = $3, made_at = clock_timestamp(), last_error = NULL \
         WHERE job_id = $1 AND tsa = $2 AND token IS NULL";
    ledger.execute("store the token of an anchor", sql, &[&job.0, &tsa, &token]).await.map(drop)
}

/// Notes that an authority has not confirmed, and is to be asked again after `delay`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn note_failure(
    ledger: &Ledger,
    job: JobId,
    tsa: &str,
    why: &str,
    delay: Duration,
) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.anchors SET attempts = attempts + 1, last_error = $3, \
               next_attempt = clock_timestamp() + make_interval(secs => $4) \
         WHERE job_id = $1 AND tsa = $2 AND token IS NULL";
    let why: String = why.chars().take(ERROR_LIMIT).collect();
    let seconds = delay.as_secs_f64();
    ledger.execute("note that an anchor is pending", sql, &[&job.0, &tsa, &why, &seconds]).await.map(drop)
}
