//! Arrivals: the keys of new rows of a table, which a trigger writes down in the transaction that inserts the rows, until a job that follows the
//! table has planned them.
//!
//! All of it lies in the schema of the table, and belongs to the table's owner, with whose rights the trigger writes: whoever may insert rows
//! may still do so. `n` is the number (oid) that the table had when it was made; a restored table has another.
//!
//! | object | what |
//! | --- | --- |
//! | `vaultstream_arrivals_<n>` | a row for each new row: when it was written, its key as k1, k2, … |
//! | `vaultstream_follower_<n>` | the job that follows the table, if one does: at most one row |
//! | `vaultstream_note_<n>()` | the function of the triggers |
//! | trigger `vaultstream_arrivals` | after INSERT |
//! | trigger `vaultstream_changed_keys` | after an UPDATE that changes a key: by its key, the row is another record |
//!
//! What leads from a table to its arrivals is the function that its triggers call: by a number in the catalog, so that everything may be renamed but
//! the function. The names of the key's columns are the triggers' arguments, and the second trigger is bound to the columns themselves.
//! Both are kept by `pg_dump`, and that they differ says that a column was renamed.

mod disable;
mod enable;
mod error;
mod find;
mod lock;
mod make;
mod relation;
mod rights;
mod state;
mod status;

pub use disable::{Disabled, disable};
pub use enable::{Enable, Enabled, Outcome, enable};
pub use error::ArrivalsError;
pub use find::find;
pub use state::{Arrivals, TableName, TriggerState};
pub use status::{Follower, Status, status};
