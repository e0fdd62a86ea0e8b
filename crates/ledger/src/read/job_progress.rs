//! How far jobs are: sums over keys, never over signatures or single batches. The view is in migrations/V5__views.sql.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;
use vaultstream_api::SigningJobSpec;
use vaultstream_signing::RowKey;

use super::verify::row_keys::BesideRecords;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, JobId};
use crate::jobs::{Job, JobState, UnknownState};
use crate::keys::revocation::Revocation;

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
    /// Arrivals of a table that is followed which were left when they were last read, about.
    pub waiting: Option<i64>,
    /// How old the oldest row is that arrived and is not signed; zero when all are, `None` of a job that follows no table.
    pub lag: Option<Duration>,
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
    /// Keys that are leased just now.
    pub keys_leased: i64,
    /// The server's clock at that moment.
    pub at: SystemTime,
    /// When the server started: another time after a restart, and when another server has taken its place.
    pub server_started: SystemTime,
}

const COLUMNS: &str = "job_id, state, suspended, generation, total, signed, rejected, changed, backlog, waiting, lag, seeded, batches, \
     published, batches_signed, keys_active, keys_retired, keys_leased, clock_timestamp() AS at, \
     pg_postmaster_start_time() AS server_started";

/// A job's progress; `None` when there is no such job.
///
/// # Errors
///
/// When Postgres fails. Unknown is never zero: do not take an error for an empty backlog.
pub async fn progress(ledger: &Ledger, job: JobId) -> Result<Option<Progress>, QueryError> {
    let sql = format!("SELECT {COLUMNS} FROM vaultstream.tenant_progress WHERE job_id = $1");
    let rows = ledger.query_prepared("read the job's progress", &sql, &[&job.0]).await?;
    rows.first().map(from_row).transpose()
}

/// A job that workers plan or sign, with what scaling asks of it.
#[derive(Clone, Debug)]
pub struct ActiveJob {
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
    /// How far following its table is; `None` of a job that does not, or not any more.
    pub following: Option<FollowFigures>,
    /// Something keeps its workers from reading its table, or its trigger from firing.
    pub source_fault: bool,
}

/// How far following a table is, beside what [`Progress`] has of it. Ages are by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowFigures {
    /// Rows that no trigger saw, and that a look through the table found.
    pub found: i64,
    /// How long ago the table was last looked through to its end: at first when it was planned.
    pub look_age: Duration,
    /// How long ago the last checkpoint was made; before the first one, how long ago the table was planned.
    pub checkpoint_age: Duration,
    /// Batches signed that no checkpoint covers.
    pub uncovered_batches: i64,
}

/// All live jobs of a cluster that have streams and are not suspended, with their progress, in one query.
///
/// # Errors
///
/// When Postgres fails. Unknown is never zero: do not take an error for an empty backlog.
pub async fn active_jobs(ledger: &Ledger, cluster: &str) -> Result<Vec<ActiveJob>, QueryError> {
    const ACTION: &str = "read the progress of all jobs";
    let failed = |error| QueryError::new(ACTION, error);
    let sql = format!(
        "SELECT {COLUMNS}, uid, namespace, name, published_at, beside.* \
           FROM vaultstream.job_progress, LATERAL ( \
                SELECT j.spec, j.source_fault_reason IS NOT NULL AS source_fault, j.follow_found, \
                       CASE WHEN j.follow_state IN ('following', 'ending') THEN coalesce(j.follow_scanned_at, j.seeded_at) END AS looked_at, \
                       coalesce(c.made_at, j.seeded_at) AS covered_at, coalesce(c.batches, 0) AS covered \
                  FROM vaultstream.jobs j LEFT JOIN LATERAL ( \
                       SELECT made_at, batches FROM vaultstream.checkpoints WHERE job_id = j.id ORDER BY number DESC LIMIT 1) c ON true \
                 WHERE j.id = job_id) beside \
          WHERE cluster = $1 AND live \
            AND state IN ('Seeding', 'Signing', 'Finishing') AND NOT suspended AND generation > 0 ORDER BY job_id"
    );
    let rows = ledger.query_prepared(ACTION, &sql, &[&cluster]).await?;
    rows.iter()
        .map(|row| {
            let progress = from_row(row)?;
            Ok(ActiveJob {
                uid: row.try_get("uid").map_err(failed)?,
                namespace: row.try_get("namespace").map_err(failed)?,
                name: row.try_get("name").map_err(failed)?,
                published_at: row.try_get("published_at").map_err(failed)?,
                spec: row.try_get::<_, Json<SigningJobSpec>>("spec").map_err(failed)?.0,
                following: FollowFigures::of(row, &progress),
                source_fault: row.try_get("source_fault").map_err(failed)?,
                progress,
            })
        })
        .collect()
}

