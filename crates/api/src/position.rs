//! The positions of a document's values in its text.

use std::fmt;

/// A position in a text; line and column are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The position of a value and of the values in it. The position of a field is that of its name.
#[derive(Debug)]
pub(crate) struct Positions {
    position: Position,
    inner: Vec<(String, Self)>,
}

impl Positions {
    pub(crate) fn new(position: Position) -> Self {
        Self { position, inner: Vec::new() }
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Adds the position of a field, or of an item by its number.
    pub(crate) fn push(&mut self, name: String, positions: Self) {
        self.inner.push((name, positions));
    }

    /// The positions in a field.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.inner.iter().find(|(known, _)| known == name).map(|(_, positions)| positions)
    }

    /// The position of a path such as `spec.workers.template.env[0].name`; for a missing field, that of the nearest value around it.
    pub(crate) fn of(&self, path: &str) -> Position {
        // A name in brackets may contain dots, so the longest name that fits is the one.
        let step = |(name, positions): &(String, Self)| {
            let rest = path.strip_prefix(['.', '[']).unwrap_or(path).strip_prefix(name.as_str())?;
            let rest = rest.strip_prefix(']').unwrap_or(rest);
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| (name.len(), positions.of(rest)))
        };
        if path.is_empty() {
            return self.position;
        }
        self.inner
            .iter()
            .filter_map(step)
            .max_by_key(|(length, _)| *length)
            .map_or(self.position, |(_, position)| position)
    }
}

#[cfg(test)]
mod tests {
    use crate::yaml::read;

    #[test]
    fn every_value_is_found_by_its_path() {
        let text = "a:\n  b.c:\n    - x: 1\n      y: 2\n  b: {d: 3}\n";
        let (documents, _) = read(text);
        let cases = [
            ("a", "1:1"),
            ("a[b.c]", "2:3"),
            ("a[b.c][0]", "3:7"),
            ("a[b.c][0].y", "4:7"),
            ("a[b.c][0].missing.more", "3:7"),
            ("a.b.d", "5:7"),
            ("a.missing", "1:1"),
            ("missing", "1:1"),
        ];
        for (path, position) in cases {
            assert_eq!(documents[0].positions.of(path).to_string(), position, "{path}");
        }
    }
}
