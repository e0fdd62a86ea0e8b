//! Where a job's records are read from: its own partition, or somebody's table.

mod advice;
mod error;
mod facts;
mod judge;
mod nearest;
#[cfg(test)]
mod plans;
mod walk;

use vaultstream_api::{Source, TableSource};

use crate::ids::JobId;
use crate::jobs::Job;

pub(crate) use advice::{child, refuse};
pub use error::{Lack, Lacking, SourceError};
pub(crate) use facts::{Facts, NoFacts};
pub(crate) use judge::{Fit, judge, unchanged};
pub(crate) use walk::{Next, RELEASE, ROLLBACK, SAVEPOINT, next_row};

/// The partition with the generated records of a job.
pub(crate) fn records_partition(job: JobId) -> String {
    format!("vaultstream.records_{job}")
}

/// The partition with the signatures of a job.
pub(crate) fn signatures_partition(job: JobId) -> String {
    format!("vaultstream.signatures_{job}")
}

/// Schemas of which no job may read a table.
pub(crate) fn is_reserved(schema: &str) -> bool {
    let lower = schema.to_ascii_lowercase();
    lower == "vaultstream" || lower == "information_schema" || lower.starts_with("pg_")
}

/// An identifier as SQL writes it.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A bigint that the parser takes for one, the least of all included.
pub(crate) fn literal(value: i64) -> String {
    format!("'{value}'::bigint")
}

/// The table that was planned, by its numbers in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedTable {
    /// The database. A restored ledger is in another one, where tables have other numbers.
    pub database: u32,
    /// The table.
    pub table: u32,
    /// Its rows are in partitions.
    pub partitioned: bool,
}

/// What to write into a query to read records. The table goes by the alias `source` and every column is named with it: a bare
/// name in ORDER BY could mean an output column, a cast that no index fits.
pub(crate) struct ReadFrom {
    /// Qualified name.
    name: String,
    /// For FROM.
    pub(crate) table: String,
    /// The id column.
    pub(crate) key: String,
    /// An expression whose binary form is the bytes to sign.
    pub(crate) payload: String,
    /// Each range must be written out, so that the planner leaves out the partitions that hold none of it: it locks the others.
    pub(crate) partitioned: bool,
}

impl ReadFrom {
    pub(crate) fn of(job: &Job) -> Self {
        match &job.spec.source {
            Source::Generate(_) => {
                let name = records_partition(job.id);
                let (key, payload) = ("source.id".to_owned(), "source.payload".to_owned());
                Self { table: format!("{name} AS source"), name, key, payload, partitioned: false }
            }
            Source::Table(table) => {
                Self::of_table(table, job.payload_type.as_deref(), job.planned_table.map(|planned| planned.partitioned))
            }
        }
    }

    /// `partitioned` is not known of a job that an earlier version planned; such a job reads a table with what inherits from
    /// it, as it began.
    pub(crate) fn of_table(table: &TableSource, payload_type: Option<&str>, partitioned: Option<bool>) -> Self {
        let name = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
        let only = if partitioned == Some(false) { "ONLY " } else { "" };
        let payload = format!("source.{}", quoted(&table.payload));
        Self {
            table: format!("{only}{name} AS source"),
            name,
            key: format!("source.{}", quoted(&table.key)),
            payload: match payload_type {
                Some("bytea") => payload,
                // The binary form of text is its bytes in the client's encoding, which is UTF-8.
                _ => format!("{payload}::text"),
            },
            partitioned: partitioned == Some(true),
        }
    }

    /// Locks the table, without its partitions, against changes of its definition until the transaction ends.
    pub(crate) fn lock(&self) -> String {
        format!("SELECT 1 FROM ONLY {} LIMIT 0", self.name)
    }

    /// The greatest key; NULL when there is a row without one, as NULL comes last. No row in an empty table. Newer planners take
    /// the catalog's word for it that a column holds no NULL, and would answer a plain question for NULL without looking.
    pub(crate) fn greatest(&self) -> String {
        let Self { table, key, .. } = self;
        format!("SELECT {key}::bigint FROM {table} ORDER BY {key} DESC LIMIT 1")
    }

    /// Keys from `first` to `last`, ascending.
    pub(crate) fn keys(&self, first: i64, last: i64, limit: i64) -> String {
        let Self { table, key, .. } = self;
        let (first, last) = (literal(first), literal(last));
        format!("SELECT {key}::bigint FROM {table} WHERE {key} BETWEEN {first} AND {last} ORDER BY {key} LIMIT {limit}")
    }

    /// How many rows there are, and how many have no key.
    pub(crate) fn count(&self) -> String {
        format!("SELECT count(*), count(*) FILTER (WHERE num_nulls({}) > 0) FROM {}", self.key, self.table)
    }

    /// How many rows the key's index leads to.
    pub(crate) fn count_by_key(&self) -> String {
        format!("SELECT count(*) FROM {} WHERE {} >= {}", self.table, self.key, literal(i64::MIN))
    }

    /// Rows with keys from `first` to `last`, which are SQL, ascending.
    pub(crate) fn rows(&self, first: &str, last: &str, limit: Option<i64>) -> String {
        let Self { table, key, payload, .. } = self;
        let limit = limit.map(|rows| format!(" LIMIT {rows}")).unwrap_or_default();
        // OFFSET 0 keeps the payload's cast from being done once per mention.
        format!(
            "SELECT {key}::bigint AS id, {payload} AS payload FROM {table} \
             WHERE {key} BETWEEN {first} AND {last} ORDER BY {key}{limit} OFFSET 0"
        )
    }
}
