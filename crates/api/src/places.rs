//! Where the values of a document stand in its text.

use std::fmt;

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The place of a value, and of all in it: of a field that of its name, of a list's item that of the item.
#[derive(Debug)]
pub(crate) struct Places {
    place: Place,
    inner: Vec<(String, Self)>,
}

impl Places {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, inner: Vec::new() }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Adds the place of a field, or of an item by its number.
    pub(crate) fn push(&mut self, name: String, places: Self) {
        self.inner.push((name, places));
    }

    /// The places in a field.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.inner.iter().find(|(known, _)| known == name).map(|(_, places)| places)
    }

    /// The place of a path such as `spec.workers.template.env[0].name`; of what is missing, that of the nearest value around.
    pub(crate) fn of(&self, path: &str) -> Place {
        // A name in brackets may contain dots, so the longest name that fits is the one.
        let step = |(name, places): &(String, Self)| {
            let rest = path.strip_prefix(['.', '[']).unwrap_or(path).strip_prefix(name.as_str())?;
            let rest = rest.strip_prefix(']').unwrap_or(rest);
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| (name.len(), places.of(rest)))
        };
        if path.is_empty() {
            return self.place;
        }
        self.inner.iter().filter_map(step).max_by_key(|(length, _)| *length).map_or(self.place, |(_, place)| place)
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
        for (path, place) in cases {
            assert_eq!(documents[0].places.of(path).to_string(), place, "{path}");
        }
    }
}
