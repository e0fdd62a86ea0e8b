//! `spec.source`: where a job's records come from.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{defaults, limits, table::TableSource};

/// Where the records come from; in a manifest an object with exactly one of the members `generate` and `table`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub enum Source {
    /// Synthetic records, made in the ledger.
    Generate(GenerateSource),
    /// The rows of an existing table.
    Table(TableSource),
}

/// Where the records come from. Exactly one member has to be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.generate) != has(self.table)")
        .message("source needs exactly one of its members generate and table")
)]
pub(crate) struct Members {
    /// Make synthetic records in the database: for trials, tests and benchmarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generate: Option<GenerateSource>,

    /// Sign the rows of an existing table, partitioned table, materialized view, foreign table or view where they are; no payload
    /// is copied. Tables from which others inherit cannot be signed, and a view needs a login of its own, because it runs code of its owner. On Kubernetes the login that the connection Secret gives the workers for tables
    /// (SOURCE_DATABASE_URL, else DATABASE_URL) needs SELECT on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<TableSource>,
}

/// How many synthetic records to make, and how large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateSource {
    /// How many records; their ids are 1 to this number.
    #[schemars(range(min = 1, max = limits::MAX_RECORDS))]
    pub records: u64,

    /// Bytes of every record's payload.
    #[serde(default = "defaults::payload_bytes")]
    #[schemars(range(min = 0, max = limits::MAX_GENERATED_PAYLOAD))]
    pub payload_bytes: u32,
}

/// Not exactly one member was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("source needs exactly one of its members generate and table")]
pub struct NotOneMember;

impl TryFrom<Members> for Source {
    type Error = NotOneMember;

    fn try_from(members: Members) -> Result<Self, NotOneMember> {
        match members {
            Members { generate: Some(generate), table: None } => Ok(Self::Generate(generate)),
            Members { generate: None, table: Some(table) } => Ok(Self::Table(table)),
            Members { generate: Some(_), table: Some(_) } | Members { generate: None, table: None } => {
                Err(NotOneMember)
            }
        }
    }
}

impl From<Source> for Members {
    fn from(source: Source) -> Self {
        match source {
            Source::Generate(generate) => Self { generate: Some(generate), table: None },
            Source::Table(table) => Self { generate: None, table: Some(table) },
        }
    }
}

impl JsonSchema for Source {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Members::json_schema(generator)
    }
}
