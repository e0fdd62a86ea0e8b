//! All jobs with their figures.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;
use uuid::Uuid;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::jobs::{COLUMNS, Job, JobState, from_row};

const ACTION: &str = "read the jobs and their figures";

/// A job among others, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its uid.
    pub uid: Uuid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: JobState,
    /// Suspended by its spec.
    pub suspended: bool,
    /// It follows a table.
    pub follows: bool,
    /// Records, once they are planned.
    pub total: Option<i64>,
    /// Records with a signature.
    pub signed: i64,
    /// Records that cannot be signed.
    pub rejected: i64,
    /// Records that are neither.
    pub backlog: i64,
    /// How old the oldest row is that arrived and is not signed; `None` of a job that follows no table.
    pub lag: Option<Duration>,
    /// Its place among the jobs of its cluster that have not begun, from 1 on.
    pub waits: Option<i64>,
    /// Why it failed, or what keeps it from going on.
    pub fault: Option<String>,
    /// When it was added to the ledger.
    pub created: SystemTime,
    /// When it was complete or failed.
    pub finished: Option<SystemTime>,
    /// The server's clock when this was read.
    pub at: SystemTime,
}

/// The live jobs of a cluster, or of all of them, in the order in which they were added: the newest `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn rows(ledger: &Ledger, cluster: Option<&str>, limit: usize) -> Result<Vec<JobRow>, QueryError> {
    const SQL: &str = "WITH shown AS ( \
           SELECT j.id, j.total IS NOT NULL AND j.state <> 'Pending' AS is_planned, j.follow_state IS NOT NULL AS follows, \
                  coalesce(j.failure, j.fault, j.source_fault) AS why, \
                  CASE WHEN j.state = 'Pending' AND NOT j.suspended THEN row_number() OVER ( \
                       PARTITION BY j.cluster, j.state = 'Pending' AND NOT j.suspended ORDER BY j.id) END AS waits \
             FROM vaultstream.tenant_jobs j WHERE j.live AND ($1::text IS NULL OR j.cluster = $1) ORDER BY j.id DESC LIMIT $2) \
         SELECT p.uid, p.namespace, p.name, p.state, p.suspended, s.follows, CASE WHEN s.is_planned THEN p.total END AS total, \
                p.signed, p.rejected, p.backlog, p.lag, s.waits, s.why, p.created_at, p.finished_at, clock_timestamp() AS at \
           FROM shown s JOIN vaultstream.tenant_progress p ON p.job_id = s.id ORDER BY s.id";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query_prepared(ACTION, SQL, &[&cluster, &limit]).await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &Row) -> Result<JobRow, QueryError> {
    let state: &str = row.get("state");
    Ok(JobRow {
        uid: row.get("uid"),
        namespace: row.get("namespace"),
        name: row.get("name"),
        state: state.parse().map_err(|error| QueryError::other(ACTION, error))?,
        suspended: row.get("suspended"),
        follows: row.get("follows"),
        total: row.get("total"),
        signed: row.get("signed"),
        rejected: row.get("rejected"),
        backlog: row.get("backlog"),
        lag: seconds(row, "lag"),
        waits: row.get("waits"),
        fault: row.get("why"),
        created: row.get("created_at"),
        finished: row.get("finished_at"),
        at: row.get("at"),
    })
}

/// A job with what its keys say of it.
#[derive(Clone, Debug)]
pub struct JobFigures {
    /// The job.
    pub job: Job,
    /// Its figures.
    pub row: JobRow,
    /// Keys that are leased just now.
    pub leases: i64,
}

/// The job with this uid, in one statement; `None` when it is not there any more.
///
/// # Errors
///
/// When Postgres fails.
pub async fn figures(ledger: &Ledger, uid: Uuid) -> Result<Option<JobFigures>, QueryError> {
    let sql = format!(
        "SELECT {COLUMNS}, f.* FROM vaultstream.tenant_jobs j JOIN LATERAL ( \
           SELECT p.job_id, p.total AS f_total, p.signed AS f_signed, p.rejected AS f_rejected, p.backlog AS f_backlog, p.lag AS f_lag, \
                  p.keys_leased AS f_leases, clock_timestamp() AS f_at FROM vaultstream.tenant_progress p WHERE p.job_id = j.id) f ON true \
          WHERE j.uid = $1"
    );
    let rows = ledger.query_prepared("read the job and its figures", &sql, &[&uid]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let job = from_row(row)?;
    let is_planned = job.total.is_some() && job.state != JobState::Pending;
    let why = [job.failure.clone(), job.fault.as_ref().map(|fault| fault.why.clone())];
    let figures = JobRow {
        uid: job.uid,
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        state: job.state,
        suspended: job.suspended,
        follows: job.follow.is_some(),
        total: is_planned.then(|| row.get("f_total")),
        signed: row.get("f_signed"),
        rejected: row.get("f_rejected"),
        backlog: row.get("f_backlog"),
        lag: seconds(row, "f_lag"),
        waits: None,
        fault: why.into_iter().flatten().next().or_else(|| job.source_fault.as_ref().map(|fault| fault.why.clone())),
        created: job.times.created,
        finished: job.times.finished,
        at: row.get("f_at"),
    };
    Ok(Some(JobFigures { leases: row.get("f_leases"), row: figures, job }))
}

fn seconds(row: &Row, column: &str) -> Option<Duration> {
    row.get::<_, Option<f64>>(column).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}
