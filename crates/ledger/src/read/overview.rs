//! What a page that shows the jobs while they run reads, again and again: whole tables in few statements.

mod batches;
mod rows;

pub use batches::{BatchCell, Batches, Moment, batches};
pub use rows::{JobFigures, JobRow, figures, rows};
