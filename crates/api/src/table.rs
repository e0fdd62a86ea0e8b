//! `spec.source.table`: a table, and what of its rows is signed.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{defaults, limits, pattern, word::words};

/// Which table to sign, which of its columns is a record's id, and what of its rows is signed; in a manifest an object with exactly one of
/// the members `payload` and `columns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct TableSource {
    /// The table's schema.
    pub schema: String,
    /// The table's name, spelled as Postgres has it.
    pub name: String,
    /// The column that is the record's id.
    pub key: String,
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
        Self { schema, name, key, signed: Signed::Payload(payload), json: JsonForm::Text }
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

/// Which table to sign, which of its columns is the record's id, and which are signed. Exactly one of payload and columns has to be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.schema in ['vaultstream', 'information_schema']) && !self.schema.startsWith('pg_')")
        .message("schema must not be vaultstream, information_schema or one that begins with pg_")
        .field_path(".schema"),
    validation = Rule::new("has(self.payload) != has(self.columns)")
        .message("table needs exactly one of its members payload and columns")
)]
pub(crate) struct Members {
    /// The table's schema.
    #[serde(default = "defaults::table_schema")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    schema: String,

    /// The table's name, spelled as Postgres has it.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    name: String,

    /// The column that is the record's id: smallint, integer or bigint, NOT NULL, with a unique index on it alone. A table that
    /// has only a uuid, text or composite key needs one more column, such as a bigint identity.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::SQL_NAME.regex))]
    key: String,

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

/// Not exactly one of them was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table needs exactly one of its members payload and columns")]
pub struct NotOneOfBoth;

impl TryFrom<Members> for TableSource {
    type Error = NotOneOfBoth;

    fn try_from(members: Members) -> Result<Self, NotOneOfBoth> {
        let Members { schema, name, key, payload, columns, json } = members;
        let signed = match (payload, columns) {
            (Some(column), None) => Signed::Payload(column),
            (None, Some(columns)) => Signed::Columns(columns),
            (Some(_), Some(_)) | (None, None) => return Err(NotOneOfBoth),
        };
        Ok(Self { schema, name, key, signed, json: json.unwrap_or_default() })
    }
}

impl From<TableSource> for Members {
    fn from(table: TableSource) -> Self {
        let TableSource { schema, name, key, signed, json } = table;
        let (payload, columns) = match signed {
            Signed::Payload(column) => (Some(column), None),
            Signed::Columns(columns) => (None, Some(columns)),
        };
        // Jobs of earlier versions have no such member, and keep the hash of their spec.
        let json = (json != JsonForm::default()).then_some(json);
        Self { schema, name, key, payload, columns, json }
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
