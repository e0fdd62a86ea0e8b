//! What is wrong with a table, for the person who can correct it.

use std::fmt;

use vaultstream_api::Reason;

use crate::error::QueryError;

/// Why a table cannot be planned or signed at present.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not until a person changes something.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Whether something is missing, or only closed to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It does not exist.
    Absent,
    /// The reader may not read it.
    Denied,
    /// One of the two: a cluster's users are not told which tables its databases hold.
    AbsentOrDenied,
}

/// Why a table cannot be signed. Each says what to do. Names in it are written as SQL writes them.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Schemas that no job may read.
    #[error("spec.source.table.schema: tables of schema {0} cannot be signed: choose one of your own")]
    ReservedSchema(String),
    /// Missing or not granted.
    #[error("spec.source.table: {0}")]
    NoTable(Lacking),
    /// Missing or not granted.
    #[error("spec.source.table.{member}: {lacking}")]
    NoColumn {
        /// `key`, `payload` or `columns`.
        member: &'static str,
        /// The column.
        lacking: Lacking,
    },
    /// A sequence and the like.
    #[error("spec.source.table.name: {table} is {kind}, not a table: name a table or a view")]
    NotATable {
        /// Qualified name.
        table: String,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// A view runs what its owner likes, with the rights of who reads it.
    #[error(
        "spec.source.table.name: {view} is a view, which runs code of its owner with the rights of the login that reads it, and that is the ledger's: give the source a login of its own (docs/operations.md), or sign a materialized view"
    )]
    ViewWithoutLogin {
        /// Qualified name.
        view: String,
    },
    /// Other tables inherit from it.
    #[error(
        "spec.source.table.name: {child} inherits from {table}, whose key is not unique over both: ALTER TABLE {child} NO INHERIT {table}, and sign each table by a job of its own"
    )]
    HasChildren {
        /// Qualified name.
        table: String,
        /// One that inherits.
        child: String,
    },
    /// Nothing says what names a row.
    #[error("spec.source.table.keyColumns: {table} {lack}")]
    NoPrimaryKey {
        /// Qualified name.
        table: String,
        /// Why not, and what can be done.
        lack: String,
    },
    /// Columns of the key are of a type without an order of its own, or of one that is not the same everywhere.
    #[error(
        "spec.source.table.{member}: column {column} is of type {found}; a key is of integers, uuid, text, varchar, char, boolean, date, time, timestamp, timestamptz, numeric, bytea or inet{advice}"
    )]
    KeyType {
        /// `key` or `keyColumns`.
        member: &'static str,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What can be done.
        advice: String,
    },
    /// The payload is of a type that has no bytes of its own.
    #[error(
        "spec.source.table.payload: column {column} is of type {found}, and has to be bytea, text, varchar, json, jsonb or uuid: name another, or keep what is to be signed in a column of such a type"
    )]
    PayloadType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The column is of a type that has no canonical text.
    #[error(
        "spec.source.table.columns: column {column} is of type {found}, which has no canonical form: leave it out, or keep what is to be signed in a column of type text or jsonb"
    )]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The column is computed from others.
    #[error("spec.source.table.columns: column {column} is generated: name the columns that it is made of")]
    Generated {
        /// The column.
        column: String,
    },
    /// Canonical JSON of what has none.
    #[error(
        "spec.source.table.json is JCS, and none of the columns that are signed is of type json or jsonb: leave it out"
    )]
    NoJson,
    /// The key may be NULL.
    #[error("spec.source.table.{member}: column {column} may be NULL: {advice}")]
    KeyNullable {
        /// `key` or `keyColumns`.
        member: &'static str,
        /// The column.
        column: String,
        /// What can be done.
        advice: String,
    },
    /// Rows have no key, whatever the catalog says.
    #[error(
        "spec.source.table.{member}: {key} is NULL in {rows} rows of {table}, which could not be signed: give them a key, or leave them out"
    )]
    NullKeys {
        /// `key` or `keyColumns`.
        member: &'static str,
        /// The column, or the columns with commas between them.
        key: String,
        /// Qualified name.
        table: String,
        /// How many rows.
        rows: i64,
    },
    /// Two rows may have the same key.
    #[error("spec.source.table.{member}: {key} of {table} may repeat: {lack}: {advice}")]
    KeyNotUnique {
        /// `key` or `keyColumns`.
        member: &'static str,
        /// `column no`, or `columns (tenant, no)`.
        key: String,
        /// Qualified name.
        table: String,
        /// What is missing.
        lack: &'static str,
        /// What can be done.
        advice: String,
    },
    /// Rows would be hidden from us.
    #[error(
        "spec.source.table: row-level security hides rows of {table} from {reader}: ALTER ROLE {reader} BYPASSRLS, or ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
    )]
    RowSecurity {
        /// Qualified name.
        table: String,
        /// Who reads.
        reader: String,
    },
    /// The table is not what it was when the job was planned.
    #[error(
        "spec.source.table: table {table} was changed after the job was planned: {what}. Undo that and the job can continue, or delete the job"
    )]
    Changed {
        /// Qualified name.
        table: String,
        /// What is different.
        what: String,
    },
    /// A key is longer than an index can have.
    #[error(
        "spec.source.table.{member}: a value of {key} has {bytes} bytes as text, and a key has at most {most}: name columns with shorter values"
    )]
    KeyTooLong {
        /// `key` or `keyColumns`.
        member: &'static str,
        /// The columns, with commas between them.
        key: String,
        /// Its length.
        bytes: usize,
        /// The greatest one.
        most: usize,
    },
    /// A standby may lack rows that were read before.
    #[error(
        "spec.follow: the database with {table} is on a standby, which may lack rows that have arrived: name the primary as the source"
    )]
    Standby {
        /// Qualified name.
        table: String,
    },
    /// Nothing says which rows arrive.
    #[error("spec.follow: {table} {why}: vaultstream source enable --table {table}")]
    NotEnabled {
        /// Qualified name.
        table: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The trigger was made for another key.
    #[error(
        "spec.follow: the trigger of {table} notes its key ({noted}), and the job's is ({wanted}): vaultstream source disable --table {table}, and enable it with --key"
    )]
    OtherKey {
        /// Qualified name.
        table: String,
        /// The job's.
        wanted: String,
        /// The trigger's.
        noted: String,
    },
    /// A table has one follower.
    #[error(
        "spec.follow: the job {job} follows {table} already: remove its spec.follow, or, if there is no such job any more, DELETE FROM {follower}"
    )]
    FollowedByAnother {
        /// Qualified name.
        table: String,
        /// Its uid.
        job: uuid::Uuid,
        /// Where that is noted.
        follower: String,
    },
    /// More batches than a job may have.
    #[error("spec.batchSize: the table needs more than {most} batches of {size} rows: choose a larger batchSize")]
    TooManyBatches {
        /// Most batches of a job.
        most: i64,
        /// The batch size.
        size: u32,
    },
}

impl SourceError {
    /// The reason that a condition of the job carries.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoTable(_) | Self::NoColumn { .. } => Reason::SourceUnavailable,
            _ => Reason::SourceUnusable,
        }
    }
}

/// What is missing or not granted, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// `table public.orders`, or `column body of table public.orders`.
    pub thing: String,
    /// Who reads.
    pub reader: String,
    /// Which of the two.
    pub lack: Lack,
    /// The statements that would allow it.
    pub grant: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing, reader, lack, grant, suggestion } = self;
        match (lack, suggestion) {
            (Lack::Absent, Some(suggestion)) => write!(f, "{thing} does not exist: did you mean {suggestion}?"),
            (Lack::Absent, None) => write!(f, "{thing} does not exist: create it, or name another"),
            (Lack::Denied, _) => write!(f, "{reader} may not read {thing}: {grant}"),
            (Lack::AbsentOrDenied, None) => {
                write!(f, "{thing} does not exist or {reader} may not read it: create it, or {grant}")
            }
            (Lack::AbsentOrDenied, Some(suggestion)) => {
                write!(f, "{thing} does not exist or {reader} may not read it: did you mean {suggestion}? Else {grant}")
            }
        }
    }
}
