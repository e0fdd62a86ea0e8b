//! Several columns of a row as one message: the canonical row, `vaultstream/row/v1` (docs/formats.md).

use uuid::Uuid;

use crate::jcs::{NotCanonical, canonicalize};

/// First bytes of every canonical row, with the zero byte that ends them.
const DOMAIN: &[u8; 19] = b"vaultstream/row/v1\0";

/// The kinds of values: the numbers that Postgres has for text and bytea.
const TEXT: u32 = 25;
const BYTES: u32 = 17;

/// The length of a value that is NULL.
const NULL: u32 = u32::MAX;

/// The canonical rows of one job. Numbers are big-endian, of 4 bytes, and names are in UTF-8:
/// `"vaultstream/row/v1" 0x00 ‖ uid of the job (16 bytes) ‖ number of columns ‖ for each its name's length ‖ name ‖ …`, which is the same
/// for all rows, and then their values as `record_send` of Postgres writes them:
/// `number of columns ‖ for each 25 (text) or 17 (bytes) ‖ length ‖ value ‖ …`, where NULL has the length 2³² − 1 and no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowForm {
    prefix: Vec<u8>,
    columns: usize,
}

/// Bytes are not a row of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a row of the job's columns")]
pub struct NotARow;

/// A row has no form with canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCanonicalRow {
    /// The server wrote something else than a row.
    #[error(transparent)]
    NotARow(#[from] NotARow),
    /// Of the value in this place.
    #[error("{source}")]
    Json {
        /// Its place among the columns.
        column: usize,
        /// Why.
        source: NotCanonical,
    },
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowValue<'a> {
    /// It is of type bytea, and else the text of a value of another type.
    pub is_bytes: bool,
    /// `None` for NULL.
    pub value: Option<&'a [u8]>,
}

impl RowForm {
    /// The rows of these columns.
    #[must_use]
    pub fn new(job: Uuid, columns: &[String]) -> Self {
        let mut prefix = [DOMAIN.as_slice(), job.as_bytes(), &number(columns.len())].concat();
        for name in columns {
            prefix.extend(number(name.len()));
            prefix.extend(name.as_bytes());
        }
        Self { prefix, columns: columns.len() }
    }

    /// What precedes the values.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The values of a row.
    ///
    /// # Errors
    ///
    /// When it is not a row of these columns and this job, to the last byte.
    pub fn values<'a>(&self, row: &'a [u8]) -> Result<Vec<RowValue<'a>>, NotARow> {
        let mut rest = row.strip_prefix(self.prefix.as_slice()).ok_or(NotARow)?;
        if take_number(&mut rest)? as usize != self.columns {
            return Err(NotARow);
        }
        let values = (0..self.columns).map(|_| take_value(&mut rest)).collect::<Result<_, _>>()?;
        if rest.is_empty() { Ok(values) } else { Err(NotARow) }
    }

    /// The row with the texts in these places as canonical JSON.
    ///
    /// # Errors
    ///
    /// When it is not a row, or one of them has no canonical form.
    pub fn with_canonical_json(&self, row: &[u8], places: &[usize]) -> Result<Vec<u8>, NoCanonicalRow> {
        let values = self.values(row)?;
        let mut out = Vec::with_capacity(row.len());
        out.extend(&self.prefix);
        out.extend(number(self.columns));
        for (column, RowValue { is_bytes, value }) in values.into_iter().enumerate() {
            out.extend((if is_bytes { BYTES } else { TEXT }).to_be_bytes());
            let Some(value) = value else {
                out.extend(NULL.to_be_bytes());
                continue;
            };
            let at = out.len();
            out.extend(number(value.len()));
            if places.contains(&column) && !is_bytes {
                canonicalize(value, &mut out).map_err(|source| NoCanonicalRow::Json { column, source })?;
                let length = number(out.len() - at - 4);
                out[at..at + 4].copy_from_slice(&length);
            } else {
                out.extend(value);
            }
        }
        Ok(out)
    }
}

/// What fits into memory as a row fits into 4 bytes; Postgres has no value above 1 GiB.
fn number(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(NULL).to_be_bytes()
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], NotARow> {
    let (taken, others) = rest.split_at_checked(count).ok_or(NotARow)?;
    *rest = others;
    Ok(taken)
}

