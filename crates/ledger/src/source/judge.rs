//! Whether a table can be signed, by what the catalog says of it.

#[cfg(test)]
mod tests;

use vaultstream_api::{Signed, TableSource};

use super::error::SourceError;
use super::facts::{Column, Facts, Relation, UniqueIndex};
use super::types;
use crate::jobs::{Job, PlannedTable, RowAccess, RowIds, RowKeyColumns};

/// A table that can be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) table: PlannedTable,
    pub(crate) key: RowKeyColumns,
    /// Columns in whose order rows come without being sorted, and which are unique together; of a view, all those of the key.
    pub(crate) order: Vec<String>,
    /// Types of the columns that are signed.
    pub(crate) signed_types: Vec<String>,
}

impl Fit {
    /// The same with ordinals as ids, which rows of any key get in the order in which they arrive.
    pub(crate) fn with_ordinals(mut self) -> Self {
        if self.key.ids != RowIds::Ordinals(RowAccess::Join) {
            self.key.ids = RowIds::Ordinals(RowAccess::Lookup);
        }
        self
    }
}

/// A column, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// The one in this place of the key.
    Key(usize),
    /// The one in this place of those that are signed.
    Signed(usize),
}

impl Member {
    /// The manifest's member that names it.
    pub(crate) fn name(self, source: &TableSource) -> &'static str {
        match self {
            Self::Key(_) => source.key.member(),
            Self::Signed(_) => source.signed.member(),
        }
    }

    /// The column's name as it is in the manifest.
    pub(crate) fn column(self, source: &TableSource) -> &str {
        let (columns, at) = match self {
            Self::Key(at) => (source.key.columns().unwrap_or_default(), at),
            Self::Signed(at) => (source.signed.columns(), at),
        };
        columns.get(at).map_or("", String::as_str)
    }

    /// The column's name as SQL writes it.
    pub(crate) fn quoted(self, facts: &Facts) -> &str {
        let (names, at) = match self {
            Self::Key(at) => (&facts.key_names, at),
            Self::Signed(at) => (&facts.signed_names, at),
        };
        names.get(at).map_or("", String::as_str)
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
    NoPrimaryKey,
    KeyType { at: usize, found: String },
    SignedType { at: usize, found: String },
    Generated { at: usize },
    GeneratedKey { at: usize },
    KeyNullable { at: usize },
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
            Self::NoPrimaryKey => "it has no primary key now".to_owned(),
            Self::KeyType { at, found } => format!("{} is of type {found} now", column(Member::Key(*at))),
            Self::SignedType { at, found } => format!("{} is of type {found} now", column(Member::Signed(*at))),
            Self::Generated { at } => format!("{} is generated now", column(Member::Signed(*at))),
            Self::GeneratedKey { at } => format!("{} is generated now", column(Member::Key(*at))),
            Self::KeyNullable { at } => format!("{} may be NULL now", column(Member::Key(*at))),
            Self::KeyNotUnique => format!("its key ({}) has no valid unique index now", facts.key_names.join(", ")),
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
    if !matches!(relation.kind.as_str(), "r" | "p" | "v" | "m" | "f") {
        return Err(Unfit::Kind(relation.kind.clone()));
    }
    let types: Vec<String> = key_types(relation)?.into_iter().map(str::to_owned).collect();
    let signed_types = signed_types(source, relation)?;
    let index = is_table(relation).then(|| unique(relation)).transpose()?;
    if relation.row_security {
        return Err(Unfit::RowSecurity);
    }
    let ids = match (types.as_slice(), index) {
        ([one], Some(index)) if types::is_id(one) && index.of_integers => RowIds::Keys,
        (_, None) => RowIds::Ordinals(RowAccess::Join),
        (_, Some(index)) if index.columns == relation.key_columns => RowIds::Ordinals(RowAccess::Range),
        (_, Some(_)) => RowIds::Ordinals(RowAccess::Lookup),
    };
    let order = index.map_or_else(|| relation.key_columns.clone(), |index| index.columns.clone());
    let key = RowKeyColumns { columns: relation.key_columns.clone(), types, ids };
    let table = PlannedTable { database: facts.database, table: relation.oid, partitioned: relation.kind == "p" };
    Ok(Fit { table, key, order, signed_types })
}

/// Types of the columns of a key by which new rows of a table can be noted: rows that no other will share a key with.
pub(crate) fn key_of_table(facts: &Facts) -> Result<Vec<&'static str>, Unfit> {
    let relation = facts.relation.as_ref().ok_or(Unfit::NoTable)?;
    if !relation.may_use_schema || !relation.may_read {
        return Err(Unfit::TableDenied);
    }
    if !is_table(relation) {
        return Err(Unfit::Kind(relation.kind.clone()));
    }
    let types = key_types(relation)?;
    let is_generated = |column: &Option<Column>| column.as_ref().is_some_and(|column| column.generated);
    if let Some(at) = relation.key.iter().position(is_generated) {
        return Err(Unfit::GeneratedKey { at });
    }
    unique(relation)?;
    Ok(types)
}

/// Whether unique indexes say of it what its keys are: a view and the like has none, or none that says that.
fn is_table(relation: &Relation) -> bool {
    matches!(relation.kind.as_str(), "r" | "p")
}

fn key_types(relation: &Relation) -> Result<Vec<&'static str>, Unfit> {
    if relation.key.is_empty() {
        return Err(Unfit::NoPrimaryKey);
    }
    let type_of = |(at, found): (usize, &Option<Column>)| {
        let column = column(found.as_ref(), Member::Key(at))?;
        match column.known_type() {
            Some(known) if known.is_key() => Ok(known.name),
            _ => Err(Unfit::KeyType { at, found: column.shown.clone() }),
        }
    };
    relation.key.iter().enumerate().map(type_of).collect()
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

