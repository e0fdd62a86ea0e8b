//! Where a job's records are read from: its own partition, or a table of the database.

mod advice;
mod error;
mod facts;
mod judge;
mod names;
mod nearest;
mod read_from;
mod walk;

pub(crate) use advice::{child, refuse};
pub use error::{Lack, Lacking, SourceError};
pub(crate) use facts::{Facts, NoFacts};
pub(crate) use judge::{Fit, judge, unchanged};
pub(crate) use names::{is_reserved, literal, quoted, records_partition, signatures_partition};
pub(crate) use read_from::ReadFrom;
pub(crate) use walk::{Next, RELEASE, ROLLBACK, SAVEPOINT, next_row};
