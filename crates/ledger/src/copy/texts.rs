//! The values of a row's key as texts in one field: that of one column alone, and several as `record_send` writes them, which is their
//! number, and for each its type, length and bytes.

use vaultstream_signing::RowKey;

use super::rows::CopyError;

/// The texts in a field, of a key that has this many columns.
///
/// # Errors
///
/// When the field holds something else, NULL among it.
pub(crate) fn texts(field: &[u8], columns: usize) -> Result<Vec<&str>, CopyError> {
    let values = if columns == 1 { Some(vec![field]) } else { several(field) };
    let values = values.filter(|values| values.len() == columns).ok_or(CopyError::NotTexts)?;
    values.into_iter().map(|value| std::str::from_utf8(value).map_err(|_| CopyError::NotTexts)).collect()
}

/// The key in a field.
///
/// # Errors
///
/// As [`texts`].
pub(crate) fn row_key(field: Option<&[u8]>, columns: usize) -> Result<RowKey, CopyError> {
    let texts = texts(field.ok_or(CopyError::NotTexts)?, columns)?;
    Ok(RowKey::new(texts.into_iter().map(str::to_owned).collect()))
}

fn several(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let count = usize::try_from(number(&mut rest)?).ok()?;
    // Each value takes 8 bytes at least, so that no count makes room for more than was sent.
    let mut values = Vec::with_capacity(count.min(rest.len() / 8));
    for _ in 0..count {
        number(&mut rest)?;
        let length = usize::try_from(number(&mut rest)?).ok()?;
        let (value, others) = rest.split_at_checked(length)?;
        rest = others;
        values.push(value);
    }
    rest.is_empty().then_some(values)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(i32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(values: &[&[u8]]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes().to_vec();
        let values_of = values.iter().flat_map(|value| [number(25), number(value.len()), value.to_vec()].concat());
        number(values.len()).into_iter().chain(values_of).collect()
    }

    #[test]
    fn the_values_of_a_key_are_read_and_nothing_else_is() {
        let good = record(&["größe".as_bytes(), b"", b"-7"]);
        assert_eq!(row_key(Some(&good), 3).unwrap().values(), ["größe", "", "-7"]);
        for cut in 0..good.len() {
            assert_eq!(row_key(Some(&good[..cut]), 3), Err(CopyError::NotTexts), "{cut}");
        }
        for bad in [
            None,
            Some([good.as_slice(), b"x"].concat()),
            Some(record(&[b"a", b"b"])),
            Some([3_u32.to_be_bytes(), 25_u32.to_be_bytes(), u32::MAX.to_be_bytes()].concat()),
            Some(i32::MAX.to_be_bytes().to_vec()),
            Some(record(&[b"a", b"b", &[0xff]])),
        ] {
            assert_eq!(row_key(bad.as_deref(), 3), Err(CopyError::NotTexts), "{bad:?}");
        }
    }

    #[test]
    fn the_value_of_one_column_is_the_field_itself() {
        assert_eq!(row_key(Some(b"a b"), 1).unwrap().values(), ["a b"]);
        assert_eq!(row_key(Some(b""), 1).unwrap().values(), [""]);
        assert_eq!((row_key(None, 1), row_key(Some(&[0xff]), 1)), (Err(CopyError::NotTexts), Err(CopyError::NotTexts)));
    }
}
