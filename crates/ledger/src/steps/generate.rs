//! Making generated records, chunk by chunk.

use vaultstream_api::GenerateSource;

use super::partitions;
use super::seeding::{self, Seeding};
use super::step::StepError;
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::records_partition;

/// Bytes that one statement makes at most, so that it ends within a second or two, and others get their turn.
const CHUNK_BYTES: u64 = 32 << 20;

/// What a row takes beside its payload: header, id and the payload's length.
const ROW_OVERHEAD: u64 = 40;

/// Batches that one statement adds at most; with their index they take some 15 MiB.
const CHUNK_BATCHES: i64 = 100_000;

/// Makes the next `chunk` records, or fewer large ones, and the batches that they complete; with the last of them the partition's index.
pub(super) async fn records(
    tx: &Queries<'_>,
    job: &Job,
    source: &GenerateSource,
    chunk: i64,
) -> Result<Seeding, StepError> {
    let total = i64::try_from(source.records).unwrap_or(i64::MAX);
    let until = job.seeded.saturating_add(chunk.min(fitting(source.payload_bytes))).min(total);
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
    let batches = add_batches(tx, job, until, total).await?;
    if until < total {
        return Ok(Seeding::More { seeded: until, total });
    }
    tx.batch(&partitions::complete_records(job.id)).await?;
    seeding::finish(tx, job.id, total, batches).await?;
    Ok(Seeding::Done { total, batches })
}

/// Adds the batches of which all records are made, up to `until`. Returns how many there are now. Those that are there are counted: earlier
/// versions added all of them at the end.
async fn add_batches(tx: &Queries<'_>, job: &Job, until: i64, total: i64) -> Result<i64, StepError> {
    let size = i64::from(job.spec.batch_size.max(1));
    let complete = complete_batches(size, until, total);
    let there = "SELECT coalesce(max(batch) + 1, 0) AS batches FROM vaultstream.batches WHERE job_id = $1";
    let mut batches: i64 = tx.query_one(there, &[&job.id.0]).await?.get("batches");
    while batches < complete {
        let end = complete.min(batches + CHUNK_BATCHES);
        tx.execute(
            "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
             SELECT $1, b, b * $2 + 1, least((b + 1) * $2, $3), least((b + 1) * $2, $3) - b * $2 \
               FROM generate_series($4::bigint, $5::bigint - 1) AS b",
            &[&job.id.0, &size, &total, &batches, &end],
        )
        .await?;
        batches = end;
    }
    Ok(batches)
}

/// Batches of which all records are among the first `until` of `total`. The last batch may have fewer records than the others.
fn complete_batches(size: i64, until: i64, total: i64) -> i64 {
    let of_all = total / size + i64::from(total % size > 0);
    if until >= total { of_all } else { until / size }
}

/// Records with payloads of this size that one statement makes at most.
fn fitting(payload_bytes: u32) -> i64 {
    let fitting = CHUNK_BYTES / (u64::from(payload_bytes) + ROW_OVERHEAD);
    i64::try_from(fitting).unwrap_or(i64::MAX).max(1)
}

/// The payload of record g: SHA-256 of job uid and id; SHA-512 where that is too short; several of those with a counter where
/// that is. Deterministic, without repeats, and not compressible. $3 is the uid's 16 bytes.
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

#[cfg(test)]
mod tests {
    use vaultstream_api::limits::MAX_GENERATED_PAYLOAD;

    use super::{CHUNK_BYTES, complete_batches, fitting, payload};

    #[test]
    fn a_batch_is_complete_when_its_last_record_is_there() {
        for (size, until, total, complete) in [
            (10, 0, 25, 0),
            (10, 9, 25, 0),
            (10, 10, 25, 1),
            (10, 24, 25, 2),
            (10, 25, 25, 3),
            (10, 20, 20, 2),
            (10, 3, 3, 1),
            (1, 2, 5, 2),
            (7, 0, 0, 0),
        ] {
            assert_eq!(complete_batches(size, until, total), complete, "{until} of {total} in batches of {size}");
        }
    }

    #[test]
    fn a_statement_makes_few_large_payloads_or_many_small_ones() {
        assert_eq!(fitting(0), 838_860);
        assert_eq!(fitting(64), 322_638);
        assert_eq!(fitting(MAX_GENERATED_PAYLOAD), 31);
        for bytes in [1, 1000, 65_536, MAX_GENERATED_PAYLOAD] {
            assert!(fitting(bytes).unsigned_abs() * u64::from(bytes) <= CHUNK_BYTES, "{bytes}");
        }
        assert_eq!(fitting(u32::MAX), 1);
    }

    #[test]
    fn a_payload_is_one_hash_or_as_many_blocks_as_it_needs() {
        assert_eq!(payload(0), "substr($3::bytea, 1, 0)");
        assert_eq!(payload(1), "substr(sha256($3::bytea || int8send(g)), 1, 1)");
        assert_eq!(payload(32), "sha256($3::bytea || int8send(g))");
        assert_eq!(payload(33), "substr(sha512($3::bytea || int8send(g)), 1, 33)");
        assert_eq!(payload(64), "sha512($3::bytea || int8send(g))");
        for (bytes, last_block) in [(65, 1), (128, 1), (129, 2), (1 << 20, (1 << 14) - 1)] {
            let sql = payload(bytes);
            assert!(sql.contains(&format!("1, {bytes})")), "{sql}");
            assert!(sql.ends_with(&format!("generate_series(0, {last_block}) AS block)")), "{sql}");
        }
    }
}
