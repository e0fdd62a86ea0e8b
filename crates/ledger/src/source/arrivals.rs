//! Arrivals: the keys of new rows of a table, which a trigger writes down in the transaction that inserts the rows, until a job that follows the
//! table has planned them.
//!
//! All of it lies in the schema of the table, and belongs to the table's owner, with whose rights the trigger writes: whoever may insert rows
//! may still do so. `n` is the number (oid) that the table had when it was made; a restored table has another.
//!
//! | object | what |
//! | --- | --- |
//! | `vaultstream_arrivals_<n>` | a row for each new row: its number, when it was written, its key as k1, k2, … |
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
mod status;

use std::time::Duration;

pub use disable::{Disabled, disable};
pub use enable::{Enable, Enabled, Outcome, enable};
pub use error::ArrivalsError;
pub use find::find;
pub use status::{Follower, Status, status};

/// How long to wait for the transactions that have written to the table, unless told otherwise. Meanwhile other writers wait, too.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A table's name, as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The name.
    pub name: String,
}

/// Where arrivals of a table are, as the catalog says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// The number of the arrivals table. Another one means that arrivals may have been missed.
    pub oid: u32,
    /// The arrivals table, as SQL writes it, with its schema.
    pub table: String,
    /// The table with the job that follows, as SQL writes it, with its schema.
    pub follower: String,
    /// The key's columns, whose values are k1, k2, … of an arrival, by the names that they had when the trigger was made. None where it is missing.
    pub columns: Vec<String>,
    /// Whether new rows are noted.
    pub trigger: TriggerState,
}

/// Whether new rows are noted. Of several triggers, and of those of partitions, the worst state counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TriggerState {
    /// Those of all sessions, but for replicas' (`session_replication_role`).
    Enabled,
    /// Only those that a replica applies.
    ReplicaOnly,
    /// None.
    Disabled,
    /// The arrivals table is there, and a trigger is not.
    Missing,
}
