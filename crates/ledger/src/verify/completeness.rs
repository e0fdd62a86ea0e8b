//! The ledger's invariants, checked by SQL alone: every record once, nothing else.

use vaultstream_api::Source;

use super::unreached::{Unreached, unreached};
use super::unsigned::unsigned_between;
use crate::connect::Ledger;
use crate::copy_out::ReadError;
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::{records_partition, signatures_partition};

/// Which invariant does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// Batches that are not signed.
    UnsignedBatches,
    /// The ranges of the batches leave a gap or overlap.
    Ranges,
    /// The number of batches is not the planned one.
    BatchCount,
    /// A batch's signatures or rejects are not as many as it says.
    BatchContents,
    /// Signatures outside of every batch.
    Stray,
    /// Records with neither a signature nor a reject. Of a table these are the rows that could be the missing ones.
    Missing,
    /// Records with both.
    SignedAndRejected,
    /// Signatures under a key that is not their batch's.
    WrongKey,
    /// Batches under a key that is not the job's, or has no public half.
    StrangeKey,
    /// A key's counters are not what is there.
    Counters,
    /// Rows of the source table without a key.
    NullKeys,
    /// Rows of the source table that the index of its key does not lead to.
    Unreached,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub kind: ViolationKind,
    /// How often.
    pub count: u64,
    /// The first offenders, in words; none where single ones have no name.
    pub examples: Vec<String>,
    /// The first offenders that are records.
    pub records: Vec<i64>,
}

/// A statement that finds offenders: a text, and the record's id or NULL, in order.
type Check = (ViolationKind, String);

/// Checks what SQL can check of a job; of each kind of violation the first `most` are named. Empty for a Complete one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn completeness(ledger: &Ledger, job: &Job, most: usize) -> Result<Vec<Violation>, QueryError> {
    const ACTION: &str = "check the ledger";
    let failed = |error| QueryError::new(ACTION, error);
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    {
        let mut client = ledger.client(ACTION).await?;
        // One snapshot for all of them.
        let tx = client
            .build_transaction()
            .isolation_level(deadpool_postgres::tokio_postgres::IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(failed)?;
        for (kind, sql) in checks(job) {
            let sql = format!(
                "SELECT count(*), array_agg(example ORDER BY place) FILTER (WHERE place <= $2), \
                 array_agg(record ORDER BY place) FILTER (WHERE place <= $2 AND record IS NOT NULL) FROM \
                 (SELECT example, record, row_number() OVER () AS place FROM ({sql}) AS o (example, record)) AS p \
                 WHERE $1::bigint IS NOT NULL"
            );
            let row = tx.query_one(&sql, &[&job.id.0, &limit]).await.map_err(failed)?;
            let count: i64 = row.get(0);
            if count > 0 {
                let (examples, records) = (row.get::<_, Option<Vec<String>>>(1), row.get::<_, Option<Vec<i64>>>(2));
                let count = count.unsigned_abs();
                let (examples, records) = (examples.unwrap_or_default(), records.unwrap_or_default());
                found.push(Violation { kind, count, examples, records });
            }
        }
        found.extend(unreached(&tx, job).await?.into_iter().map(of_the_table));
    }
    if let (Source::Table(_), true) =
        (&job.spec.source, found.iter().any(|violation| violation.kind == ViolationKind::BatchContents))
    {
        found.extend(candidates(ledger, job, most).await?);
    }
    Ok(found)
}

/// Single rows of these are not named: without a key, or behind an index that does not lead to them, they have no name.
fn of_the_table(unreached: Unreached) -> Violation {
    let (kind, count, examples) = match unreached {
        Unreached::WithoutKey(rows) => (ViolationKind::NullKeys, rows, Vec::new()),
        Unreached::ByKey(rows) => (ViolationKind::Unreached, rows, Vec::new()),
        Unreached::Damaged(words) => (ViolationKind::Unreached, 1, vec![words]),
    };
    Violation { kind, count: count.unsigned_abs(), examples, records: Vec::new() }
}

