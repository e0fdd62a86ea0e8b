//! Rows that are in the table, for those that no trigger has seen.

use vaultstream_api::Source;
use vaultstream_signing::RowKey;

use crate::connection::Ledger;
use crate::copy::{CopyError, KeyForm};
use crate::copy_out::{INDEX_ONLY, ReadError, stream};
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::{self, ReadFrom, TableError};

const ACTION: &str = "look through the source table";

/// Rows that were read in one step.
const ROWS_LIMIT: i64 = 20_000;

/// Where a look through the table goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the beginning.
    Begin,
    /// Behind the row with this key.
    After(RowKey),
    /// Nowhere: it is done.
    End,
}

/// Some rows of the table.
#[derive(Clone, Debug)]
pub struct TableRows {
    /// Each as a value of the type of the job's rows, without its ordinal.
    pub(super) rows: Vec<String>,
    /// Where the look through the table goes on behind them.
    pub(super) next: Place,
}

impl TableRows {
    /// Where the look through the table goes on behind them.
    #[must_use]
    pub fn next(&self) -> &Place {
        &self.next
    }

    /// No rows: the table is to be looked through from its beginning.
    #[must_use]
    pub fn from_the_beginning() -> Self {
        Self { rows: Vec::new(), next: Place::Begin }
    }
}

/// Reads the next rows behind `after`, in the order of their keys.
///
/// # Errors
///
/// Why the table cannot be read, or that Postgres failed.
pub async fn read_table(ledger: &Ledger, job: &Job, place: &Place) -> Result<TableRows, TableError> {
    let end = TableRows { rows: Vec::new(), next: Place::End };
    let after = match place {
        Place::Begin => None,
        Place::After(key) => Some(key),
        Place::End => return Ok(end),
    };
    let (Source::Table(table), Some(key)) = (&job.spec.source, job.ordinals()) else { return Ok(end) };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(end) };
    let tx = Queries::over(client, ACTION);
    let timeout = ledger.settings.seeding_timeout.as_millis();
    tx.batch(&format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {timeout}")).await?;
    tx.batch(&ReadFrom::of(job).lock()).await?;
    let fit = source::unchanged(job, table, &source::facts(client, table).await?)?;
    tx.batch(INDEX_ONLY).await?;
    let mut rows = TableRows { rows: Vec::new(), next: Place::End };
    let mut last = None;
    let sql = ReadFrom::of(job).row_values(&fit.order, after, ROWS_LIMIT);
    let read = stream::<2, ReadError>(client, &sql, |[row, key]| {
        let row = row.and_then(|row| std::str::from_utf8(row).ok()).ok_or(CopyError::NotText)?;
        rows.rows.push(row.to_owned());
        last = key.map(<[u8]>::to_vec);
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    tx.batch("COMMIT").await?;
    session.settle();
    if i64::try_from(rows.rows.len()).is_ok_and(|count| count == ROWS_LIMIT) {
        let last = KeyForm::of(&key.types).key(last.as_deref()).map_err(ReadError::from);
        rows.next = Place::After(last.map_err(ReadError::into_query)?);
    }
    Ok(rows)
}
