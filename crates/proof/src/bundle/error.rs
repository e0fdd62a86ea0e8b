//! Why a file is not a bundle, and what is wrong with a bundle.

use std::{io, path::PathBuf};

use serde::Serialize;

/// A file that is not a bundle of this format.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be opened or read.
    #[error("failed to read the bundle {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It does not begin as a bundle does.
    #[error("{} is not a bundle: {why}", path.display())]
    NotABundle {
        /// Which file.
        path: PathBuf,
        /// What its first line lacks.
        why: String,
    },
    /// A later version wrote it.
    #[error("{} has the bundle format {format}, which this version does not know: a later version can read it", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum BundleProblemKind {
    /// A line that is not as the format has it, or not where it has it.
    Line,
    /// A key that is not what its id says, or is there twice.
    Key,
    /// A batch whose lines, range or root contradict each other.
    Batch,
    /// A batch with a seal that its key did not make.
    Seal,
    /// No valid receipt, or one that says otherwise than the lines.
    Receipt,
}

/// What is wrong with a bundle, besides single records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleProblem {
    /// Its kind.
    pub kind: BundleProblemKind,
    /// A sentence.
    pub message: String,
}

impl BundleProblem {
    pub(super) fn new(kind: BundleProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
