//! What receipts say since format 3.

use serde::{Deserialize, Serialize};

use super::format::ReceiptFormat;

/// What receipts say since format 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptDetails {
    /// The version of the program that made the receipt.
    pub software_version: String,
    /// The cluster of the job.
    pub cluster: String,
    /// Where the records came from.
    pub source: SignedSource,
    /// How a record became the message that was signed: `Payload` or `Bound`.
    pub message: String,
    /// Batches of the job: the leaves under its root.
    pub tree_size: u64,
    /// Batches with a seal. The maker of the receipt has verified every signature of the others.
    pub sealed: u64,
    /// Signatures that were verified before they were committed; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures_checked: Option<u64>,
    /// When the receipt was made, by the clock of its maker.
    pub made_at: String,
}

/// Where the records of a job came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum SignedSource {
    /// They were made in the ledger.
    Generated,
    /// They are rows of a table, named as its server names it.
    Table {
        /// The schema.
        schema: String,
        /// The table.
        table: String,
        /// The columns that identify a row.
        key_columns: Vec<String>,
        /// The column that was signed.
        payload_column: String,
        /// `JCS`: as canonical JSON. Since format 4.
        #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
        json: Option<String>,
        /// What the ids of its records are. Since format 5.
        #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
        ids: Option<IdsAre>,
    },
    /// They are canonical rows of some columns of a table. Since format 4.
    Rows {
        /// The schema.
        schema: String,
        /// The table.
        table: String,
        /// The columns that identify a row.
        key_columns: Vec<String>,
        /// The columns that were signed, in this order.
        columns: Vec<String>,
        /// `JCS`: json and jsonb among them as canonical JSON.
        #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
        json: Option<String>,
        /// What the ids of its records are. Since format 5.
        #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
        ids: Option<IdsAre>,
    },
}

/// What the ids of the records of a table are. Absent in receipts of a spec that has its key as `key`, and ids that are its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdsAre {
    /// The values of its key, a column of integers.
    Keys,
    /// Ordinals: each record has the key of its row beside its id.
    Ordinals,
}

impl SignedSource {
    /// What ids are, where that is said.
    #[must_use]
    pub fn ids(&self) -> Option<IdsAre> {
        match self {
            Self::Generated => None,
            Self::Table { ids, .. } | Self::Rows { ids, .. } => *ids,
        }
    }

    /// The format of receipts that tell of such a source and are no checkpoints.
    #[must_use]
    pub fn format(&self) -> ReceiptFormat {
        match self {
            Self::Table { ids: Some(_), .. } | Self::Rows { ids: Some(_), .. } => ReceiptFormat::V5,
            Self::Generated | Self::Table { json: None, .. } => ReceiptFormat::V3,
            Self::Table { json: Some(_), .. } | Self::Rows { .. } => ReceiptFormat::V4,
        }
    }
}
