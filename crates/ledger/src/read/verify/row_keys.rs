//! The keys of rows beside what the ledger has of their records, where ids are ordinals.

use std::collections::BTreeMap;
use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use vaultstream_signing::RowKey;

use crate::connection::Ledger;
use crate::copy::KeyForm;
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::rows_table;

const ACTION: &str = "read the keys of rows";

/// The parts of a query that reads the key of a row beside its record.
pub(crate) struct BesideRecords {
    /// Behind the relation with the records.
    pub(crate) join: String,
    /// The key in one field; NULL where the ledger has no key, and where ids are not ordinals.
    pub(crate) key: String,
    form: KeyForm,
}

impl BesideRecords {
    /// `id` is the record's id in the query.
    pub(crate) fn of(job: &Job, id: &str) -> Self {
        let Some(columns) = job.ordinals() else {
            return Self { join: String::new(), key: "NULL::text".to_owned(), form: KeyForm::Texts(0) };
        };
        let form = KeyForm::of(&columns.types);
        let field = form.sql((1..=columns.columns.len()).map(|at| format!("k.k{at}")));
        Self {
            join: format!(" LEFT JOIN {} k ON k.ordinal = {id}", rows_table(job.id)),
            key: format!("CASE WHEN k.ordinal IS NOT NULL THEN {field} END"),
            form,
        }
    }

    /// The key that was read; one that is damaged is none.
    pub(crate) fn read(&self, field: Option<&[u8]>) -> Option<RowKey> {
        self.form.key(field).ok()
    }

    /// The same in a column `key` of a row.
    pub(crate) fn of_row(&self, row: &Row) -> Option<RowKey> {
        let Raw(field) = row.get("key");
        self.read(field)
    }
}

/// A value as it was sent.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The keys of the rows with these ids; none where ids are not ordinals.
///
/// # Errors
///
/// When Postgres fails.
pub async fn row_keys(ledger: &Ledger, job: &Job, ids: &[i64]) -> Result<BTreeMap<i64, RowKey>, QueryError> {
    if job.ordinals().is_none() || ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let beside = BesideRecords::of(job, "w.id");
    let BesideRecords { join, key, .. } = &beside;
    let sql = format!("SELECT w.id, {key} AS key FROM unnest($1::bigint[]) AS w (id){join}");
    let rows = ledger.query(ACTION, &sql, &[&ids]).await?;
    Ok(rows.iter().filter_map(|row| Some((row.get("id"), beside.of_row(row)?))).collect())
}
