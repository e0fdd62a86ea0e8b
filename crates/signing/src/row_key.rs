//! The key of a row of a table whose rows have ordinals: in a record's leaf it stands beside the id, so that no signature can be said to be
//! that of another row.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Hash;

/// The values of a row's key, each as Postgres' text of it (docs/formats.md); in JSON the list of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct RowKey(Vec<String>);

impl RowKey {
    /// Of these values, in the order of the key's columns.
    #[must_use]
    pub fn new(values: Vec<String>) -> Self {
        Self(values)
    }

    /// The values, in the order of the key's columns.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.0
    }

    /// The values as a list in canonical JSON (RFC 8785).
    #[must_use]
    pub fn json(&self) -> String {
        let mut text = Vec::new();
        put_json(self.0.iter().map(String::as_str), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// What leaves have of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        key_hash(self.0.iter().map(String::as_str), &mut Vec::new())
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json())
    }
}

/// SHA-256 of the values as a list in canonical JSON, for which `scratch` lends its memory.
#[must_use]
pub fn key_hash<'a>(values: impl IntoIterator<Item = &'a str>, scratch: &mut Vec<u8>) -> Hash {
    scratch.clear();
    put_json(values, scratch);
    Sha256::digest(scratch).into()
}

fn put_json<'a>(values: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Its escapes are those of RFC 8785, and a write to memory does not fail.
        let _ = serde_json::to_writer(&mut *out, value);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use crate::jcs::canonicalize;

    #[test]
    fn a_key_is_a_list_of_texts_in_canonical_json() {
        for (values, json) in [
            (vec!["0190d4e2-0000-7000-8000-000000000001"], r#"["0190d4e2-0000-7000-8000-000000000001"]"#),
            (vec!["north", "-7"], r#"["north","-7"]"#),
            (
                vec!["a\"b\\c/\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}é\u{2028}😀"],
                "[\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0001\\u001f\u{7f}é\u{2028}😀\"]",
            ),
            (vec![""], r#"[""]"#),
        ] {
            let key = RowKey::new(values.iter().map(|value| (*value).to_owned()).collect());
            assert_eq!((key.json(), key.to_string()), (json.to_owned(), json.to_owned()));
            let mut canonical = Vec::new();
            canonicalize(json.as_bytes(), &mut canonical).unwrap();
            assert_eq!(canonical, json.as_bytes());
            assert_eq!(key.hash(), Digest::of(json.as_bytes()).0);
            assert_eq!(key_hash(values, &mut vec![7; 90]), key.hash());
        }
    }
}
