//! Where arrivals of a table are, and whether new rows are noted.

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
