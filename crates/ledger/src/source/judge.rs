//! Whether a table can be signed, by what the catalog says of it.

use std::fmt;

use vaultstream_api::TableSource;

use super::PlannedTable;
use super::error::SourceError;
use super::facts::{Column, Facts, Relation};
use crate::jobs::Job;

/// A table that can be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) table: PlannedTable,
    /// Type of the payload's column.
    pub(crate) payload_type: String,
}

/// Which of the two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Key,
    Payload,
}

impl Member {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Payload => "payload",
        }
    }

    /// The column's name as it is in the manifest.
    pub(crate) fn column(self, source: &TableSource) -> &str {
        match self {
            Self::Key => &source.key,
            Self::Payload => &source.payload,
        }
    }
}

/// Why a table cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    NoTable,
    TableDenied,
    Kind(String),
    NoColumn(Member),
    ColumnDenied(Member),
    KeyType(String),
    PayloadType(String),
    KeyNullable,
    KeyNotUnique,
    RowSecurity,
}

/// What it means for a job that was planned when it was not so.
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => f.write_str("it does not exist now"),
            Self::TableDenied => f.write_str("the right to read it is gone"),
            Self::Kind(_) => f.write_str("it is not a table now"),
            Self::NoColumn(member) => write!(f, "its {} column does not exist now", member.name()),
            Self::ColumnDenied(member) => write!(f, "the right to read its {} column is gone", member.name()),
            Self::KeyType(found) => write!(f, "its key column is of type {found} now"),
            Self::PayloadType(found) => write!(f, "its payload column is of type {found} now"),
            Self::KeyNullable => f.write_str("its key column may be NULL now"),
            Self::KeyNotUnique => f.write_str("its key column has no valid unique index now"),
            Self::RowSecurity => f.write_str("row-level security hides rows of it now"),
        }
    }
}

/// Judges the facts.
pub(crate) fn judge(facts: &Facts) -> Result<Fit, Unfit> {
    let relation = facts.relation.as_ref().ok_or(Unfit::NoTable)?;
    if !relation.may_use_schema || !relation.may_read {
        return Err(Unfit::TableDenied);
    }
    let partitioned = match relation.kind.as_str() {
        "r" => false,
        "p" => true,
        other => return Err(Unfit::Kind(other.to_owned())),
    };
    let key = column(relation.key.as_ref(), Member::Key)?;
    let payload = column(relation.payload.as_ref(), Member::Payload)?;
    if !matches!(key.type_name.as_deref(), Some("int2" | "int4" | "int8")) {
        return Err(Unfit::KeyType(key.shown.clone()));
    }
    let payload_type = match payload.type_name.as_deref() {
        Some(name @ ("bytea" | "text" | "varchar" | "json" | "jsonb" | "uuid")) => name.to_owned(),
        _ => return Err(Unfit::PayloadType(payload.shown.clone())),
    };
    unique(relation, key)?;
    let table = PlannedTable { database: facts.database, table: relation.oid, partitioned };
    Ok(Fit { table, payload_type })
}

fn column(found: Option<&Column>, member: Member) -> Result<&Column, Unfit> {
    match found {
        None => Err(Unfit::NoColumn(member)),
        Some(column) if !column.may_read => Err(Unfit::ColumnDenied(member)),
        Some(column) => Ok(column),
    }
}

fn unique(relation: &Relation, key: &Column) -> Result<(), Unfit> {
    if !key.not_null {
        return Err(Unfit::KeyNullable);
    }
    if !relation.unique {
        return Err(Unfit::KeyNotUnique);
    }
    if relation.row_security { Err(Unfit::RowSecurity) } else { Ok(()) }
}

/// Holds a table against what the job was planned with. What is changed may be no worse, but one job has one table and one
/// encoding. Answers what it is now.
pub(crate) fn unchanged(job: &Job, facts: &Facts) -> Result<Fit, SourceError> {
    let changed = |what: String| SourceError::Changed { table: facts.table.clone(), what };
    let now = judge(facts).map_err(|unfit| changed(unfit.to_string()))?;
    if let Some(planned) = job.planned_table {
        let replaced = planned.database == now.table.database && planned.table != now.table.table;
        if replaced || planned.partitioned != now.table.partitioned {
            return Err(changed("another table has its name now".to_owned()));
        }
    }
    match job.payload_type.as_deref() {
        Some(was) if form(was) != form(&now.payload_type) => {
            let is = &now.payload_type;
            Err(changed(format!("column {} was {was} and is {is} now, which has other bytes", facts.payload_name)))
        }
        _ => Ok(now),
    }
}

/// Types whose values have the same bytes are one.
fn form(payload_type: &str) -> &str {
    if payload_type == "varchar" { "text" } else { payload_type }
}
