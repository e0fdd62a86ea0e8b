//! Whether a table can be signed, by what the catalog says of it.

use vaultstream_api::{Signed, TableSource};

use super::error::SourceError;
use super::facts::{Column, Facts, Relation};
use super::types;
use crate::jobs::{Job, PlannedTable};

/// A table that can be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) table: PlannedTable,
    /// Types of the columns that are signed.
    pub(crate) signed_types: Vec<String>,
}

/// A column, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Key,
    /// The one in this place of those that are signed.
    Signed(usize),
}

impl Member {
    /// The manifest's member that names it.
    pub(crate) fn name(self, source: &TableSource) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Signed(_) => source.signed.member(),
        }
    }

    /// The column's name as it is in the manifest.
    pub(crate) fn column(self, source: &TableSource) -> &str {
        match self {
            Self::Key => &source.key,
            Self::Signed(at) => source.signed.columns().get(at).map_or("", String::as_str),
        }
    }

    /// The column's name as SQL writes it.
    pub(crate) fn quoted(self, facts: &Facts) -> &str {
        match self {
            Self::Key => &facts.key_name,
            Self::Signed(at) => facts.signed_names.get(at).map_or("", String::as_str),
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
    SignedType { at: usize, found: String },
    Generated { at: usize },
    KeyNullable,
    KeyNotUnique,
    RowSecurity,
}

impl Unfit {
    /// What changed since the job was planned.
    pub(crate) fn change(&self, facts: &Facts) -> String {
        let column = |member: Member| format!("its column {}", member.quoted(facts));
        match self {
            Self::NoTable => "it does not exist now".to_owned(),
            Self::TableDenied => "the right to read it is gone".to_owned(),
            Self::Kind(_) => "it is not a table now".to_owned(),
            Self::NoColumn(member) => format!("{} does not exist now", column(*member)),
            Self::ColumnDenied(member) => format!("the right to read {} is gone", column(*member)),
            Self::KeyType(found) => format!("{} is of type {found} now", column(Member::Key)),
            Self::SignedType { at, found } => format!("{} is of type {found} now", column(Member::Signed(*at))),
            Self::Generated { at } => format!("{} is generated now", column(Member::Signed(*at))),
            Self::KeyNullable => format!("{} may be NULL now", column(Member::Key)),
            Self::KeyNotUnique => format!("{} has no valid unique index now", column(Member::Key)),
            Self::RowSecurity => "row-level security hides rows of it now".to_owned(),
        }
    }
}

/// Judges the facts.
pub(crate) fn judge(source: &TableSource, facts: &Facts) -> Result<Fit, Unfit> {
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
    if !key.known_type().is_some_and(types::Type::is_key) {
        return Err(Unfit::KeyType(key.shown.clone()));
    }
    let signed_types = signed_types(source, relation)?;
    unique(relation, key)?;
    let table = PlannedTable { database: facts.database, table: relation.oid, partitioned };
    Ok(Fit { table, signed_types })
}

fn signed_types(source: &TableSource, relation: &Relation) -> Result<Vec<String>, Unfit> {
    let in_row = matches!(source.signed, Signed::Columns(_));
    let type_of = |(at, found): (usize, &Option<Column>)| {
        let column = column(found.as_ref(), Member::Signed(at))?;
        match column.known_type() {
            // What it is made from can be signed as well, and says more.
            Some(_) if in_row && column.generated => Err(Unfit::Generated { at }),
            Some(known) if in_row || known.is_payload => Ok(known.name.to_owned()),
            _ => Err(Unfit::SignedType { at, found: column.shown.clone() }),
        }
    };
    relation.signed.iter().enumerate().map(type_of).collect()
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

/// Makes sure that reading it runs only code of Postgres itself: it is a table, and the types of all columns are built in, and so are the
/// casts from them. What is not there or may not be read fails by itself.
pub(crate) fn runs_no_code(facts: &Facts) -> Result<(), SourceError> {
    let changed = |unfit: &Unfit| SourceError::Changed { table: facts.table.clone(), what: unfit.change(facts) };
    let Some(relation) = &facts.relation else { return Ok(()) };
    if !matches!(relation.kind.as_str(), "r" | "p") {
        return Err(changed(&Unfit::Kind(relation.kind.clone())));
    }
    if let Some(key) = relation.key.as_ref().filter(|key| !key.is_built_in()) {
        return Err(changed(&Unfit::KeyType(key.shown.clone())));
    }
    let foreign = relation.signed.iter().enumerate().find_map(|(at, column)| {
        let column = column.as_ref().filter(|column| !column.is_built_in())?;
        Some(Unfit::SignedType { at, found: column.shown.clone() })
    });
    foreign.map_or(Ok(()), |unfit| Err(changed(&unfit)))
}

/// Compares a table with what the job was planned with. It may have changed as long as it can be signed, but one job has one table
/// and one encoding. Returns what it is now.
pub(crate) fn unchanged(job: &Job, source: &TableSource, facts: &Facts) -> Result<Fit, SourceError> {
    let changed = |what: String| SourceError::Changed { table: facts.table.clone(), what };
    let now = judge(source, facts).map_err(|unfit| changed(unfit.change(facts)))?;
    if let Some(planned) = job.planned_table {
        let replaced = planned.database == now.table.database && planned.table != now.table.table;
        if replaced || planned.partitioned != now.table.partitioned {
            return Err(changed("another table has its name now".to_owned()));
        }
    }
    let were = job.signed_types.iter().flatten();
    let other = were.zip(&now.signed_types).zip(&facts.signed_names).find(|((was, is), _)| !types::same_text(was, is));
    match other {
        Some(((was, is), name)) => {
            Err(changed(format!("column {name} was {was} and is {is} now, which has other bytes")))
        }
        None => Ok(now),
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::Source;

    use super::*;
    use crate::jobs::fixture;

    fn column(type_name: &str) -> Option<Column> {
        let type_oid = (1..4000).find(|oid| types::by_oid(*oid).is_some_and(|known| known.name == type_name)).unwrap();
        Some(Column { type_oid, shown: type_name.to_owned(), not_null: true, may_read: true, generated: false })
    }

    fn table() -> TableSource {
        let Source::Table(table) = fixture::table() else { panic!("another source") };
        table
    }

    fn of_columns(columns: usize) -> TableSource {
        let names = ["body", "amount"].map(str::to_owned);
        TableSource { signed: Signed::Columns(names[..columns].to_vec()), ..table() }
    }

    /// A type of a user, which has the name of a built-in one.
    fn of_a_user(type_name: &str) -> Column {
        Column {
            type_oid: 16_500,
            shown: format!("mine.{type_name}"),
            not_null: true,
            may_read: true,
            generated: false,
        }
    }

    /// A table that can be signed.
    fn facts() -> Facts {
        Facts {
            reader: "app".to_owned(),
            schema: "public".to_owned(),
            table: "public.orders".to_owned(),
            key_name: "id".to_owned(),
            signed_names: vec!["body".to_owned()],
            database: 5,
            relation: Some(Relation {
                oid: 16_400,
                kind: "r".to_owned(),
                row_security: false,
                may_use_schema: true,
                may_read: true,
                unique: true,
                key: column("int8"),
                signed: vec![column("text")],
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
        assert_eq!(judge(&table(), &facts()), Ok(Fit { table: planned(false), signed_types: vec!["text".to_owned()] }));
        let partitioned = judge(&table(), &with(|relation| relation.kind = "p".to_owned())).unwrap();
        assert_eq!(partitioned.table, planned(true));
        for key in ["int2", "int4", "int8"] {
            assert!(judge(&table(), &with(|relation| relation.key = column(key))).is_ok(), "{key}");
        }
        for payload in ["bytea", "text", "varchar", "json", "jsonb", "uuid"] {
            assert!(judge(&table(), &with(|relation| relation.signed[0] = column(payload))).is_ok(), "{payload}");
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
            (with(|relation| relation.signed[0] = None), Unfit::NoColumn(Member::Signed(0))),
            (with(|relation| unreadable(&mut relation.signed[0])), Unfit::ColumnDenied(Member::Signed(0))),
            (with(|relation| relation.key = column("numeric")), Unfit::KeyType("numeric".to_owned())),
            (with(|relation| relation.key = Some(of_a_user("int8"))), Unfit::KeyType("mine.int8".to_owned())),
            (
                with(|relation| relation.signed[0] = Some(of_a_user("text"))),
                Unfit::SignedType { at: 0, found: "mine.text".to_owned() },
            ),
            (
                with(|relation| relation.signed[0] = column("int8")),
                Unfit::SignedType { at: 0, found: "int8".to_owned() },
            ),
            (with(|relation| relation.key.as_mut().unwrap().not_null = false), Unfit::KeyNullable),
            (with(|relation| relation.unique = false), Unfit::KeyNotUnique),
            (with(|relation| relation.row_security = true), Unfit::RowSecurity),
        ] {
            assert_eq!(judge(&table(), &facts), Err(unfit));
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
            with(|relation| relation.signed[0] = column("numeric")),
        ] {
            assert!(runs_no_code(&readable).is_ok(), "{readable:?}");
        }
        assert!(told(with(|relation| relation.kind = "v".to_owned())).contains("it is not a table now"));
        assert!(told(with(|relation| relation.kind = "f".to_owned())).contains("it is not a table now"));
        let of_key = with(|relation| relation.key = Some(of_a_user("int8")));
        assert!(told(of_key).contains("its column id is of type mine.int8 now"));
        let of_payload = with(|relation| relation.signed[0] = Some(of_a_user("text")));
        assert!(told(of_payload).contains("its column body is of type mine.text now"));
    }

    #[test]
    fn each_reason_says_what_changed() {
        for (unfit, told) in [
            (Unfit::NoTable, "it does not exist now"),
            (Unfit::TableDenied, "the right to read it is gone"),
            (Unfit::Kind("v".to_owned()), "it is not a table now"),
            (Unfit::NoColumn(Member::Key), "its column id does not exist now"),
            (Unfit::ColumnDenied(Member::Signed(0)), "the right to read its column body is gone"),
            (Unfit::KeyType("text".to_owned()), "its column id is of type text now"),
            (Unfit::SignedType { at: 0, found: "point".to_owned() }, "its column body is of type point now"),
            (Unfit::Generated { at: 0 }, "its column body is generated now"),
            (Unfit::KeyNullable, "its column id may be NULL now"),
            (Unfit::KeyNotUnique, "its column id has no valid unique index now"),
            (Unfit::RowSecurity, "row-level security hides rows of it now"),
        ] {
            assert_eq!(unfit.change(&facts()), told);
        }
        assert_eq!([Member::Key, Member::Signed(0)].map(|member| member.column(&table()).to_owned()), ["id", "body"]);
        let names = |source: &TableSource| [Member::Key, Member::Signed(0)].map(|member| member.name(source));
        assert_eq!((names(&table()), names(&of_columns(1))), (["key", "payload"], ["key", "columns"]));
    }

    #[test]
    fn every_type_of_the_list_can_be_part_of_a_row_and_few_can_be_a_payload() {
        for known in types::ALL {
            let facts = || with(|relation| relation.signed[0] = column(known.name));
            let signed_types = vec![known.name.to_owned()];
            let found = judge(&of_columns(1), &facts()).unwrap();
            assert_eq!(found.signed_types, signed_types);
            let payloads = ["bytea", "text", "varchar", "json", "jsonb", "uuid"];
            assert_eq!(judge(&table(), &facts()).is_ok(), payloads.contains(&known.name), "{}", known.name);
        }
        let of_array = with(|relation| {
            relation.signed[0] = Some(Column { type_oid: 1009, ..column("text").unwrap() });
        });
        assert!(matches!(judge(&of_columns(1), &of_array), Err(Unfit::SignedType { at: 0, .. })));
        let generated = || {
            with(|relation| {
                relation.signed[0].as_mut().unwrap().generated = true;
            })
        };
        assert_eq!(judge(&of_columns(1), &generated()), Err(Unfit::Generated { at: 0 }));
        assert!(judge(&table(), &generated()).is_ok(), "as earlier versions did");
    }

    #[test]
    fn each_column_of_a_row_is_judged_and_keeps_its_type() {
        let two = |second: Option<Column>| {
            let mut facts = with(|relation| relation.signed.push(second));
            facts.signed_names.push("amount".to_owned());
            facts
        };
        assert_eq!(judge(&of_columns(2), &two(None)), Err(Unfit::NoColumn(Member::Signed(1))));
        let mut job = fixture::job(Source::Table(of_columns(2)));
        job.signed_types = Some(vec!["text".to_owned(), "int8".to_owned()]);
        assert!(unchanged(&job, &of_columns(2), &two(column("int8"))).is_ok());
        let told = unchanged(&job, &of_columns(2), &two(column("numeric"))).unwrap_err().to_string();
        assert!(told.contains("column amount was int8 and is numeric now"), "{told}");
        let told = runs_no_code(&two(Some(of_a_user("text")))).unwrap_err().to_string();
        assert!(told.contains("its column amount is of type mine.text now"), "{told}");
    }

    #[test]
    fn a_job_keeps_its_table_and_its_encoding() {
        let mut job = fixture::job(fixture::table());
        assert!(unchanged(&job, &table(), &facts()).is_ok(), "an earlier version recorded neither");
        job.signed_types = Some(vec!["varchar".to_owned()]);
        assert!(unchanged(&job, &table(), &facts()).is_ok(), "text has the same bytes");
        job.signed_types = Some(vec!["bytea".to_owned()]);
        let told = unchanged(&job, &table(), &facts()).unwrap_err().to_string();
        assert!(told.contains("column body was bytea and is text now"), "{told}");
        job.signed_types = None;
        for (planned, same) in [
            (PlannedTable { database: 5, table: 16_400, partitioned: false }, true),
            // A restored ledger: tables have other numbers there.
            (PlannedTable { database: 6, table: 1, partitioned: false }, true),
            (PlannedTable { database: 5, table: 1, partitioned: false }, false),
            (PlannedTable { database: 5, table: 16_400, partitioned: true }, false),
        ] {
            job.planned_table = Some(planned);
            assert_eq!(unchanged(&job, &table(), &facts()).is_ok(), same, "{planned:?}");
        }
        let told = unchanged(&job, &table(), &with(|relation| relation.unique = false)).unwrap_err().to_string();
        assert!(told.contains("its column id has no valid unique index now"), "{told}");
    }
}
