//! The next keys of a table whose rows get ordinals.

use vaultstream_api::TableSource;
use vaultstream_signing::RowKey;

use super::plan::TablePlan;
use crate::copy::{CopyError, row_key, texts};
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
    /// A line for COPY FROM of each, with the ordinal first.
    pub(super) lines: Vec<u8>,
    /// The last one.
    pub(super) last: Option<RowKey>,
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
    let mut rows = KeyedRows { count: 0, lines: Vec::new(), last: None };
    let (wanted, columns) = (wanted.min(ROWS_LIMIT), fit.key.columns.len());
    let (mut ordinal, mut came) = (plan.cursor.unwrap_or(0), 0);
    let (mut longest, mut last) = (0, Vec::new());
    let sql = from.row_keys(&fit.order, plan.after.as_ref(), wanted);
    let read = stream::<1, ReadError>(tx.client(), &sql, |[key]| {
        came += 1;
        if rows.lines.len() < BYTES_LIMIT {
            let field = key.ok_or(CopyError::NotTexts)?;
            let values = texts(field, columns)?;
            longest = longest.max(values.iter().map(|value| value.len()).sum());
            ordinal += 1;
            put_line(&mut rows.lines, ordinal, &values);
            rows.count += 1;
            last.clear();
            last.extend(field);
        }
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    if longest > KEY_LIMIT {
        let (member, key) = (table.key.member(), fit.key.columns.join(", "));
        return Err(SourceError::KeyTooLong { member, key, bytes: longest, most: KEY_LIMIT }.into());
    }
    if rows.count > 0 {
        let last = row_key(Some(&last), columns).map_err(ReadError::from);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_whatever_it_holds() {
        let mut lines = Vec::new();
        put_line(&mut lines, 7, &["a\tb\\.\n", "", "\\N"]);
        assert_eq!(lines, b"7\ta\\tb\\\\.\\n\t\t\\\\N\n");
    }
}
