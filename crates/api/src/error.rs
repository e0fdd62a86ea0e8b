//! What is wrong with a field: one sentence that names the field, its value and what to do.

use std::fmt;

/// Longest piece of a value that an error repeats.
const SHOWN: usize = 80;

/// One finding about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    path: String,
    value: Option<String>,
    advice: String,
}

impl FieldError {
    /// A field with a value that cannot stay.
    pub(crate) fn new(path: impl Into<String>, value: impl fmt::Display, advice: impl Into<String>) -> Self {
        let mut value = value.to_string().replace(['\n', '\r'], " ");
        if let Some((end, _)) = value.char_indices().nth(SHOWN) {
            value.truncate(end);
            value.push('…');
        }
        Self { path: path.into(), value: Some(value), advice: advice.into() }
    }

    /// A field that is missing, or is none.
    pub(crate) fn about(path: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { path: path.into(), value: None, advice: advice.into() }
    }

    /// The field, as a path from the manifest's root such as `spec.keys.lease.duration`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, value, advice } = self;
        match value.as_deref() {
            Some("") => write!(f, "{path} is empty: {advice}"),
            Some(value) => write!(f, "{path} is {value}: {advice}"),
            None => write!(f, "{path} {advice}"),
        }
    }
}

impl std::error::Error for FieldError {}
