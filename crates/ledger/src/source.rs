//! Where a job's records are read from: its own partition, or a table of a database.

mod advice;
pub mod arrivals;
mod by_key;
mod error;
mod facts;
mod follow;
mod judge;
mod key_columns;
mod look;
mod names;
mod nearest;
mod payload_form;
mod read_from;
mod types;
mod walk;

pub use arrivals::{Arrivals, TriggerState};
pub use error::{Lack, Lacking, SourceError, TableError};
pub(crate) use facts::{Facts, NoFacts};
pub(crate) use follow::find_arrivals;
pub(crate) use judge::{Fit, ViewUse, runs_no_code, unchanged};
pub(crate) use key_columns::KeyExpressions;
pub(crate) use look::{check, facts};
pub use look::{check_planned, look_at_table};
pub(crate) use names::{literal, quoted, records_partition, rows_table, signatures_partition};
pub(crate) use read_from::ReadFrom;
pub(crate) use walk::{Next, RELEASE, ROLLBACK, SAVEPOINT, next_row};
