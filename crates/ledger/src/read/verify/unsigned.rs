//! Rows that a table has now and that the job neither signed nor rejected, because they were inserted later.

use vaultstream_api::Source;

use crate::connection::Ledger;
use crate::copy_out::ReadError;
use crate::jobs::Job;
use crate::queries::Params;
use crate::source::{ReadFrom, literal, signatures_partition};

/// Rows per statement.
const PAGE: i64 = 50_000;

const ACTION: &str = "look for rows that are not signed";

/// Rows of a table without a signature or a reject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsigned {
    /// How many.
    pub count: u64,
    /// The first of them, ascending.
    pub first: Vec<i64>,
}

/// Rows with keys above all that the job planned; `None` for a job of generated records.
///
/// # Errors
///
/// `Gone` when the table is gone or may not be read.
pub async fn newer_rows(ledger: &Ledger, job: &Job) -> Result<Option<u64>, ReadError> {
    let Source::Table(_) = &job.spec.source else { return Ok(None) };
    let ReadFrom { table, key, .. } = ReadFrom::of(job);
    let sql = "SELECT max(last_id) AS last FROM vaultstream.tenant_batches WHERE job_id = $1";
    let last: Option<i64> =
        ledger.query_one(ACTION, sql, &[&job.id.0]).await.map_err(ReadError::from_query)?.get("last");
    let above = last.map(|last| format!(" WHERE {key} > {}", literal(last))).unwrap_or_default();
    let sql = format!("SELECT count(*) AS rows FROM {table}{above}");
    let count: i64 = ledger.query_one(ACTION, &sql, &[]).await.map_err(ReadError::from_query)?.get("rows");
    Ok(Some(count.unsigned_abs()))
}

/// All rows of the table that are neither signed nor rejected, newer ones included; `None` for a job of generated records.
/// The first `most` are named.
///
/// # Errors
///
/// `Gone` when the table is gone or may not be read.
pub async fn unsigned_rows(ledger: &Ledger, job: &Job, most: usize) -> Result<Option<Unsigned>, ReadError> {
    let Source::Table(_) = &job.spec.source else { return Ok(None) };
    unsigned_between(ledger, job, i64::MIN, i64::MAX, most).await.map(Some)
}

/// The same for the keys from `first` to `last`, and for generated records, too.
///
/// # Errors
///
/// See [`unsigned_rows`].
pub async fn unsigned_between(
    ledger: &Ledger,
    job: &Job,
    first: i64,
    last: i64,
    most: usize,
) -> Result<Unsigned, ReadError> {
    let sql = page_sql(job);
    let mut found = Unsigned::default();
    let mut from = first;
    loop {
        let room = i64::try_from(most.saturating_sub(found.first.len())).unwrap_or(i64::MAX);
        let params: Params<'_> = &[&job.id.0, &from, &last, &PAGE, &room];
        let row = ledger.query_one(ACTION, &sql, params).await.map_err(ReadError::from_query)?;
        found.count += row.get::<_, i64>("count").unsigned_abs();
        found.first.extend(row.get::<_, Option<Vec<i64>>>("first").unwrap_or_default());
        match row.get::<_, Option<i64>>("last").and_then(|end| end.checked_add(1)) {
            Some(next) if next <= last => from = next,
            _ => return Ok(found),
        }
    }
}

/// One page: its last key, the rows without a signature or a reject, and the first of those.
fn page_sql(job: &Job) -> String {
    let ReadFrom { table, key, .. } = ReadFrom::of(job);
    let signatures = signatures_partition(job.id);
    format!(
        "WITH page AS MATERIALIZED (SELECT {key}::bigint AS id FROM {table} WHERE {key} BETWEEN $2::bigint AND $3::bigint \
           ORDER BY {key} LIMIT $4), \
         lone AS MATERIALIZED (SELECT p.id FROM page p WHERE NOT EXISTS (SELECT 1 FROM {signatures} s WHERE s.record_id = p.id \
           AND s.record_id BETWEEN (SELECT min(id) FROM page) AND (SELECT max(id) FROM page)) \
           AND NOT EXISTS (SELECT 1 FROM vaultstream.tenant_rejects r WHERE r.job_id = $1 AND r.record_id = p.id \
           AND r.record_id BETWEEN (SELECT min(id) FROM page) AND (SELECT max(id) FROM page)) ORDER BY p.id) \
         SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM lone) AS count, \
           (SELECT array_agg(id) FROM (SELECT id FROM lone ORDER BY id LIMIT $5) f) AS first"
    )
}
