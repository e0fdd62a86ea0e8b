//! The key of a row in one field, as it travels: a uuid as its bytes, the value of another column alone as its text, and several as
//! `record_send` writes their texts, which is their number, and for each its type, length and bytes.

use uuid::Uuid;
use vaultstream_signing::{Hash, RowKey, row_key::key_hash};

use super::rows::CopyError;

/// How keys travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// One column with a uuid: 16 bytes, which take the server a fraction of what its text does. They ascend as Postgres compares uuids.
    Uuid,
    /// The texts of this many columns.
    Texts(usize),
}

impl KeyForm {
    /// Of columns of these types, by `typname`.
    pub(crate) fn of(types: &[String]) -> Self {
        match types {
            [one] if one == "uuid" => Self::Uuid,
            several => Self::Texts(several.len()),
        }
    }

    /// The field as an expression of SQL over the values of the columns.
    pub(crate) fn sql(self, values: impl Iterator<Item = String>) -> String {
        let value = |value| if self == Self::Uuid { value } else { format!("{value}::text") };
        let values: Vec<String> = values.map(value).collect();
        match values.as_slice() {
            [one] => one.clone(),
            several => format!("record_send(ROW({}))", several.join(", ")),
        }
    }

    /// The key in a field.
    ///
    /// # Errors
    ///
    /// When the field holds something else, NULL among it.
    pub(crate) fn key(self, field: Option<&[u8]>) -> Result<RowKey, CopyError> {
        let own = |texts: &[&str]| RowKey::new(texts.iter().copied().map(str::to_owned).collect());
        self.with_texts(field, own)
    }

    /// What leaves have of the key in a field, for which `scratch` lends its memory.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key).
    pub(crate) fn hash(self, field: &[u8], scratch: &mut Vec<u8>) -> Result<Hash, CopyError> {
        self.with_texts(Some(field), |texts| key_hash(texts.iter().copied(), scratch))
    }

    /// Does something with the texts in a field.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key).
    pub(crate) fn with_texts<T>(self, field: Option<&[u8]>, with: impl FnOnce(&[&str]) -> T) -> Result<T, CopyError> {
        let field = field.ok_or(CopyError::NotAKey)?;
        match self {
            Self::Uuid => {
                let uuid = Uuid::from_slice(field).map_err(|_| CopyError::NotAKey)?;
                Ok(with(&[uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())]))
            }
            Self::Texts(columns) => {
                let values = if columns == 1 { Some(vec![field]) } else { several(field) };
                let values = values.filter(|values| values.len() == columns).ok_or(CopyError::NotAKey)?;
                let texts = values.into_iter().map(|value| std::str::from_utf8(value).map_err(|_| CopyError::NotAKey));
                Ok(with(&texts.collect::<Result<Vec<&str>, _>>()?))
            }
        }
    }
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

    const NOT_A_KEY: Result<RowKey, CopyError> = Err(CopyError::NotAKey);

    fn record(values: &[&[u8]]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes().to_vec();
        let values_of = values.iter().flat_map(|value| [number(25), number(value.len()), value.to_vec()].concat());
        number(values.len()).into_iter().chain(values_of).collect()
    }

    #[test]
    fn the_values_of_a_key_are_read_and_nothing_else_is() {
        let (good, form) = (record(&["größe".as_bytes(), b"", b"-7"]), KeyForm::Texts(3));
        assert_eq!(form.key(Some(&good)).unwrap().values(), ["größe", "", "-7"]);
        for cut in 0..good.len() {
            assert_eq!(form.key(Some(&good[..cut])), NOT_A_KEY, "{cut}");
        }
        for bad in [
            None,
            Some([good.as_slice(), b"x"].concat()),
            Some(record(&[b"a", b"b"])),
            Some([3_u32.to_be_bytes(), 25_u32.to_be_bytes(), u32::MAX.to_be_bytes()].concat()),
            Some(i32::MAX.to_be_bytes().to_vec()),
            Some(record(&[b"a", b"b", &[0xff]])),
        ] {
            assert_eq!(form.key(bad.as_deref()), NOT_A_KEY, "{bad:?}");
        }
    }

    #[test]
    fn the_value_of_one_column_is_the_field_itself() {
        let form = KeyForm::of(&["text".to_owned()]);
        assert_eq!(form.key(Some(b"a b")).unwrap().values(), ["a b"]);
        assert_eq!(form.key(Some(b"")).unwrap().values(), [""]);
        assert_eq!((form.key(None), form.key(Some(&[0xff]))), (NOT_A_KEY, NOT_A_KEY));
    }

    #[test]
    fn a_uuid_alone_is_its_bytes_and_has_the_text_that_postgres_writes() {
        let form = KeyForm::of(&["uuid".to_owned()]);
        let bytes = [0x01, 0x90, 0xd4, 0xe2, 0xab, 0xcd, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff];
        let key = form.key(Some(&bytes)).unwrap();
        assert_eq!(key.values(), ["0190d4e2-abcd-7000-8000-0000000000ff"]);
        assert_eq!(form.hash(&bytes, &mut Vec::new()), Ok(key.hash()));
        assert_eq!((form.key(Some(&bytes[1..])), form.key(None)), (NOT_A_KEY, NOT_A_KEY));
        assert_eq!(KeyForm::of(&["uuid".to_owned(), "uuid".to_owned()]), KeyForm::Texts(2));
    }
}
