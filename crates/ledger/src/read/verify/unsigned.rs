//! Rows that a table has now and that the job neither signed nor rejected, because they were inserted later.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use vaultstream_api::{Source, TableSource};
use vaultstream_signing::RowKey;

use super::records;
use crate::connection::Ledger;
use crate::copy::{KeyForm, int8};
use crate::copy_out::{ReadError, stream};
use crate::jobs::{Job, RowKeyColumns};
use crate::queries::Queries;
use crate::source::{self, ReadFrom, literal, rows_table, signatures_partition};

/// Rows per statement.
const PAGE: i64 = 50_000;

const ACTION: &str = "look for rows that are not signed";

/// Rows of a table without a signature or a reject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsigned {
    /// How many.
    pub count: u64,
    /// The first of them, ascending; none where ids are ordinals, which these rows have none of.
    pub first: Vec<i64>,
    /// The keys of the first of them, where ids are ordinals.
    pub keys: Vec<RowKey>,
}

/// Rows with keys above all that the job planned, and where ids are ordinals, the rows that there are more than were planned; `None` for a
/// job of generated records.
///
/// # Errors
///
/// `Gone` when the table is gone or may not be read.
pub async fn newer_rows(ledger: &Ledger, job: &Job) -> Result<Option<u64>, ReadError> {
    let Source::Table(_) = &job.spec.source else { return Ok(None) };
    let ReadFrom { table, key, row_key, .. } = ReadFrom::of(job);
    let sql = "SELECT max(last_id) AS last FROM vaultstream.tenant_batches WHERE job_id = $1";
    let last: Option<i64> =
        ledger.query_one(ACTION, sql, &[&job.id.0]).await.map_err(ReadError::from_query)?.get("last");
    let above = last.filter(|_| row_key.is_none()).map(|last| format!(" WHERE {key} > {}", literal(last)));
    let above = above.unwrap_or_default();
    let planned = last.filter(|_| row_key.is_some()).unwrap_or(0);
    let sql = format!("SELECT count(*) AS rows FROM {table}{above}");
    let session = records::begin(ledger, job, ACTION).await?;
    let Some(client) = session.client() else { return Ok(None) };
    let row = Queries::over(client, ACTION).query_one(&sql, &[]).await.map_err(ReadError::from_query)?;
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    session.settle();
    Ok(Some(row.get::<_, i64>("rows").saturating_sub(planned).max(0).unsigned_abs()))
}

/// All rows of the table that are neither signed nor rejected, newer ones included; `None` for a job of generated records.
/// The first `most` are named.
///
/// # Errors
///
/// `Gone` when the table is gone or may not be read.
pub async fn unsigned_rows(ledger: &Ledger, job: &Job, most: usize) -> Result<Option<Unsigned>, ReadError> {
    let Source::Table(table) = &job.spec.source else { return Ok(None) };
    if let Some(columns) = job.ordinals() {
        return unsigned_by_key(ledger, job, table, columns, most).await.map(Some);
    }
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
    let mut found = Unsigned::default();
    let mut from = first;
    loop {
        let keys = page(ledger, job, from, last).await?;
        let lone = without_a_signature(ledger, job, &keys).await?;
        let room = most.saturating_sub(found.first.len());
        found.count += lone.len() as u64;
        found.first.extend(lone.into_iter().take(room));
        match keys.last().and_then(|end| end.checked_add(1)) {
            Some(next) if next <= last => from = next,
            _ => return Ok(found),
        }
    }
}

/// Rows of a table whose keys the ledger does not have.
async fn unsigned_by_key(
    ledger: &Ledger,
    job: &Job,
    table: &TableSource,
    columns: &RowKeyColumns,
    most: usize,
) -> Result<Unsigned, ReadError> {
    let (mut found, mut after) = (Unsigned::default(), None);
    loop {
        let keys = keys_page(ledger, job, table, columns, after.as_ref()).await?;
        let Some(last) = keys.last() else { return Ok(found) };
        let lone = without_an_ordinal(ledger, job, columns, &keys).await?;
        let room = most.saturating_sub(found.keys.len());
        found.count += lone.len() as u64;
        found.keys.extend(lone.into_iter().take(room).filter_map(|place| keys.get(place).cloned()));
        after = Some(last.clone());
    }
}

