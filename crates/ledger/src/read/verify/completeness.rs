//! The ledger's invariants, checked by SQL alone: every record once, nothing else.

use tokio_postgres::IsolationLevel;
use vaultstream_api::Source;

use super::checks::{IN_ORDER, Summary, checks};
use super::unreached::{Unreached, unreached};
use super::unsigned::unsigned_between;
use super::violation::ViolationKind;
use crate::connection::Ledger;
use crate::copy_out::ReadError;
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::signatures_partition;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub kind: ViolationKind,
    /// How often.
    pub count: u64,
    /// The first offenders, described; empty where single ones have no name.
    pub examples: Vec<String>,
    /// The first offenders that are records.
    pub records: Vec<i64>,
}

/// Checks what SQL can check of a job; of each kind of violation the first `most` are named. Empty for a Complete one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn completeness(ledger: &Ledger, job: &Job, most: usize) -> Result<Vec<Violation>, QueryError> {
    const ACTION: &str = "check the ledger";
    let mut found = Vec::new();
    {
        let mut client = ledger.client(ACTION).await?;
        // One snapshot for all of them.
        let one_snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let tx = one_snapshot.start().await.map_err(|error| QueryError::new(ACTION, error))?;
        let queries = Queries::over(tx.client(), ACTION);
        let row = queries.query_one(&Summary::sql(job), &[&job.id.0]).await?;
        let summary =
            Summary { is_miscounted: row.get("is_miscounted"), is_under_another_key: row.get("is_under_another_key") };
        for (kind, sql) in checks(job, summary) {
            if kind == ViolationKind::Missing {
                // The last one of generated records: no other check runs with these settings.
                queries.batch(IN_ORDER).await?;
            }
            found.extend(violation(&queries, job, kind, &sql, most).await?);
        }
    }
    found.extend(unreached(ledger, job).await?.into_iter().map(of_the_table));
    let short = found.iter().any(|violation| violation.kind == ViolationKind::BatchContents);
    if let (Source::Table(_), None, true) = (&job.spec.source, job.ordinals(), short) {
        found.extend(candidates(ledger, job, most).await?);
    }
    Ok(found)
}

/// What one check finds.
async fn violation(
    queries: &Queries<'_>,
    job: &Job,
    kind: ViolationKind,
    check: &str,
    most: usize,
) -> Result<Option<Violation>, QueryError> {
    let sql = format!(
        "SELECT count(*) AS count, array_agg(example ORDER BY place) FILTER (WHERE place <= $2) AS examples, \
         array_agg(record ORDER BY place) FILTER (WHERE place <= $2 AND record IS NOT NULL) AS records FROM \
         (SELECT example, record, row_number() OVER () AS place FROM ({check}) AS o (example, record)) AS p \
         WHERE $1::bigint IS NOT NULL"
    );
    let row = queries.query_one(&sql, &[&job.id.0, &i64::try_from(most).unwrap_or(i64::MAX)]).await?;
    let count = row.get::<_, i64>("count").unsigned_abs();
    Ok((count > 0).then(|| Violation {
        kind,
        count,
        examples: row.get::<_, Option<_>>("examples").unwrap_or_default(),
        records: row.get::<_, Option<_>>("records").unwrap_or_default(),
    }))
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
/// and have none. `None` when the table cannot be read, or holds no such row.
async fn candidates(ledger: &Ledger, job: &Job, most: usize) -> Result<Option<Violation>, QueryError> {
    let signatures = signatures_partition(job.id);
    let sql = format!(
        "SELECT b.first_id, b.last_id FROM vaultstream.tenant_batches b WHERE b.job_id = $1 AND b.signed > \
         (SELECT count(*) FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id) ORDER BY b.batch LIMIT $2"
    );
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let short = ledger.query("look for missing signatures", &sql, &[&job.id.0, &limit]).await?;
    let (mut count, mut records) = (0, Vec::new());
    for row in short {
        let room = most.saturating_sub(records.len());
        match unsigned_between(ledger, job, row.get("first_id"), row.get("last_id"), room).await {
            Ok(found) => {
                count += found.count;
                records.extend(found.first);
            }
            Err(ReadError::Query(error)) if error.is_transient() => return Err(error),
            // Without the table it cannot be known which they were.
            Err(_) => return Ok(None),
        }
    }
    let examples = records.iter().map(|id| format!("record {id}")).collect();
    Ok((count > 0).then_some(Violation { kind: ViolationKind::Missing, count, examples, records }))
}
