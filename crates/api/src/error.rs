//! Errors about a field: one sentence that names the field, its value and what to do.

use std::fmt;

/// Length limit of a value in an error; a longer one is cut off.
pub(crate) const VALUE: usize = 80;
/// Length limit of a path in an error, above that of the longest path of the schema.
const PATH: usize = 250;

/// An error about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    path: String,
    /// The part of the sentence after the path.
    finding: String,
}

impl FieldError {
    /// A field whose value has to change.
    pub(crate) fn new(path: impl Into<String>, value: impl fmt::Display, advice: impl fmt::Display) -> Self {
        let finding = match shown(&value.to_string(), VALUE).as_str() {
            "" => format!(" is empty: {advice}"),
            value => format!(" is {value}: {advice}"),
        };
        Self { path: path.into(), finding }
    }

    /// A field about which the sentence does not repeat the value.
    pub(crate) fn about(path: impl Into<String>, sentence: impl fmt::Display) -> Self {
        Self { path: path.into(), finding: format!(" {sentence}") }
    }

    /// A field that does not exist there.
    pub(crate) fn unknown(path: impl Into<String>, tip: impl fmt::Display) -> Self {
        Self { path: path.into(), finding: format!(": unknown field; {tip}") }
    }

    /// The field, as a path from the manifest's root such as `spec.keys.lease.duration`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", shown(&self.path, PATH), self.finding)
    }
}

impl std::error::Error for FieldError {}

/// A user's text as it is repeated in an error: cut off at `most` characters, with control characters escaped.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            _ if index == most => {
                shown.push('…');
                break;
            }
            '\n' | '\r' => shown.push(' '),
            character if character.is_control() => shown.extend(character.escape_debug()),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_text_is_shown_in_one_line_without_control_characters_and_not_too_long() {
        let cases =
            [("ab", "ab"), ("äbc", "äbc"), ("abcd", "abc…"), ("a\nb", "a b"), ("\r", " "), ("a\u{1b}", "a\\u{1b}")];
        for (text, expected) in cases {
            assert_eq!(shown(text, 3), expected, "{text:?}");
        }
    }
}
