//! How far jobs are. Sums over keys, never a look at signatures or at single batches.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;
use vaultstream_api::SigningJobSpec;

use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, JobId};
use crate::jobs::JobState;

/// A job's figures at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which job.
    pub job: JobId,
    /// How far it is.
    pub state: JobState,
    /// Suspended by its spec.
    pub suspended: bool,
    /// Names its present streams.
    pub generation: i64,
    /// Records: signed, rejected and backlog together.
    pub total: i64,
    /// Records with a signature.
    pub signed: i64,
    /// Records that cannot be signed.
    pub rejected: i64,
    /// Rows of a table that came or went between planning and signing.
    pub changed: i64,
    /// Records that are neither signed nor rejected yet.
    pub backlog: i64,
    /// Records seeded or planned so far.
    pub seeded: i64,
    /// Batches, once planned.
    pub batches: Option<i64>,
    /// Batches published in this generation.
    pub published: i64,
    /// Batches signed.
    pub batches_signed: i64,
    /// Keys that sign.
    pub keys_active: i64,
    /// Key versions that are worn out.
    pub keys_retired: i64,
    /// Keys somebody holds just now.
    pub keys_leased: i64,
    /// The server's clock at that moment.
    pub at: SystemTime,
}

impl Progress {
    /// True when no batch is left to sign.
    #[must_use]
    pub fn all_signed(&self) -> bool {
        self.batches.is_some_and(|batches| self.batches_signed >= batches)
    }
}

const COLUMNS: &str = "job_id, state, suspended, generation, total, signed, rejected, changed, backlog, seeded, batches, \
     published, batches_signed, keys_active, keys_retired, keys_leased, clock_timestamp()";

/// A job's progress; none when there is no such job.
///
/// # Errors
///
/// When Postgres fails. Unknown is never zero: do not take an error for an empty backlog.
pub async fn progress(ledger: &Ledger, job: JobId) -> Result<Option<Progress>, QueryError> {
    const ACTION: &str = "read the job's progress";
    let client = ledger.client(ACTION).await?;
    let statement = client
        .prepare_cached(&format!("SELECT {COLUMNS} FROM vaultstream.job_progress WHERE job_id = $1"))
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    let row = client.query_opt(&statement, &[&job.0]).await.map_err(|error| QueryError::new(ACTION, error))?;
    row.as_ref().map(from_row).transpose()
}

/// A job that workers sign, with what scaling asks of it.
#[derive(Clone, Debug)]
pub struct AtWork {
    /// Its uid.
    pub uid: Uuid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub spec: SigningJobSpec,
    /// When its first batch was published.
    pub published_at: Option<SystemTime>,
    /// Its figures.
    pub progress: Progress,
}

/// All live jobs of a cluster that have streams and are not suspended, with their progress, in one query.
///
/// # Errors
///
/// When Postgres fails. Unknown is never zero: do not take an error for an empty backlog.
pub async fn at_work(ledger: &Ledger, cluster: &str) -> Result<Vec<AtWork>, QueryError> {
    const ACTION: &str = "read the progress of all jobs";
    let client = ledger.client(ACTION).await?;
    let failed = |error| QueryError::new(ACTION, error);
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, uid, namespace, name, published_at, \
                    (SELECT spec FROM vaultstream.jobs j WHERE j.id = job_id) \
               FROM vaultstream.job_progress WHERE cluster = $1 AND live \
                AND state IN ('Signing', 'Finishing') AND NOT suspended AND generation > 0 ORDER BY job_id"
        ))
        .await
        .map_err(failed)?;
    let rows = client.query(&statement, &[&cluster]).await.map_err(failed)?;
    rows.iter()
        .map(|row| {
            Ok(AtWork {
                uid: row.try_get(17).map_err(failed)?,
                namespace: row.try_get(18).map_err(failed)?,
                name: row.try_get(19).map_err(failed)?,
                published_at: row.try_get(20).map_err(failed)?,
                spec: row.try_get::<_, Json<SigningJobSpec>>(21).map_err(failed)?.0,
                progress: from_row(row)?,
            })
        })
        .collect()
}

