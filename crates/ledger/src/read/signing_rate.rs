//! How fast a job is signed, from the moments at which its batches were committed.

use std::time::Duration;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// How long signing took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningTime {
    /// While workers signed.
    pub busy: Duration,
    /// Between runs: nothing was committed for more than 10 s, and for much longer than usual.
    pub paused: Duration,
}

/// How long a job was signed, from the first batch published to the last one committed; `None` when that is not known.
///
/// # Errors
///
/// When Postgres fails.
pub async fn signing_time(ledger: &Ledger, job: JobId) -> Result<Option<SigningTime>, QueryError> {
    // A unit's batches are committed together: gaps below 50 ms say nothing about what is usual.
    const SQL: &str = "WITH moments AS (SELECT published_at AS at FROM vaultstream.tenant_jobs WHERE id = $1 \
           UNION ALL SELECT signed_at FROM vaultstream.tenant_batches WHERE job_id = $1), \
         gaps AS (SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY at))::float8 AS gap FROM moments WHERE at IS NOT NULL), \
         usual AS (SELECT CASE WHEN count(*) < 5 THEN 10 ELSE greatest(10, 20 * percentile_cont(0.5) WITHIN GROUP (ORDER BY gap)) \
           END AS most FROM gaps WHERE gap > 0.05) \
         SELECT coalesce(sum(gap) FILTER (WHERE gap <= most), 0)::float8 AS busy, \
           coalesce(sum(gap) FILTER (WHERE gap > most), 0)::float8 AS paused \
           FROM gaps, usual WHERE gap IS NOT NULL";
    let row = ledger.query_one("read how long the job was signed", SQL, &[&job.0]).await?;
    let [busy, paused] =
        ["busy", "paused"].map(|column| Duration::try_from_secs_f64(row.get(column)).unwrap_or_default());
    Ok((!busy.is_zero()).then_some(SigningTime { busy, paused }))
}

/// Records per second over the last half minute; `None` when there were none.
///
/// # Errors
///
/// When Postgres fails.
pub async fn recent_rate(ledger: &Ledger, job: JobId) -> Result<Option<f64>, QueryError> {
    const SQL: &str = "SELECT coalesce(sum(b.signed + b.rejected), 0)::float8 AS done, \
         extract(epoch FROM least(interval '30 s', clock_timestamp() - min(j.published_at)))::float8 AS seconds \
         FROM vaultstream.tenant_jobs j JOIN vaultstream.tenant_batches b ON b.job_id = j.id \
         WHERE j.id = $1 AND b.signed_at > clock_timestamp() - interval '30 s'";
    let row = ledger.query_one("read how fast the job is signed", SQL, &[&job.0]).await?;
    let (done, seconds): (f64, Option<f64>) = (row.get("done"), row.get("seconds"));
    Ok(seconds.filter(|seconds| done > 0.0 && *seconds > 0.0).map(|seconds| done / seconds))
}
