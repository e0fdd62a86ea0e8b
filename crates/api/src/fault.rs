//! What is wrong with a manifest, fault by fault, each with its place.

use std::fmt;

use crate::error::FieldError;
use crate::places::{Place, Places};

/// One thing that is wrong with a manifest, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    place: Place,
    sentence: String,
}

impl Fault {
    /// More faults of one text than this are not looked for.
    pub(crate) const MOST: usize = 50;

    pub(crate) fn new(place: Place, sentence: impl Into<String>) -> Self {
        Self { place, sentence: sentence.into() }
    }

    pub(crate) fn of(error: &FieldError, places: &Places) -> Self {
        Self::new(places.of(error.path()), error.to_string())
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence)
    }
}

/// Why a text holds no SigningJobs that can be run: all that is wrong with it, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    faults: Vec<Fault>,
}

impl ManifestError {
    pub(crate) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(Fault::place);
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