/// The index that makes the key unique: one of all its columns, or else of some.
fn unique(relation: &Relation) -> Result<&UniqueIndex, Unfit> {
    let is_nullable = |column: &Option<Column>| column.as_ref().is_some_and(|column| !column.not_null);
    if let Some(at) = relation.key.iter().position(is_nullable) {
        return Err(Unfit::KeyNullable { at });
    }
    let of_key = |index: &&UniqueIndex| index.columns.iter().all(|column| relation.key_columns.contains(column));
    let whole = relation.unique.iter().filter(of_key).find(|index| index.columns.len() == relation.key.len());
    whole.or_else(|| relation.unique.iter().find(of_key)).ok_or(Unfit::KeyNotUnique)
}

/// Makes sure that reading it runs only code of Postgres itself: it is a table, and the types of all columns are built in, and so are the
/// casts from them. A view may run what its owner likes, with the rights of the login: that is for a login of the source alone, and for a view
/// that was wanted. What is not there or may not be read fails by itself.
pub(crate) fn runs_no_code(facts: &Facts, view: ViewUse) -> Result<(), SourceError> {
    let changed = |unfit: &Unfit| SourceError::Changed { table: facts.table.clone(), what: unfit.change(facts) };
    let Some(relation) = &facts.relation else { return Ok(()) };
    match relation.kind.as_str() {
        "r" | "p" | "m" | "f" => {}
        "v" if view == ViewUse::Wanted => {}
        "v" if view == ViewUse::WithoutLogin => {
            return Err(SourceError::ViewWithoutLogin { view: facts.table.clone() });
        }
        _ => return Err(changed(&Unfit::Kind(relation.kind.clone()))),
    }
    let foreign_key = relation.key.iter().enumerate().find_map(|(at, column)| {
        let column = column.as_ref().filter(|column| !column.is_built_in())?;
        Some(Unfit::KeyType { at, found: column.shown.clone() })
    });
    if let Some(unfit) = foreign_key {
        return Err(changed(&unfit));
    }
    let foreign = relation.signed.iter().enumerate().find_map(|(at, column)| {
        let column = column.as_ref().filter(|column| !column.is_built_in())?;
        Some(Unfit::SignedType { at, found: column.shown.clone() })
    });
    foreign.map_or(Ok(()), |unfit| Err(changed(&unfit)))
}

/// Whether ids are ordinals, and then whether an index leads to their rows: by which one may change.
fn are_found(ids: RowIds) -> Option<bool> {
    match ids {
        RowIds::Keys => None,
        RowIds::Ordinals(access) => Some(access != RowAccess::Join),
    }
}

/// Whether a view may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewUse {
    /// It was wanted, and the login has no other rights than to read.
    Wanted,
    /// It was wanted, and the login is the ledger's.
    WithoutLogin,
    /// There was a table.
    NotWanted,
}

impl ViewUse {
    /// For what a user has named just now.
    pub(crate) fn named(has_login: bool) -> Self {
        if has_login { Self::Wanted } else { Self::WithoutLogin }
    }

    /// For what a job was planned with.
    pub(crate) fn planned(job: &Job, facts: &Facts, has_login: bool) -> Self {
        if is_planned_view(job, facts) { Self::named(has_login) } else { Self::NotWanted }
    }
}

/// Whether what the job was planned with may be a view, and this is it.
fn is_planned_view(job: &Job, facts: &Facts) -> bool {
    let is_view = job.ordinals().is_some_and(|key| key.ids == RowIds::Ordinals(RowAccess::Join));
    let is_same = |planned: PlannedTable| {
        // A restored ledger's source has other numbers.
        planned.database != facts.database || facts.relation.as_ref().is_some_and(|found| found.oid == planned.table)
    };
    is_view && job.planned_table.is_some_and(is_same)
}

/// Compares a table with what the job was planned with. It may have changed as long as it can be signed, but one job has one table
/// and one encoding. Returns what it is now.
pub(crate) fn unchanged(job: &Job, source: &TableSource, facts: &Facts) -> Result<Fit, SourceError> {
    let changed = |what: String| SourceError::Changed { table: facts.table.clone(), what };
    let mut now = judge(source, facts).map_err(|unfit| changed(unfit.change(facts)))?;
    if job.spec.follow.is_some() || job.follow.is_some() {
        now = now.with_ordinals();
    }
    if let Some(planned) = job.planned_table {
        let replaced = planned.database == now.table.database && planned.table != now.table.table;
        if replaced || planned.partitioned != now.table.partitioned {
            return Err(changed("another table has its name now".to_owned()));
        }
    }
    if let Some(planned) = &job.key {
        let has_type = |(was, is): (&String, &String)| types::same_text(was, is) || planned.ids == RowIds::Keys;
        if planned.columns != now.key.columns {
            return Err(changed(format!(
                "its key is ({}) now, and was ({})",
                now.key.columns.join(", "),
                planned.columns.join(", ")
            )));
        } else if are_found(planned.ids) != are_found(now.key.ids)
            || !planned.types.iter().zip(&now.key.types).all(has_type)
        {
            let types = |key: &RowKeyColumns| key.types.join(", ");
            return Err(changed(format!("its key is of type {} now, and was {}", types(&now.key), types(planned))));
        }
    } else if job.planned_table.is_some() && now.key.ids != RowIds::Keys {
        return Err(changed(format!("its key is of type {} now, and was of integers", now.key.types.join(", "))));
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
