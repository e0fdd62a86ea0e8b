//! Seeding: making the generated records, or planning a table's, in chunks that resume.

use deadpool_postgres::Transaction;
use vaultstream_api::{GenerateSource, Source};

use super::lock::{self, Locked};
use super::{Step, StepError, partitions, plan};
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::{Job, JobState};
use crate::source::records_partition;

/// How far seeding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeding {
    /// Call again.
    More {
        /// Records seeded or planned so far.
        seeded: i64,
        /// Records to come to, as far as known: of a table, an estimate.
        total: i64,
    },
    /// Every record is there and in a batch; the job signs.
    Done {
        /// Records.
        total: i64,
        /// Batches.
        batches: i64,
    },
}

const ACTION: &str = "seed the job";

/// Seeds, or plans, the next `chunk` records in one transaction. The last chunk goes on to Signing.
///
/// # Errors
///
/// A source table that cannot be signed, or Postgres failed.
pub async fn seed_chunk(ledger: &Ledger, id: JobId, chunk: u64) -> Result<Step<Seeding>, StepError> {
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    match job.state {
        JobState::Seeding => {}
        JobState::Signing => {
            let (total, batches) = (job.total.unwrap_or(0), job.batches.unwrap_or(0));
            return Ok(Step::Done(Seeding::Done { total, batches }));
        }
        other => return Ok(Step::Elsewhere(other)),
    }
    let chunk = i64::try_from(chunk).unwrap_or(i64::MAX).max(1);
    let seeding = match &job.spec.source {
        Source::Generate(generate) => match self::generate(&tx, &job, generate, chunk).await.map_err(failed) {
            // The parent is locked: another job is being attached or detached.
            Err(error) if lock::is_busy(&error) => return Ok(Step::Busy),
            made => made?,
        },
        Source::Table(table) => plan::table(&tx, &job, table, chunk, ledger.settings.source_role).await?,
    };
    tx.commit().await.map_err(failed)?;
    vaultstream_faults::point("seeded-chunk");
    Ok(Step::Done(seeding))
}

fn failed(error: tokio_postgres::Error) -> QueryError {
    QueryError::new(ACTION, error)
}

async fn generate(
    tx: &Transaction<'_>,
    job: &Job,
    source: &GenerateSource,
    chunk: i64,
) -> Result<Seeding, tokio_postgres::Error> {
    let total = i64::try_from(source.records).unwrap_or(i64::MAX);
    let until = job.seeded.saturating_add(chunk).min(total);
    if job.seeded < until {
        let sql = format!(
            "INSERT INTO {} (id, payload) SELECT g, {} FROM generate_series($1::bigint, $2::bigint) AS g",
            records_partition(job.id),
            payload(source.payload_bytes),
        );
        tx.execute(&sql, &[&(job.seeded + 1), &until, &job.uid.as_bytes().as_slice()]).await?;
        tx.execute("UPDATE vaultstream.jobs SET seeded = $2, total = $3 WHERE id = $1", &[&job.id.0, &until, &total])
            .await?;
    }
    if until < total {
        return Ok(Seeding::More { seeded: until, total });
    }
    let size = i64::from(job.spec.batch_size.max(1));
    let batches = total / size + i64::from(total % size > 0);
    tx.execute(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
         SELECT $1, b, b * $2 + 1, least((b + 1) * $2, $3), least((b + 1) * $2, $3) - b * $2 \
           FROM generate_series(0, $4::bigint - 1) AS b",
        &[&job.id.0, &size, &total, &batches],
    )
    .await?;
    tx.batch_execute(&partitions::finish_records(job.id)).await?;
    finish(tx, job.id, total, batches).await?;
    Ok(Seeding::Done { total, batches })
}

/// Goes on to Signing.
pub(super) async fn finish(
    tx: &Transaction<'_>,
    job: JobId,
    total: i64,
    batches: i64,
) -> Result<(), tokio_postgres::Error> {
    tx.execute(
        "UPDATE vaultstream.jobs SET state = 'Signing', total = $2, seeded = $2, batches = $3, \
         seeded_at = clock_timestamp() WHERE id = $1",
        &[&job.0, &total, &batches],
    )
    .await
    .map(drop)
}

/// The payload of record g: SHA-256 of job uid and id, SHA-512 when that is too short, and more of those with a counter
/// when that is. Deterministic, without repeats, and not compressible. $3 is the uid's 16 bytes.
fn payload(bytes: u32) -> String {
    match bytes {
        0 => "substr($3::bytea, 1, 0)".to_owned(),
        32 => "sha256($3::bytea || int8send(g))".to_owned(),
        64 => "sha512($3::bytea || int8send(g))".to_owned(),
        1..32 => format!("substr(sha256($3::bytea || int8send(g)), 1, {bytes})"),
        33..64 => format!("substr(sha512($3::bytea || int8send(g)), 1, {bytes})"),
        _ => format!(
            "(SELECT substr(string_agg(sha512($3::bytea || int8send(g) || int4send(block)), ''::bytea ORDER BY block), \
             1, {bytes}) FROM generate_series(0, {}) AS block)",
            bytes.div_ceil(64) - 1
        ),
    }
}