fn take_number(rest: &mut &[u8]) -> Result<u32, NotARow> {
    let bytes = take(rest, 4)?;
    Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

fn take_value<'a>(rest: &mut &'a [u8]) -> Result<RowValue<'a>, NotARow> {
    let is_bytes = match take_number(rest)? {
        TEXT => false,
        BYTES => true,
        _ => return Err(NotARow),
    };
    let value = match take_number(rest)? {
        NULL => None,
        length => Some(take(rest, length as usize)?),
    };
    Ok(RowValue { is_bytes, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Uuid = Uuid::from_u128(7);

    fn form() -> RowForm {
        RowForm::new(JOB, &["id".to_owned(), "größe".to_owned(), "doc".to_owned()])
    }

    fn row(values: &[(u32, Option<&[u8]>)]) -> Vec<u8> {
        let mut row = form().prefix().to_vec();
        row.extend(number(values.len()));
        for (kind, value) in values {
            row.extend(kind.to_be_bytes());
            row.extend(value.map_or(NULL.to_be_bytes(), |value| number(value.len())));
            row.extend(value.unwrap_or_default());
        }
        row
    }

    const VALUES: [(u32, Option<&[u8]>); 3] =
        [(TEXT, Some(b"1")), (BYTES, None), (TEXT, Some(b"{\"b\":1.0, \"a\":null}"))];

    #[test]
    fn a_row_begins_with_its_job_and_the_names_of_its_columns() {
        let hex: String = form().prefix().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "7661756c7473747265616d2f726f772f763100\
             00000000000000000000000000000007\
             00000003\
             000000026964\
             000000076772c3b6c39f65\
             00000003646f63"
        );
    }

    #[test]
    fn the_values_of_a_row_are_read_back() {
        let row = row(&VALUES);
        let values = form().values(&row).unwrap();
        let found: Vec<_> =
            values.iter().map(|value| (if value.is_bytes { BYTES } else { TEXT }, value.value)).collect();
        assert_eq!(found, VALUES);
    }

    #[test]
    fn what_is_not_a_row_of_these_columns_to_the_last_byte_is_none() {
        let good = row(&VALUES);
        for cut in 0..good.len() {
            assert_eq!(form().values(&good[..cut]), Err(NotARow), "{cut}");
        }
        assert_eq!(form().values(&[good.as_slice(), b"x"].concat()), Err(NotARow));
        assert_eq!(form().values(&row(&VALUES[..2])), Err(NotARow));
        assert_eq!(form().values(&row(&[VALUES[0], VALUES[1], (26, Some(b"{}"))])), Err(NotARow));
        let others = ["id".to_owned(), "größe".to_owned(), "doe".to_owned()];
        assert_eq!(RowForm::new(JOB, &others).values(&good), Err(NotARow));
        assert_eq!(RowForm::new(Uuid::from_u128(8), &others).values(&good), Err(NotARow));
        let mut miscounted = good.clone();
        miscounted[form().prefix().len() + 3] += 1;
        assert_eq!(form().values(&miscounted), Err(NotARow));
        // A length that goes beyond the end.
        let mut long = good.clone();
        let at = form().prefix().len() + 8;
        long[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(form().values(&long), Err(NotARow));
    }

    #[test]
    fn json_becomes_canonical_where_it_is_asked_for() {
        let expected = row(&[VALUES[0], VALUES[1], (TEXT, Some(b"{\"a\":null,\"b\":1}"))]);
        assert_eq!(form().with_canonical_json(&row(&VALUES), &[2]).unwrap(), expected);
        assert_eq!(form().with_canonical_json(&row(&VALUES), &[]).unwrap(), row(&VALUES));
        assert_eq!(form().with_canonical_json(&row(&VALUES), &[1]).unwrap(), row(&VALUES), "NULL is NULL");
        let broken = row(&[VALUES[0], VALUES[1], (TEXT, Some(b"{"))]);
        assert!(matches!(form().with_canonical_json(&broken, &[2]), Err(NoCanonicalRow::Json { column: 2, .. })));
        assert_eq!(form().with_canonical_json(b"x", &[2]), Err(NoCanonicalRow::NotARow(NotARow)));
    }
}