/// The rows of a table that may be those whose signatures are missing: they are in batches that hold fewer than they say,
/// and have none. None when the table cannot be read, or holds no such row.
async fn candidates(ledger: &Ledger, job: &Job, most: usize) -> Result<Option<Violation>, QueryError> {
    const ACTION: &str = "look for missing signatures";
    let signatures = signatures_partition(job.id);
    let sql = format!(
        "SELECT b.first_id, b.last_id FROM vaultstream.batches b WHERE b.job_id = $1 AND b.signed > \
         (SELECT count(*) FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id) ORDER BY b.batch LIMIT $2"
    );
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let short = {
        let client = ledger.client(ACTION).await?;
        client.query(&sql, &[&job.id.0, &limit]).await.map_err(|error| QueryError::new(ACTION, error))?
    };
    let (mut count, mut records) = (0, Vec::new());
    for row in short {
        let room = most.saturating_sub(records.len());
        match unsigned_between(ledger, job, row.get(0), row.get(1), room).await {
            Ok(found) => {
                count += found.count;
                records.extend(found.first);
            }
            Err(ReadError::Query(error)) if error.is_transient() => return Err(error),
            // Without the table nobody can say which they were.
            Err(_) => return Ok(None),
        }
    }
    let examples = records.iter().map(|id| format!("record {id}")).collect();
    Ok((count > 0).then_some(Violation { kind: ViolationKind::Missing, count, examples, records }))
}

fn checks(job: &Job) -> Vec<Check> {
    let signatures = signatures_partition(job.id);
    let mut checks = of_batches();
    checks.extend(of_signatures(&signatures));
    // What a table holds may change after it was signed; the batches' counts are what was there.
    if matches!(job.spec.source, Source::Generate(_)) {
        let records = records_partition(job.id);
        checks.push((
            ViolationKind::Missing,
            format!(
                "SELECT 'record ' || r.id, r.id FROM {records} r \
                 WHERE NOT EXISTS (SELECT 1 FROM {signatures} s WHERE s.record_id = r.id) \
                 AND NOT EXISTS (SELECT 1 FROM vaultstream.rejects x WHERE x.job_id = $1 AND x.record_id = r.id) ORDER BY r.id"
            ),
        ));
    }
    checks
}

/// What the batches and keys say of each other.
fn of_batches() -> Vec<Check> {
    vec![
        (
            ViolationKind::UnsignedBatches,
            "SELECT 'batch ' || batch, NULL::bigint FROM vaultstream.batches WHERE job_id = $1 AND state <> 'signed' \
             ORDER BY batch"
                .to_owned(),
        ),
        (
            ViolationKind::Ranges,
            "SELECT 'after id ' || before, NULL::bigint FROM (SELECT first_id, lag(last_id) OVER (ORDER BY first_id) AS before \
             FROM vaultstream.batches WHERE job_id = $1) b WHERE first_id <> before + 1"
                .to_owned(),
        ),
        (
            ViolationKind::BatchCount,
            "SELECT planned || ' planned, ' || there || ' there', NULL::bigint FROM (SELECT j.batches AS planned, \
             (SELECT count(*) FROM vaultstream.batches WHERE job_id = $1) AS there FROM vaultstream.jobs j WHERE id = $1) c \
             WHERE planned IS DISTINCT FROM there"
                .to_owned(),
        ),
        (
            ViolationKind::StrangeKey,
            "SELECT 'batch ' || b.batch, NULL::bigint FROM vaultstream.batches b WHERE b.job_id = $1 AND b.signed > 0 AND \
             NOT EXISTS (SELECT 1 FROM vaultstream.keys k WHERE k.id = b.key_id AND k.job_id = $1 AND k.ordinal > 0 \
             AND k.public_key IS NOT NULL) ORDER BY b.batch"
                .to_owned(),
        ),
        (
            ViolationKind::Counters,
            "SELECT 'key ' || k.id, NULL::bigint FROM vaultstream.keys k LEFT JOIN (SELECT key_id, sum(signed) AS signed \
             FROM vaultstream.batches WHERE job_id = $1 GROUP BY key_id) b ON b.key_id = k.id \
             WHERE k.job_id = $1 AND k.ordinal > 0 AND k.signed <> coalesce(b.signed, 0) ORDER BY k.id"
                .to_owned(),
        ),
    ]
}

