//! What keys of rows the records of a bundle have.

use vaultstream_signing::{
    Receipt, RecordName, RowKey,
    receipt::{IdsAre, SignedSource},
};

use super::line::HeaderLine;

/// What keys of rows the records of a bundle have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowKeys {
    /// The format of the bundle.
    format: u32,
    /// How many values each has, where a receipt says it.
    length: Option<usize>,
}

impl RowKeys {
    pub(super) fn of(header: &HeaderLine, receipt: Option<&Receipt>) -> Self {
        let source = receipt.and_then(|receipt| Some(&receipt.details.as_ref()?.source));
        Self { format: header.bundle, length: source.and_then(key_columns).map(<[_]>::len) }
    }

    /// Whether they have any.
    pub(super) fn are_there(self) -> bool {
        self.format == HeaderLine::FORMAT_WITH_KEYS
    }

    /// What a record with this key is called in its tree.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn name(self, id: i64, key: Option<&RowKey>) -> Result<RecordName, String> {
        match (key, self.are_there()) {
            (None, true) => Err(format!("record {id} has no key of its row")),
            (Some(_), false) => Err(format!("record {id} has a key in a bundle of format {}", self.format)),
            (Some(key), true) if self.length.is_some_and(|length| length != key.values().len()) => Err(format!(
                "record {id} has a key of another number of columns ({}) than the receipt names",
                key.values().len()
            )),
            (key, _) => Ok(RecordName { id, key: key.map(RowKey::hash) }),
        }
    }

    /// Whether the receipt is one of such a bundle.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn agree_with(self, receipt: &Receipt) -> Result<(), String> {
        let ids = receipt.details.as_ref().and_then(|details| details.source.ids());
        match (ids == Some(IdsAre::Ordinals), self.are_there()) {
            (true, false) => Err(format!(
                "the receipt says that ids are ordinals, and a bundle of format {} has no keys of rows",
                self.format
            )),
            (false, true) => {
                Err("records have the keys of their rows, and the receipt does not say that ids are ordinals"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// The columns of the key of a row.
pub(super) fn key_columns(source: &SignedSource) -> Option<&[String]> {
    match source {
        SignedSource::Generated => None,
        SignedSource::Table { key_columns, .. } | SignedSource::Rows { key_columns, .. } => Some(key_columns),
    }
}