/// The next keys of the table.
pub(super) async fn keys_page(
    ledger: &Ledger,
    job: &Job,
    table: &TableSource,
    columns: &RowKeyColumns,
    after: Option<&RowKey>,
) -> Result<Vec<RowKey>, ReadError> {
    let session = records::begin(ledger, job, ACTION).await?;
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let facts = source::facts(client, table).await.map_err(ReadError::from_query)?;
    // A table that could not be planned any more is still read.
    let order = source::unchanged(job, table, &facts).map_or_else(|_| columns.columns.clone(), |fit| fit.order);
    let (mut keys, form) = (Vec::new(), KeyForm::of(&columns.types));
    stream::<1, ReadError>(client, &ReadFrom::of(job).row_keys(&order, after, PAGE), |[key]| {
        keys.push(form.key(key)?);
        Ok(())
    })
    .await?;
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    session.settle();
    Ok(keys)
}

/// The places of those of these keys that the ledger does not have.
pub(super) async fn without_an_ordinal(
    ledger: &Ledger,
    job: &Job,
    columns: &RowKeyColumns,
    keys: &[RowKey],
) -> Result<Vec<usize>, ReadError> {
    let (sql, arrays) = without(&rows_table(job.id), columns, keys);
    let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
    Ok(places(&ledger.query(ACTION, &sql, &params).await.map_err(ReadError::from_query)?))
}

/// The statement, and its parameters, for the places of those of these keys that a table does not have in columns k1, k2, …
pub(super) fn without<'k>(table: &str, columns: &RowKeyColumns, keys: &'k [RowKey]) -> (String, Vec<Vec<&'k str>>) {
    let values = |at: usize| keys.iter().map(move |key| key.values().get(at).map_or("", String::as_str)).collect();
    let arrays = (0..columns.columns.len()).map(values).collect();
    let (mut given, mut named, mut equal) = (Vec::new(), Vec::new(), Vec::new());
    for (at, type_name) in columns.types.iter().enumerate() {
        given.push(format!("${}::text[]", at + 1));
        named.push(format!("k{at}"));
        equal.push(format!("k.k{} = w.k{at}::{type_name}", at + 1));
    }
    let sql = format!(
        "SELECT w.n FROM unnest({}) WITH ORDINALITY AS w ({}, n) WHERE NOT EXISTS (SELECT 1 FROM {table} k WHERE {}) ORDER BY w.n",
        given.join(", "),
        named.join(", "),
        equal.join(" AND ")
    );
    (sql, arrays)
}

pub(super) fn places(rows: &[Row]) -> Vec<usize> {
    rows.iter().filter_map(|row| usize::try_from(row.get::<_, i64>("n") - 1).ok()).collect()
}

/// The keys of the next rows, in the database that has them.
async fn page(ledger: &Ledger, job: &Job, first: i64, last: i64) -> Result<Vec<i64>, ReadError> {
    let session = records::begin(ledger, job, ACTION).await?;
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    stream::<1, ReadError>(client, &ReadFrom::of(job).keys(first, last, PAGE), |[key]| {
        keys.push(int8(key)?);
        Ok(())
    })
    .await?;
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    session.settle();
    Ok(keys)
}

/// Those of these ids, which ascend, that the ledger has neither a signature nor a reject of.
async fn without_a_signature(ledger: &Ledger, job: &Job, ids: &[i64]) -> Result<Vec<i64>, ReadError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT coalesce(array_agg(p.id ORDER BY p.id), '{{}}') AS ids FROM unnest($2::bigint[]) AS p (id) \
          WHERE NOT EXISTS (SELECT 1 FROM {} s WHERE s.record_id = p.id AND s.record_id BETWEEN $3 AND $4) \
            AND NOT EXISTS (SELECT 1 FROM vaultstream.tenant_rejects r WHERE r.job_id = $1 AND r.record_id = p.id \
              AND r.record_id BETWEEN $3 AND $4)",
        signatures_partition(job.id)
    );
    let row = ledger.query_one(ACTION, &sql, &[&job.id.0, &ids, first, last]).await.map_err(ReadError::from_query)?;
    Ok(row.get("ids"))
}