impl FollowFigures {
    fn of(row: &Row, progress: &Progress) -> Option<Self> {
        let age = |at: SystemTime| progress.at.duration_since(at).unwrap_or_default();
        let looked: Option<SystemTime> = row.get("looked_at");
        Some(Self {
            found: row.get("follow_found"),
            look_age: age(looked?),
            checkpoint_age: age(row.get::<_, Option<SystemTime>>("covered_at")?),
            uncovered_batches: (progress.batches_signed - row.get::<_, i64>("covered")).max(0),
        })
    }
}

fn from_row(row: &Row) -> Result<Progress, QueryError> {
    let state: &str = row.get("state");
    Ok(Progress {
        job: JobId(row.get("job_id")),
        state: state.parse().map_err(|error| QueryError::other("read a job's progress", UnknownRow(error)))?,
        suspended: row.get("suspended"),
        generation: row.get("generation"),
        total: row.get("total"),
        signed: row.get("signed"),
        rejected: row.get("rejected"),
        changed: row.get("changed"),
        backlog: row.get("backlog"),
        waiting: row.get("waiting"),
        lag: row.get::<_, Option<f64>>("lag").and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        seeded: row.get("seeded"),
        batches: row.get("batches"),
        published: row.get("published"),
        batches_signed: row.get("batches_signed"),
        keys_active: row.get("keys_active"),
        keys_retired: row.get("keys_retired"),
        keys_leased: row.get("keys_leased"),
        at: row.get("at"),
        server_started: row.get("server_started"),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger holds a state that this program does not know")]
struct UnknownRow(#[source] UnknownState);

/// A record that could not be signed, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Which record.
    pub id: i64,
    /// The key of its row, where ids are ordinals.
    pub key: Option<RowKey>,
    /// The kind of reason, as one word.
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
    job: &Job,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Rejected>, QueryError> {
    let beside = BesideRecords::of(job, "x.record_id");
    let BesideRecords { join, key, .. } = &beside;
    let sql = format!(
        "SELECT x.record_id, x.reason, x.detail, x.attempts, x.rejected_at, {key} AS key FROM vaultstream.tenant_rejects x{join} \
         WHERE x.job_id = $1 AND ($2::bigint IS NULL OR x.record_id > $2) ORDER BY x.record_id LIMIT $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query_prepared("read the job's rejects", &sql, &[&job.id.0, &after, &limit]).await?;
    let rejects = rows.iter().map(|row| Rejected {
        id: row.get("record_id"),
        key: beside.of_row(row),
        reason: row.get("reason"),
        detail: row.get("detail"),
        attempts: row.get("attempts"),
        at: row.get("rejected_at"),
    });
    Ok(rejects.collect())
}

/// How many rejects there are of each reason, the most frequent one first.
///
/// # Errors
///
/// When Postgres fails.
pub async fn reject_reasons(ledger: &Ledger, job: JobId) -> Result<Vec<(String, i64)>, QueryError> {
    let sql = "SELECT reason, count(*) AS rejects FROM vaultstream.tenant_rejects WHERE job_id = $1 GROUP BY reason ORDER BY 2 DESC, 1";
    let rows = ledger.query_prepared("count the rejects by reason", sql, &[&job.0]).await?;
    Ok(rows.iter().map(|row| (row.get("reason"), row.get("rejects"))).collect())
}

/// The reason of rejects of rows that were gone when they were read. No limit counts them: nothing is missing from what there is.
pub const ROW_GONE: &str = "RowGone";

/// How many rejects are of rows that were gone.
///
/// # Errors
///
/// When Postgres fails.
pub async fn gone_rows(ledger: &Ledger, job: JobId) -> Result<i64, QueryError> {
    let sql = "SELECT count(*) AS rows FROM vaultstream.tenant_rejects WHERE job_id = $1 AND reason = $2";
    Ok(ledger.query_one("count the rows that are gone", sql, &[&job.0, &ROW_GONE]).await?.get("rows"))
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
    let sql = "SELECT batch, first_id, last_id, attempts, last_error FROM vaultstream.tenant_batches \
         WHERE job_id = $1 AND attempts > 0 AND state <> 'signed' ORDER BY attempts DESC, batch LIMIT 100";
    let rows = ledger.query("read the job's failures", sql, &[&job.0]).await?;
    let failing = rows.iter().map(|row| Failing {
        batch: BatchNo(row.get("batch")),
        range: (row.get("first_id"), row.get("last_id")),
        attempts: row.get("attempts"),
        why: row.get("last_error"),
    });
    Ok(failing.collect())
}

/// A key of a job and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// Its place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// SubjectPublicKeyInfo, DER; `None` until it is made.
    pub public_key: Option<Vec<u8>>,
    /// False once it is worn out, set aside, revoked or erased.
    pub active: bool,
    /// What is wrong with one that was set aside.
    pub damage: Option<String>,
    /// When its private key was erased.
    pub erased: Option<SystemTime>,
    /// It was revoked.
    pub revocation: Option<Revocation>,
    /// It is leased just now, until then.
    pub leased_until: Option<SystemTime>,
    /// Tells its lease from others just now, and is not the lease's id, which is a right.
    pub holder: Option<String>,
    /// Signatures made with it.
    pub signed: i64,
    /// Batches committed with it.
    pub batches: i64,
    /// Its place in the order of use: of two keys, the one with the greater number was leased later.
    pub last_used: Option<i64>,
}

impl KeyUsage {
    /// Whether it is leased just now.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        self.leased_until.is_some()
    }
}

/// The keys of a job by ordinal and version, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn key_usage(ledger: &Ledger, job: JobId, limit: usize) -> Result<Vec<KeyUsage>, QueryError> {
    let sql = "SELECT ordinal, version, public_key, state = 'active' AS active, signed, batches, last_used, \
           CASE WHEN lease_until > clock_timestamp() THEN lease_until END AS leased_until, \
           CASE WHEN lease_until > clock_timestamp() THEN holder_mark END AS holder, \
           CASE state WHEN 'damaged' THEN coalesce(damage, '') END AS damage, \
           erased_at, revoked_at, revocation, compromised \
           FROM vaultstream.tenant_keys WHERE job_id = $1 ORDER BY ordinal, version LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query_prepared("read the job's keys", sql, &[&job.0, &limit]).await?;
    let keys = rows.iter().map(|row| KeyUsage {
        ordinal: row.get("ordinal"),
        version: row.get("version"),
        public_key: row.get("public_key"),
        active: row.get("active"),
        leased_until: row.get("leased_until"),
        holder: row.get("holder"),
        signed: row.get("signed"),
        batches: row.get("batches"),
        last_used: row.get("last_used"),
        damage: row.get("damage"),
        erased: row.get("erased_at"),
        revocation: Revocation::of_row(row),
    });
    Ok(keys.collect())
}
