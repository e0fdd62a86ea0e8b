//! What jobs take, as the ledger has it, and the lock under which it is counted.

use tokio_postgres::Row;

use super::allowance::{LedgerLimits, Quantity};
use super::claim::{Generated, JobClaim, Standing};
use super::judge::{GROWING, LimitExceeded, may_begin, may_grow};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;

/// Only one transaction holds it, and nothing but such steps and VACUUM waits for it: jobs are read and written as ever.
const HOLD: &str = "LOCK TABLE vaultstream.jobs IN SHARE UPDATE EXCLUSIVE MODE";

/// The jobs that take something, and those of the tenant that wait no shorter than the job $4, which is among them: of the tenant, or
/// where all are asked for, of the whole cluster. Others that wait take nothing, and there may be thousands. Of jobs that have ended, which
/// keep their rows for years, those whose generated records are there: their partitions are found by their names.
pub(crate) const CLAIMS: &str = "WITH kept AS ( \
        SELECT CASE WHEN relname ~ '^records_[0-9]+$' THEN substr(relname::text, 9)::bigint END AS id FROM pg_class \
         WHERE relnamespace = 'vaultstream'::regnamespace AND relkind = 'r' AND relname LIKE 'records\\_%'), \
    claims AS ( \
        SELECT j.*, false AS kept FROM vaultstream.jobs j \
         WHERE cluster = $1 AND ($3 OR namespace = $2) AND live \
           AND (state IN ('Seeding', 'Signing', 'Finishing') \
                OR state IN ('Pending', 'Provisioning') AND namespace = $2 AND id <= $4) \
        UNION ALL \
        SELECT j.*, true FROM kept JOIN vaultstream.jobs j USING (id) \
         WHERE cluster = $1 AND ($3 OR namespace = $2) \
           AND NOT (live AND state IN ('Pending', 'Provisioning', 'Seeding', 'Signing', 'Finishing'))) \
    SELECT id, namespace = $2 AS of_tenant, state, suspended, total, \
           greatest(seeded, nullif(plan_rows_allowed, 9223372036854775807)) AS seeded, \
           greatest(batches, nullif(plan_batches_allowed, 9223372036854775807), 0) AS batches, kept, \
           (spec #>> '{source,generate,records}')::bigint AS records, \
           coalesce((spec #>> '{source,generate,payloadBytes}')::bigint, 0) AS payload_bytes, \
           (spec ->> 'batchSize')::bigint AS batch_size, (spec #>> '{keys,count}')::bigint AS keys, \
           (spec #>> '{keys,maxSignatures}')::bigint AS max_signatures \
      FROM claims";

/// Makes sure that the job may begin, and that no other one begins before this transaction ends.
pub(crate) async fn check_start(
    tx: &Queries<'_>,
    job: &Job,
    limits: &LedgerLimits,
) -> Result<Result<(), LimitExceeded>, QueryError> {
    if limits.is_unlimited(&Quantity::ALL) {
        return Ok(Ok(()));
    }
    let claims = claims(tx, job, limits).await?;
    Ok(own(&claims, job).map_or(Ok(()), |(own, others)| may_begin(&own, &others, limits)))
}

/// Whether no limit counts what grows with the plan of a table.
pub(crate) fn may_grow_freely(limits: &LedgerLimits) -> bool {
    limits.is_unlimited(&GROWING)
}

/// Makes sure that the plan of a table may grow to that many records in that many batches, and that no other one grows meanwhile.
pub(crate) async fn check_growth(
    tx: &Queries<'_>,
    job: &Job,
    (records, batches): (i64, i64),
    limits: &LedgerLimits,
) -> Result<Result<(), LimitExceeded>, QueryError> {
    if may_grow_freely(limits) {
        return Ok(Ok(()));
    }
    let claims = claims(tx, job, limits).await?;
    Ok(own(&claims, job).map_or(Ok(()), |(own, others)| {
        let own = JobClaim { seeded: records.unsigned_abs(), batches: batches.unsigned_abs(), total: None, ..own };
        may_grow(&own, &others, limits)
    }))
}

/// What is read after the lock was taken includes all that was committed under it before.
async fn claims(tx: &Queries<'_>, job: &Job, limits: &LedgerLimits) -> Result<Vec<JobClaim>, QueryError> {
    tx.batch(HOLD).await?;
    let of_all = !limits.cluster.is_unlimited(&Quantity::ALL);
    let rows = tx.query(CLAIMS, &[&job.cluster, &job.namespace, &of_all, &job.id.0]).await?;
    Ok(rows.iter().map(claim).collect())
}

fn own(claims: &[JobClaim], job: &Job) -> Option<(JobClaim, Vec<JobClaim>)> {
    let (own, others): (Vec<JobClaim>, Vec<JobClaim>) = claims.iter().copied().partition(|claim| claim.job == job.id.0);
    own.first().map(|own| (*own, others))
}

fn claim(row: &Row) -> JobClaim {
    let count = |column: &str| row.get::<_, Option<i64>>(column).map(i64::unsigned_abs);
    let standing = match (row.get::<_, &str>("state"), row.get::<_, bool>("suspended")) {
        ("Pending" | "Provisioning", false) => Standing::Waiting,
        ("Pending" | "Provisioning", true) => Standing::Resting,
        ("Seeding", _) => Standing::Seeding,
        ("Signing" | "Finishing", _) => Standing::Signing,
        _ => Standing::Ended,
    };
    let (payload_bytes, kept) = (count("payload_bytes").unwrap_or(0), row.get("kept"));
    JobClaim {
        job: row.get("id"),
        of_tenant: row.get("of_tenant"),
        standing,
        generated: count("records").map(|records| Generated { records, payload_bytes, kept }),
        batch_size: count("batch_size").unwrap_or(1),
        keys: count("keys").unwrap_or(0),
        max_signatures: count("max_signatures"),
        seeded: count("seeded").unwrap_or(0),
        total: count("total"),
        batches: count("batches").unwrap_or(0),
    }
}
