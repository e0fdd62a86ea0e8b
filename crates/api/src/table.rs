//! `spec.source.table`: a table, and what of its rows is signed.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{defaults, limits, pattern, word::words};

/// Which table to sign, what names a row of it, and what of its rows is signed; in a manifest an object with exactly one of the members
/// `payload` and `columns`, and at most one of `key` and `keyColumns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct TableSource {
    /// The table's schema.
    pub schema: String,
    /// The table's name, spelled as Postgres has it.
    pub name: String,
    /// What names a row.
    pub key: Key,
    /// What of a row is signed.
    pub signed: Signed,
    /// Which text of a json or jsonb value that is.
    pub json: JsonForm,
}

impl TableSource {
    /// Of which one column is signed as it is.
    #[must_use]
    pub fn of_payload(schema: &str, name: &str, key: &str, payload: &str) -> Self {
        let [schema, name, key, payload] = [schema, name, key, payload].map(str::to_owned);
        Self { schema, name, key: Key::Column(key), signed: Signed::Payload(payload), json: JsonForm::Text }
    }
}

/// What names a row: columns that are unique together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// This column.
    Column(String),
    /// These columns together.
    Columns(Vec<String>),
    /// The table's primary key.
    Primary,
}

impl Key {
    /// The columns, in the order of the manifest; `None` where the table has to say it.
    #[must_use]
    pub fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Column(column) => Some(std::slice::from_ref(column)),
            Self::Columns(columns) => Some(columns),
            Self::Primary => None,
        }
    }

    /// The member of the manifest that names them, or could.
    #[must_use]
    pub fn member(&self) -> &'static str {
        match self {
            Self::Column(_) => "key",
            Self::Columns(_) | Self::Primary => "keyColumns",
        }
    }
}

/// What of a row is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The bytes of this column.
    Payload(String),
    /// These columns, as a canonical row (docs/formats.md).
    Columns(Vec<String>),
}

impl Signed {
    /// The columns, in the order of the manifest.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Payload(column) => std::slice::from_ref(column),
            Self::Columns(columns) => columns,
        }
    }

    /// The member of the manifest that names them.
    #[must_use]
    pub fn member(&self) -> &'static str {
        match self {
            Self::Payload(_) => "payload",
            Self::Columns(_) => "columns",
        }
    }
}

/// Which text of json and jsonb is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum JsonForm {
    /// The text that Postgres gives: of json as it was stored, of jsonb in Postgres' own form.
    #[default]
    Text,
    /// Canonical JSON (RFC 8785), so that texts of one value are signed alike. A value that has none is rejected, such as a number that
    /// a double does not hold.
    #[serde(rename = "JCS")]
    Jcs,
}

words!(JsonForm { Text => "Text", Jcs => "JCS" });

/// Which table to sign, which of its columns name a row, and which are signed. Exactly one of payload and columns has to be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.schema in ['vaultstream', 'information_schema']) && !self.schema.startsWith('pg_')")
        .message("schema must not be vaultstream, information_schema or one that begins with pg_")
        .field_path(".schema"),
    validation = Rule::new("has(self.payload) != has(self.columns)")
        .message("table needs exactly one of its members payload and columns"),
    validation = Rule::new("!has(self.key) || !has(self.keyColumns)")
        .message("table may have one of its members key and keyColumns")
)]
pub(crate) struct Members {
    /// The table's schema.
    #[serde(default = "defaults::table_schema")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    schema: String,

    /// The name of a table, partitioned table, view, materialized view or foreign table, spelled as Postgres has it.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    name: String,

    /// The column that names a row: the short form of keyColumns for one column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    key: Option<String>,

    /// The columns that name a row together; the primary key by default. Each is NOT NULL, and a unique index has them or some of
    /// them; of a view, rows of one key are rejected. Types are integers, uuid, text, varchar, char, boolean, date, time,
    /// timestamp, numeric, bytea and inet. One smallint, integer or bigint is the record's id itself. Of other keys the ledger keeps
    /// a list, and the ids are places in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(
        length(min = 1, max = limits::MAX_KEY_COLUMNS),
        inner(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))
    )]
    key_columns: Option<Vec<String>>,

    /// The column that is signed: bytea as its bytes; text, varchar, json, jsonb and uuid as Postgres' text of them, in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    payload: Option<String>,

    /// The columns that are signed together, as a canonical row: their names, their values as text or bytes, NULL as itself, and the
    /// job's uid before them. Types are bytea, text, varchar, char, json, jsonb, uuid, boolean, numbers, dates, times, intervals, bit
    /// strings and network addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(
        length(min = 1, max = limits::MAX_SIGNED_COLUMNS),
        inner(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))
    )]
    columns: Option<Vec<String>>,

    /// Text (the default) signs the text that Postgres gives of json and jsonb, JCS their canonical form (RFC 8785).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<JsonForm>,
}

/// Not as many of two members were given as belong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOneOfBoth {
    /// Of what is signed.
    #[error("table needs exactly one of its members payload and columns")]
    Signed,
    /// Of what names a row.
    #[error("table may have one of its members key and keyColumns")]
    Key,
}

impl TryFrom<Members> for TableSource {
    type Error = NotOneOfBoth;

    fn try_from(members: Members) -> Result<Self, NotOneOfBoth> {
        let Members { schema, name, key, key_columns, payload, columns, json } = members;
        let key = match (key, key_columns) {
            (Some(column), None) => Key::Column(column),
            (None, Some(columns)) => Key::Columns(columns),
            (None, None) => Key::Primary,
            (Some(_), Some(_)) => return Err(NotOneOfBoth::Key),
        };
        let signed = match (payload, columns) {
            (Some(column), None) => Signed::Payload(column),
            (None, Some(columns)) => Signed::Columns(columns),
            (Some(_), Some(_)) | (None, None) => return Err(NotOneOfBoth::Signed),
        };
        Ok(Self { schema, name, key, signed, json: json.unwrap_or_default() })
    }
}

impl From<TableSource> for Members {
    fn from(table: TableSource) -> Self {
        let TableSource { schema, name, key, signed, json } = table;
        let (key, key_columns) = match key {
            Key::Column(column) => (Some(column), None),
            Key::Columns(columns) => (None, Some(columns)),
            Key::Primary => (None, None),
        };
        let (payload, columns) = match signed {
            Signed::Payload(column) => (Some(column), None),
            Signed::Columns(columns) => (None, Some(columns)),
        };
        // Jobs of earlier versions have no such member, and keep the hash of their spec.
        let json = (json != JsonForm::default()).then_some(json);
        Self { schema, name, key, key_columns, payload, columns, json }
    }
}

impl JsonSchema for TableSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TableSource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Members::json_schema(generator)
    }
}