fn from_row(row: &Row) -> Result<Progress, QueryError> {
    let state: &str = row.get(1);
    Ok(Progress {
        job: JobId(row.get(0)),
        state: state.parse().map_err(|error| QueryError::other("read a job's progress", UnknownRow(error)))?,
        suspended: row.get(2),
        generation: row.get(3),
        total: row.get(4),
        signed: row.get(5),
        rejected: row.get(6),
        changed: row.get(7),
        backlog: row.get(8),
        seeded: row.get(9),
        batches: row.get(10),
        published: row.get(11),
        batches_signed: row.get(12),
        keys_active: row.get(13),
        keys_retired: row.get(14),
        keys_leased: row.get(15),
        at: row.get(16),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger holds a state that this program does not know")]
struct UnknownRow(#[source] crate::jobs::UnknownState);

/// A record that could not be signed, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Which record.
    pub id: i64,
    /// A word for the kind of reason.
    pub reason: String,
    /// A sentence.
    pub detail: String,
    /// Attempts that were made before.
    pub attempts: i32,
    /// When.
    pub at: SystemTime,
}

/// Rejects with ids above `after`, ascending, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn rejects(
    ledger: &Ledger,
    job: JobId,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Rejected>, QueryError> {
    const ACTION: &str = "read the job's rejects";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT record_id, reason, detail, attempts, rejected_at FROM vaultstream.rejects \
             WHERE job_id = $1 AND ($2::bigint IS NULL OR record_id > $2) ORDER BY record_id LIMIT $3",
            &[&job.0, &after, &i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| Rejected {
            id: row.get(0),
            reason: row.get(1),
            detail: row.get(2),
            attempts: row.get(3),
            at: row.get(4),
        })
        .collect())
}

/// A batch that has failed and is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Which batch.
    pub batch: BatchNo,
    /// First and last id.
    pub range: (i64, i64),
    /// Failures that named it or a record of it.
    pub attempts: i32,
    /// The last one's reason.
    pub why: Option<String>,
}

/// Batches that have failed and are not signed, the worst first, at most 100.
///
/// # Errors
///
/// When Postgres fails.
pub async fn failures(ledger: &Ledger, job: JobId) -> Result<Vec<Failing>, QueryError> {
    const ACTION: &str = "read the job's failures";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT batch, first_id, last_id, attempts, last_error FROM vaultstream.batches \
             WHERE job_id = $1 AND attempts > 0 AND state <> 'signed' ORDER BY attempts DESC, batch LIMIT 100",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| Failing {
            batch: BatchNo(row.get(0)),
            range: (row.get(1), row.get(2)),
            attempts: row.get(3),
            why: row.get(4),
        })
        .collect())
}

/// A key of a job and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// Its place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// SubjectPublicKeyInfo, DER; none while it is not made.
    pub public_key: Option<Vec<u8>>,
    /// False once it is worn out or set aside.
    pub active: bool,
    /// What is wrong with one that was set aside.
    pub damage: Option<String>,
    /// Somebody holds it just now.
    pub leased: bool,
    /// Signatures made with it.
    pub signed: i64,
}

/// The keys of a job by ordinal and version, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn key_usage(ledger: &Ledger, job: JobId, limit: usize) -> Result<Vec<KeyUsage>, QueryError> {
    const ACTION: &str = "read the job's keys";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT ordinal, version, public_key, state = 'active', coalesce(lease_until > clock_timestamp(), false), signed, \
             CASE state WHEN 'damaged' THEN coalesce(damage, '') END FROM vaultstream.keys WHERE job_id = $1 ORDER BY ordinal, version LIMIT $2",
            &[&job.0, &i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows
        .iter()
        .map(|row| KeyUsage {
            ordinal: row.get(0),
            version: row.get(1),
            public_key: row.get(2),
            active: row.get(3),
            leased: row.get(4),
            signed: row.get(5),
            damage: row.get(6),
        })
        .collect())
}
