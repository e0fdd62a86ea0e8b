//! The next keys of a table whose rows get ordinals.

use vaultstream_api::TableSource;
use vaultstream_signing::RowKey;

use super::plan::TablePlan;
use crate::copy::{CopyError, HEADER, KeyForm, TRAILER};
use crate::copy_out::{ReadError, stream};
use crate::queries::Queries;
use crate::source::{self, Fit, KeyExpressions, ReadFrom, SourceError, TableError};

/// Bytes of keys that a chunk may have; a longer one is cut, wherever that is in a batch.
const BYTES_LIMIT: usize = 8 << 20;

/// Bytes of a key as text: an index of Postgres has at most 2704, those of its own among them.
const KEY_LIMIT: usize = 2_600;

/// Rows of a chunk: some are read while others are stored.
const ROWS_LIMIT: i64 = 100_000;

/// The keys of a chunk.
#[derive(Clone, Debug)]
pub(super) struct KeyedRows {
    pub(super) count: i64,
    /// Each for COPY FROM, with the ordinal first.
    pub(super) copied: Copied,
    /// The last one.
    pub(super) last: Option<RowKey>,
}

/// Rows for COPY FROM, in the format that costs least for the form of their keys.
#[derive(Clone, Debug)]
pub(super) enum Copied {
    /// Lines.
    Text(Vec<u8>),
    /// All between the header and the trailer.
    Binary(Vec<u8>),
}

impl Copied {
    fn of(form: KeyForm) -> Self {
        match form {
            KeyForm::Uuid => Self::Binary(HEADER.to_vec()),
            KeyForm::Texts(_) => Self::Text(Vec::new()),
        }
    }

    /// As the options of COPY have it.
    pub(super) fn format(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }

    /// Adds a row. Returns how many bytes its key has.
    fn put(&mut self, form: KeyForm, ordinal: i64, field: &[u8]) -> Result<usize, CopyError> {
        match self {
            Self::Text(lines) => form.with_texts(Some(field), |values| {
                put_line(lines, ordinal, values);
                values.iter().map(|value| value.len()).sum()
            }),
            Self::Binary(rows) => {
                put_row(rows, ordinal, field);
                Ok(field.len())
            }
        }
    }

    /// Nothing follows.
    fn end(&mut self) {
        if let Self::Binary(rows) = self {
            rows.extend(TRAILER);
        }
    }
}

/// Reads the next keys, `wanted` of them at most. True with the last ones.
pub(super) async fn read(
    tx: &Queries<'_>,
    from: &ReadFrom,
    fit: &Fit,
    table: &TableSource,
    plan: &TablePlan,
    wanted: i64,
) -> Result<(KeyedRows, bool), TableError> {
    let is_view = !from.row_key.as_ref().is_some_and(KeyExpressions::is_indexed);
    if is_view && plan.after.is_none() {
        check_keys(tx, from, table).await?;
    }
    let form = KeyForm::of(&fit.key.types);
    let mut rows = KeyedRows { count: 0, copied: Copied::of(form), last: None };
    let wanted = wanted.min(ROWS_LIMIT);
    let (mut ordinal, mut came) = (plan.cursor.unwrap_or(0), 0);
    let (mut longest, mut last) = (0, Vec::new());
    let sql = from.row_keys(&fit.order, plan.after.as_ref(), wanted);
    let read = stream::<1, ReadError>(tx.client(), &sql, |[key]| {
        came += 1;
        if rows.copied.bytes().len() < BYTES_LIMIT {
            let field = key.ok_or(CopyError::NotAKey)?;
            ordinal += 1;
            longest = longest.max(rows.copied.put(form, ordinal, field)?);
            rows.count += 1;
            last.clear();
            last.extend(field);
        }
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    rows.copied.end();
    if longest > KEY_LIMIT {
        let (member, key) = (table.key.member(), fit.key.columns.join(", "));
        return Err(SourceError::KeyTooLong { member, key, bytes: longest, most: KEY_LIMIT }.into());
    }
    if rows.count > 0 {
        let last = form.key(Some(&last)).map_err(ReadError::from);
        rows.last = Some(last.map_err(ReadError::into_query)?);
    }
    let is_last = came < wanted && came == rows.count;
    if is_last && is_view {
        // Rows without a key that came meanwhile.
        check_keys(tx, from, table).await?;
    }
    Ok((rows, is_last))
}

/// Makes sure that each row of a view has a key.
async fn check_keys(tx: &Queries<'_>, from: &ReadFrom, table: &TableSource) -> Result<(), TableError> {
    let without: i64 = tx.query_one(&from.without_a_key(), &[]).await?.get("rows");
    if without == 0 {
        return Ok(());
    }
    let facts = source::facts(tx.client(), table).await?;
    Err(facts.null_keys(table, without).into())
}

/// A line of COPY in text format.
fn put_line(lines: &mut Vec<u8>, ordinal: i64, values: &[&str]) {
    lines.extend(ordinal.to_string().as_bytes());
    for value in values {
        lines.push(b'\t');
        for byte in value.bytes() {
            match byte {
                b'\\' => lines.extend(b"\\\\"),
                b'\t' => lines.extend(b"\\t"),
                b'\n' => lines.extend(b"\\n"),
                b'\r' => lines.extend(b"\\r"),
                other => lines.push(other),
            }
        }
    }
    lines.push(b'\n');
}

/// A row (ordinal int8, key) of COPY in binary format.
fn put_row(rows: &mut Vec<u8>, ordinal: i64, field: &[u8]) {
    rows.extend(2_i16.to_be_bytes());
    rows.extend(8_i32.to_be_bytes());
    rows.extend(ordinal.to_be_bytes());
    rows.extend(i32::try_from(field.len()).unwrap_or(i32::MAX).to_be_bytes());
    rows.extend(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_whatever_it_holds() {
        let mut lines = Vec::new();
        put_line(&mut lines, 7, &["a\tb\\.\n", "", "\\N"]);
        assert_eq!(lines, b"7\ta\\tb\\\\.\\n\t\t\\\\N\n");
    }

    #[test]
    fn uuids_are_copied_as_they_came() {
        let mut copied = Copied::of(KeyForm::Uuid);
        assert_eq!(copied.put(KeyForm::Uuid, 258, &[7; 16]), Ok(16));
        copied.end();
        let row = [&[0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 16][..], &[7; 16]].concat();
        assert_eq!(
            (copied.format(), copied.bytes()),
            ("binary", [&HEADER[..], &row, &[0xff, 0xff]].concat().as_slice())
        );
    }
}
