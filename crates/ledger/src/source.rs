//! Where a job's records are read from: its own partition, or somebody's table.

use vaultstream_api::Source;

use crate::ids::JobId;
use crate::jobs::Job;

/// The partition with the generated records of a job.
pub(crate) fn records_partition(job: JobId) -> String {
    format!("vaultstream.records_{job}")
}

/// The partition with the signatures of a job.
pub(crate) fn signatures_partition(job: JobId) -> String {
    format!("vaultstream.signatures_{job}")
}

/// An identifier as SQL writes it.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// What to write into a query to read records.
pub(crate) struct ReadFrom {
    /// Qualified table.
    pub(crate) table: String,
    /// The id column.
    pub(crate) key: String,
    /// An expression whose binary form is the bytes to sign.
    pub(crate) payload: String,
}

impl ReadFrom {
    pub(crate) fn of(job: &Job) -> Self {
        match &job.spec.source {
            Source::Generate(_) => {
                Self { table: records_partition(job.id), key: "id".to_owned(), payload: "payload".to_owned() }
            }
            Source::Table(table) => Self {
                table: format!("{}.{}", quoted(&table.schema), quoted(&table.name)),
                key: quoted(&table.key),
                payload: match job.payload_type.as_deref() {
                    Some("bytea") => quoted(&table.payload),
                    // The binary form of text is its bytes in the client's encoding, which is UTF-8.
                    _ => format!("{}::text", quoted(&table.payload)),
                },
            },
        }
    }
}
