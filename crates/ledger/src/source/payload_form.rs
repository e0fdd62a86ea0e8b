//! From what a query reads of a record to the payload that is signed.

use std::borrow::Cow;

use uuid::Uuid;
use vaultstream_api::{JsonForm, Signed, TableSource};
use vaultstream_signing::{
    RowForm,
    jcs::{NotCanonical, canonicalize},
    row::NoCanonicalRow,
};

use super::types::is_json;

/// What is done with what is read.
#[derive(Clone, Debug)]
pub(crate) enum PayloadForm {
    /// Nothing: it is the payload.
    AsRead,
    /// It is JSON, which is signed in its canonical form.
    Json,
    /// It is a row, with JSON in some places.
    JsonInRow {
        /// The row's columns, as the manifest has them.
        columns: Vec<String>,
        form: RowForm,
        places: Vec<usize>,
    },
}

/// A record has no payload in canonical form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPayload {
    #[error(transparent)]
    Json(#[from] NotCanonical),
    #[error("column {column}: {why}")]
    InColumn { column: String, why: NotCanonical },
    #[error(transparent)]
    Row(NoCanonicalRow),
}

impl PayloadForm {
    /// `types` are those of the columns that are signed.
    pub(super) fn of(table: &TableSource, job: Uuid, types: &[String]) -> Self {
        let places: Vec<usize> = (0..types.len()).filter(|at| is_json(&types[*at])).collect();
        match (&table.signed, table.json) {
            (_, JsonForm::Text) => Self::AsRead,
            (_, JsonForm::Jcs) if places.is_empty() => Self::AsRead,
            (Signed::Payload(_), JsonForm::Jcs) => Self::Json,
            (Signed::Columns(columns), JsonForm::Jcs) => {
                Self::JsonInRow { columns: columns.clone(), form: RowForm::new(job, columns), places }
            }
        }
    }

    /// The payload, of what was read.
    ///
    /// # Errors
    ///
    /// When there is none: JSON without a canonical form.
    pub(crate) fn payload<'a>(&self, read: &'a [u8]) -> Result<Cow<'a, [u8]>, NoPayload> {
        match self {
            Self::AsRead => Ok(Cow::Borrowed(read)),
            Self::Json => {
                let mut payload = Vec::with_capacity(read.len());
                canonicalize(read, &mut payload)?;
                Ok(Cow::Owned(payload))
            }
            Self::JsonInRow { columns, form, places } => match form.with_canonical_json(read, places) {
                Ok(row) => Ok(Cow::Owned(row)),
                Err(NoCanonicalRow::Json { column, source: why }) => {
                    let column = columns.get(column).cloned().unwrap_or_default();
                    Err(NoPayload::InColumn { column, why })
                }
                Err(error) => Err(NoPayload::Row(error)),
            },
        }
    }

    /// The payload now, of what was read of a record that was signed. What has no canonical form was not what was signed, and is shown as
    /// it is read.
    pub(crate) fn payload_now<'a>(&self, read: &'a [u8]) -> Cow<'a, [u8]> {
        self.payload(read).unwrap_or(Cow::Borrowed(read))
    }
}
