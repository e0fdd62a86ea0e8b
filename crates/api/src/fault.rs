//! The faults of a manifest, each with its position.

use std::fmt;

use crate::error::FieldError;
use crate::position::{Position, Positions};

/// One fault of a manifest, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    position: Position,
    sentence: String,
}

impl Fault {
    /// Limit of the faults of one text; further ones are not looked for.
    pub(crate) const MOST: usize = 50;

    pub(crate) fn new(position: Position, sentence: impl Into<String>) -> Self {
        Self { position, sentence: sentence.into() }
    }

    pub(crate) fn of(error: &FieldError, positions: &Positions) -> Self {
        Self::new(positions.of(error.path()), error.to_string())
    }

    /// Its position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.sentence)
    }
}

/// Why a text has no SigningJobs that can be run: all its faults, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    faults: Vec<Fault>,
}

impl ManifestError {
    pub(crate) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(Fault::position);
        faults.truncate(Fault::MOST);
        Self { faults }
    }

    /// The faults; at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// One fault a line, each with its line and column.
impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestError {}
