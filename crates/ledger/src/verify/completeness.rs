//! The ledger's invariants, checked by SQL alone: every record once, nothing else.

use vaultstream_api::Source;

use super::unreached::{Unreached, unreached};
use crate::connect::Ledger;
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
    /// Records with neither a signature nor a reject.
    Missing,
    /// Records with both.
    SignedAndRejected,
    /// Signatures under a key that is not the batch's, not the job's, or has no public half.
    WrongKey,
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
    pub count: i64,
    /// The first offender.
    pub example: String,
}

/// Checks what SQL can check of a job. Empty for a Complete one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn completeness(ledger: &Ledger, job: &Job) -> Result<Vec<Violation>, QueryError> {
    const ACTION: &str = "check the ledger";
    let failed = |error| QueryError::new(ACTION, error);
    let signatures = signatures_partition(job.id);
    let mut checks = vec![
        (
            ViolationKind::UnsignedBatches,
            "SELECT 'batch ' || batch FROM vaultstream.batches WHERE job_id = $1 AND state <> 'signed' ORDER BY batch".to_owned(),
        ),
        (
            ViolationKind::Ranges,
            "SELECT 'after id ' || before FROM (SELECT first_id, lag(last_id) OVER (ORDER BY first_id) AS before \
             FROM vaultstream.batches WHERE job_id = $1) b WHERE first_id <> before + 1"
                .to_owned(),
        ),
        (
            ViolationKind::BatchCount,
            "SELECT planned || ' planned, ' || there || ' there' FROM (SELECT j.batches AS planned, \
             (SELECT count(*) FROM vaultstream.batches WHERE job_id = $1) AS there FROM vaultstream.jobs j WHERE id = $1) c \
             WHERE planned IS DISTINCT FROM there"
                .to_owned(),
        ),
        (
            ViolationKind::BatchContents,
            format!(
                "SELECT 'batch ' || b.batch FROM vaultstream.batches b CROSS JOIN LATERAL \
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
                "SELECT stray || ' signatures' FROM (SELECT (SELECT count(*) FROM {signatures}) - \
                 (SELECT coalesce(sum(signed), 0) FROM vaultstream.batches WHERE job_id = $1) AS stray) c WHERE stray <> 0"
            ),
        ),
        (
            ViolationKind::SignedAndRejected,
            format!(
                "SELECT 'record ' || r.record_id FROM vaultstream.rejects r JOIN {signatures} s ON s.record_id = r.record_id \
                 WHERE r.job_id = $1 ORDER BY r.record_id"
            ),
        ),
        (
            ViolationKind::WrongKey,
            format!(
                "SELECT 'batch ' || b.batch FROM vaultstream.batches b WHERE b.job_id = $1 AND b.signed > 0 AND \
                 ((SELECT count(*) FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id \
                   AND s.key_id = b.key_id) <> b.signed OR NOT EXISTS (SELECT 1 FROM vaultstream.keys k WHERE k.id = b.key_id \
                   AND k.job_id = $1 AND k.ordinal > 0 AND k.public_key IS NOT NULL)) ORDER BY b.batch"
            ),
        ),
        (
            ViolationKind::Counters,
            "SELECT 'key ' || k.id FROM vaultstream.keys k LEFT JOIN (SELECT key_id, sum(signed) AS signed FROM vaultstream.batches \
             WHERE job_id = $1 GROUP BY key_id) b ON b.key_id = k.id WHERE k.job_id = $1 AND k.ordinal > 0 \
             AND k.signed <> coalesce(b.signed, 0) ORDER BY k.id"
                .to_owned(),
        ),
    ];
    // What a table holds may change after it was signed; the batches' counts are what was there.
    if matches!(job.spec.source, Source::Generate(_)) {
        let records = records_partition(job.id);
        checks.push((
            ViolationKind::Missing,
            format!(
                "SELECT 'record ' || r.id FROM {records} r WHERE NOT EXISTS (SELECT 1 FROM {signatures} s WHERE s.record_id = r.id) \
                 AND NOT EXISTS (SELECT 1 FROM vaultstream.rejects x WHERE x.job_id = $1 AND x.record_id = r.id) ORDER BY r.id"
            ),
        ));
    }
    let mut client = ledger.client(ACTION).await?;
    // One snapshot for all of them.
    let tx = client
        .build_transaction()
        .isolation_level(deadpool_postgres::tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed)?;
    let mut found = Vec::new();
    for (kind, sql) in checks {
        let sql = format!(
            "SELECT count(*), min(example) FILTER (WHERE place = 1) FROM \
                           (SELECT example, row_number() OVER () AS place FROM ({sql}) AS o (example)) AS p"
        );
        // Not every check mentions the job.
        let row =
            if sql.contains("$1") { tx.query_one(&sql, &[&job.id.0]).await } else { tx.query_one(&sql, &[]).await }
                .map_err(failed)?;
        let count: i64 = row.get(0);
        if count > 0 {
            found.push(Violation { kind, count, example: row.get::<_, Option<String>>(1).unwrap_or_default() });
        }
    }
    found.extend(unreached(&tx, job).await?.into_iter().map(of_the_table));
    Ok(found)
}

fn of_the_table(unreached: Unreached) -> Violation {
    let (kind, count, example) = match unreached {
        Unreached::WithoutKey(rows) => (ViolationKind::NullKeys, rows, format!("{rows} rows")),
        Unreached::ByKey(rows) => (ViolationKind::Unreached, rows, format!("{rows} rows")),
        Unreached::Damaged(words) => (ViolationKind::Unreached, 1, words),
    };
    Violation { kind, count, example }
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
            Self::Stray => "signatures lie outside of every batch",
            Self::Missing => "records have neither a signature nor a reject",
            Self::SignedAndRejected => "records are both signed and rejected",
            Self::WrongKey => "signatures are under a key that is not their batch's",
            Self::Counters => "a key's counters are not what is there",
            Self::NullKeys => "rows of the table have no key, so that they could not be signed",
            Self::Unreached => "rows of the table cannot be found through the index of its key: REINDEX it",
        }
    }
}
