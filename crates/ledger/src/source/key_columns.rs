//! The columns of a key in SQL: as values of a row, and of the keys that are wanted.

use vaultstream_signing::RowKey;

use super::facts::text_literal;
use super::names::quoted;
use crate::copy::KeyForm;
use crate::jobs::{RowAccess, RowIds, RowKeyColumns};

/// The columns of a key.
pub(crate) struct KeyExpressions {
    pub(super) columns: Vec<KeyColumn>,
    pub(crate) access: RowAccess,
}

pub(super) struct KeyColumn {
    pub(super) name: String,
    /// A value of a row.
    pub(super) value: String,
    /// `typname`.
    pub(super) type_name: String,
}

impl KeyExpressions {
    pub(super) fn of(key: &RowKeyColumns) -> Self {
        let column = |(name, type_name): (&String, &String)| KeyColumn {
            name: name.clone(),
            value: format!("source.{}", quoted(name)),
            type_name: type_name.clone(),
        };
        let columns = key.columns.iter().zip(&key.types).map(column).collect();
        let access = match key.ids {
            RowIds::Ordinals(access) => access,
            RowIds::Keys => RowAccess::Lookup,
        };
        Self { columns, access }
    }

    /// Rows are found through an index, and no table has to be read for some of them.
    pub(crate) fn is_indexed(&self) -> bool {
        self.access != RowAccess::Join
    }

    /// How keys of these columns travel.
    pub(super) fn form(&self) -> KeyForm {
        let types: Vec<String> = self.columns.iter().map(|column| column.type_name.clone()).collect();
        KeyForm::of(&types)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.value.as_str())
    }

    /// The values of a row, with commas between them.
    pub(super) fn list(&self) -> String {
        self.values().collect::<Vec<_>>().join(", ")
    }

    /// This key's values as literals, with commas between them.
    pub(super) fn literals(&self, key: &RowKey) -> String {
        let literals = self.columns.iter().zip(key.values());
        let literals = literals.map(|(column, text)| format!("{}::{}", text_literal(text), column.type_name));
        literals.collect::<Vec<_>>().join(", ")
    }

    /// A literal of each column of these texts, as an array: `w` with the columns k0, k1, … and their place n.
    pub(super) fn wanted<'k>(&self, keys: impl Iterator<Item = &'k RowKey> + Clone) -> String {
        let arrays = (0..self.columns.len()).map(|at| {
            let mut array = String::from("{");
            for (place, key) in keys.clone().enumerate() {
                if place > 0 {
                    array.push(',');
                }
                put_element(&mut array, key.values().get(at).map_or("", String::as_str));
            }
            array.push('}');
            format!("{}::text[]", text_literal(&array))
        });
        let arrays: Vec<String> = arrays.collect();
        let names: Vec<String> = (0..self.columns.len()).map(|at| format!("k{at}")).collect();
        format!("unnest({}) WITH ORDINALITY AS w ({}, n)", arrays.join(", "), names.join(", "))
    }

    pub(super) fn is_wanted(&self) -> String {
        let equal = self.columns.iter().enumerate().map(|(at, column)| {
            let KeyColumn { value, type_name, .. } = column;
            format!("{value} = w.k{at}::{type_name}")
        });
        equal.collect::<Vec<_>>().join(" AND ")
    }
}

/// An element of an array in a text.
fn put_element(array: &mut String, element: &str) {
    array.push('"');
    for character in element.chars() {
        if matches!(character, '"' | '\\') {
            array.push('\\');
        }
        array.push(character);
    }
    array.push('"');
}
