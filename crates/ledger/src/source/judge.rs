//! Whether a table can be signed, by what the catalog says of it.

use std::fmt;

use vaultstream_api::TableSource;

use super::error::SourceError;
use super::facts::{Column, Facts, Relation};
use crate::jobs::{Job, PlannedTable};

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

/// What changed since the job was planned.
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
    if !matches!(key.type_name(), Some("int2" | "int4" | "int8")) {
        return Err(Unfit::KeyType(key.shown.clone()));
    }
    let payload_type = match payload.type_name() {
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

/// Makes sure that reading it runs only code of Postgres itself: it is a table, and the types of both columns are built in, and so are the
/// casts from them. What is not there or may not be read fails by itself.
pub(crate) fn runs_no_code(facts: &Facts) -> Result<(), SourceError> {
    let changed = |unfit: &Unfit| SourceError::Changed { table: facts.table.clone(), what: unfit.to_string() };
    let Some(relation) = &facts.relation else { return Ok(()) };
    if !matches!(relation.kind.as_str(), "r" | "p") {
        return Err(changed(&Unfit::Kind(relation.kind.clone())));
    }
    match (&relation.key, &relation.payload) {
        (Some(key), _) if !key.is_built_in() => Err(changed(&Unfit::KeyType(key.shown.clone()))),
        (_, Some(payload)) if !payload.is_built_in() => Err(changed(&Unfit::PayloadType(payload.shown.clone()))),
        _ => Ok(()),
    }
}

/// Compares a table with what the job was planned with. It may have changed as long as it can be signed, but one job has one table
/// and one encoding. Returns what it is now.
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

/// Types whose values have the same bytes count as one.
fn form(payload_type: &str) -> &str {
    if payload_type == "varchar" { "text" } else { payload_type }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::Source;

    use super::*;
    use crate::jobs::fixture;

    fn column(type_name: &str) -> Option<Column> {
        let types = [
            ("bytea", 17),
            ("int8", 20),
            ("int2", 21),
            ("int4", 23),
            ("text", 25),
            ("json", 114),
            ("varchar", 1043),
            ("numeric", 1700),
            ("uuid", 2950),
            ("jsonb", 3802),
        ];
        let type_oid = types.iter().find(|(name, _)| *name == type_name).unwrap().1;
        Some(Column { type_oid, shown: type_name.to_owned(), not_null: true, may_read: true })
    }

    /// A type of a user, which has the name of a built-in one.
    fn of_a_user(type_name: &str) -> Column {
        Column { type_oid: 16_500, shown: format!("mine.{type_name}"), not_null: true, may_read: true }
    }

    /// A table that can be signed.
    fn facts() -> Facts {
        Facts {
            reader: "app".to_owned(),
            schema: "public".to_owned(),
            table: "public.orders".to_owned(),
            key_name: "id".to_owned(),
            payload_name: "body".to_owned(),
            database: 5,
            relation: Some(Relation {
                oid: 16_400,
                kind: "r".to_owned(),
                row_security: false,
                may_use_schema: true,
                may_read: true,
                unique: true,
                key: column("int8"),
                payload: column("text"),
            }),
        }
    }

    fn with(change: impl FnOnce(&mut Relation)) -> Facts {
        let mut facts = facts();
        facts.relation.as_mut().map(change);
        facts
    }

    #[test]
    fn a_table_with_a_unique_integer_key_and_a_payload_of_bytes_can_be_signed() {
        let planned = |partitioned| PlannedTable { database: 5, table: 16_400, partitioned };
        assert_eq!(judge(&facts()), Ok(Fit { table: planned(false), payload_type: "text".to_owned() }));
        let partitioned = judge(&with(|relation| relation.kind = "p".to_owned())).unwrap();
        assert_eq!(partitioned.table, planned(true));
        for key in ["int2", "int4", "int8"] {
            assert!(judge(&with(|relation| relation.key = column(key))).is_ok(), "{key}");
        }
        for payload in ["bytea", "text", "varchar", "json", "jsonb", "uuid"] {
            assert!(judge(&with(|relation| relation.payload = column(payload))).is_ok(), "{payload}");
        }
    }

    #[test]
    fn the_first_reason_why_a_table_cannot_be_signed_is_told() {
        let unreadable = |column: &mut Option<Column>| column.as_mut().unwrap().may_read = false;
        for (facts, unfit) in [
            (Facts { relation: None, ..facts() }, Unfit::NoTable),
            (with(|relation| relation.may_use_schema = false), Unfit::TableDenied),
            (with(|relation| relation.may_read = false), Unfit::TableDenied),
            (with(|relation| relation.kind = "v".to_owned()), Unfit::Kind("v".to_owned())),
            (with(|relation| relation.key = None), Unfit::NoColumn(Member::Key)),
            (with(|relation| unreadable(&mut relation.key)), Unfit::ColumnDenied(Member::Key)),
            (with(|relation| relation.payload = None), Unfit::NoColumn(Member::Payload)),
            (with(|relation| unreadable(&mut relation.payload)), Unfit::ColumnDenied(Member::Payload)),
            (with(|relation| relation.key = column("numeric")), Unfit::KeyType("numeric".to_owned())),
            (with(|relation| relation.key = Some(of_a_user("int8"))), Unfit::KeyType("mine.int8".to_owned())),
            (with(|relation| relation.payload = Some(of_a_user("text"))), Unfit::PayloadType("mine.text".to_owned())),
            (with(|relation| relation.payload = column("int8")), Unfit::PayloadType("int8".to_owned())),
            (with(|relation| relation.key.as_mut().unwrap().not_null = false), Unfit::KeyNullable),
            (with(|relation| relation.unique = false), Unfit::KeyNotUnique),
            (with(|relation| relation.row_security = true), Unfit::RowSecurity),
        ] {
            assert_eq!(judge(&facts), Err(unfit));
        }
    }

    #[test]
    fn what_could_run_code_of_a_user_is_not_read_even_to_verify_it() {
        let told = |facts: Facts| runs_no_code(&facts).unwrap_err().to_string();
        for readable in [
            facts(),
            Facts { relation: None, ..facts() },
            with(|relation| relation.kind = "p".to_owned()),
            with(|relation| relation.key = None),
            with(|relation| relation.payload = column("numeric")),
        ] {
            assert!(runs_no_code(&readable).is_ok(), "{readable:?}");
        }
        assert!(told(with(|relation| relation.kind = "v".to_owned())).contains("it is not a table now"));
        assert!(told(with(|relation| relation.kind = "f".to_owned())).contains("it is not a table now"));
        let of_key = with(|relation| relation.key = Some(of_a_user("int8")));
        assert!(told(of_key).contains("its key column is of type mine.int8 now"));
        let of_payload = with(|relation| relation.payload = Some(of_a_user("text")));
        assert!(told(of_payload).contains("its payload column is of type mine.text now"));
    }

    #[test]
    fn each_reason_says_what_changed() {
        for (unfit, told) in [
            (Unfit::NoTable, "it does not exist now"),
            (Unfit::TableDenied, "the right to read it is gone"),
            (Unfit::Kind("v".to_owned()), "it is not a table now"),
            (Unfit::NoColumn(Member::Key), "its key column does not exist now"),
            (Unfit::ColumnDenied(Member::Payload), "the right to read its payload column is gone"),
            (Unfit::KeyType("text".to_owned()), "its key column is of type text now"),
            (Unfit::PayloadType("point".to_owned()), "its payload column is of type point now"),
            (Unfit::KeyNullable, "its key column may be NULL now"),
            (Unfit::KeyNotUnique, "its key column has no valid unique index now"),
            (Unfit::RowSecurity, "row-level security hides rows of it now"),
        ] {
            assert_eq!(unfit.to_string(), told);
        }
        let Source::Table(table) = fixture::table() else { panic!("another source") };
        assert_eq!([Member::Key, Member::Payload].map(|member| member.column(&table)), ["id", "body"]);
    }

    #[test]
    fn a_job_keeps_its_table_and_its_encoding() {
        let mut job = fixture::job(fixture::table());
        assert!(unchanged(&job, &facts()).is_ok(), "an earlier version recorded neither");
        job.payload_type = Some("varchar".to_owned());
        assert!(unchanged(&job, &facts()).is_ok(), "text has the same bytes");
        job.payload_type = Some("bytea".to_owned());
        let told = unchanged(&job, &facts()).unwrap_err().to_string();
        assert!(told.contains("column body was bytea and is text now"), "{told}");
        job.payload_type = None;
        for (planned, same) in [
            (PlannedTable { database: 5, table: 16_400, partitioned: false }, true),
            // A restored ledger: tables have other numbers there.
            (PlannedTable { database: 6, table: 1, partitioned: false }, true),
            (PlannedTable { database: 5, table: 1, partitioned: false }, false),
            (PlannedTable { database: 5, table: 16_400, partitioned: true }, false),
        ] {
            job.planned_table = Some(planned);
            assert_eq!(unchanged(&job, &facts()).is_ok(), same, "{planned:?}");
        }
        let told = unchanged(&job, &with(|relation| relation.unique = false)).unwrap_err().to_string();
        assert!(told.contains("its key column has no valid unique index now"), "{told}");
    }
}