/// What the signatures say of batches and rejects.
fn of_signatures(signatures: &str) -> Vec<Check> {
    // The ids that no batch covers: below the first, between two, above the last, all of them when there is none.
    let gaps = "SELECT coalesce(max(last_id) OVER before, '-9223372036854775808'::bigint) AS low, first_id AS high, \
                max(last_id) OVER before IS NULL AS open_low FROM vaultstream.batches WHERE job_id = $1 \
                WINDOW before AS (ORDER BY first_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)";
    vec![
        (
            ViolationKind::BatchContents,
            format!(
                "SELECT format('batch %s (records %s to %s): %s signatures and %s rejects instead of %s and %s', b.batch, \
                   b.first_id, b.last_id, s.signed, r.rejected, coalesce(b.signed, 0), coalesce(b.rejected, 0)), NULL::bigint \
                 FROM vaultstream.batches b CROSS JOIN LATERAL \
                 (SELECT count(*) AS signed FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id) s \
                 CROSS JOIN LATERAL (SELECT count(*) AS rejected FROM vaultstream.rejects r \
                   WHERE r.job_id = $1 AND r.record_id BETWEEN b.first_id AND b.last_id) r \
                 WHERE b.job_id = $1 AND (s.signed, r.rejected, s.signed + r.rejected) IS DISTINCT FROM \
                   (coalesce(b.signed, 0), coalesce(b.rejected, 0), coalesce(b.rows, 0)) ORDER BY b.batch"
            ),
        ),
        (
            ViolationKind::Stray,
            format!(
                "SELECT 'record ' || stray.record_id, stray.record_id FROM ( \
                   SELECT s.record_id FROM ({gaps}) g CROSS JOIN LATERAL (SELECT record_id FROM {signatures} \
                     WHERE record_id < g.high AND (record_id > g.low OR g.open_low AND record_id = g.low)) s \
                    WHERE g.open_low OR g.high::numeric > g.low::numeric + 1 \
                   UNION ALL SELECT record_id FROM {signatures} WHERE record_id > \
                     (SELECT max(last_id) FROM vaultstream.batches WHERE job_id = $1) \
                   UNION ALL SELECT record_id FROM {signatures} \
                     WHERE NOT EXISTS (SELECT 1 FROM vaultstream.batches WHERE job_id = $1)) stray ORDER BY 2"
            ),
        ),
        (
            ViolationKind::SignedAndRejected,
            format!(
                "SELECT 'record ' || r.record_id, r.record_id FROM vaultstream.rejects r JOIN {signatures} s \
                 ON s.record_id = r.record_id WHERE r.job_id = $1 ORDER BY r.record_id"
            ),
        ),
        (
            ViolationKind::WrongKey,
            format!(
                "SELECT 'record ' || s.record_id, s.record_id FROM vaultstream.batches b CROSS JOIN LATERAL \
                 (SELECT record_id FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id \
                   AND s.key_id IS DISTINCT FROM b.key_id) s WHERE b.job_id = $1 ORDER BY s.record_id"
            ),
        ),
    ]
}

impl ViolationKind {
    /// What it means, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::UnsignedBatches => "batches are not signed",
            Self::Ranges => "the ranges of the batches leave a gap or overlap",
            Self::BatchCount => "the number of batches is not the planned one",
            Self::BatchContents => "batches hold more or fewer signatures or rejects than they say",
            Self::Stray => "signatures belong to no batch",
            Self::Missing => "records have neither a signature nor a reject",
            Self::SignedAndRejected => "records are both signed and rejected",
            Self::WrongKey => "signatures are under a key that is not their batch's",
            Self::StrangeKey => "batches are under a key that is not one of the job's",
            Self::Counters => "a key's counters are not what is there",
            Self::NullKeys => "rows of the table have no key, so that they could not be signed",
            Self::Unreached => "rows of the table cannot be found through the index of its key: REINDEX it",
        }
    }
}
