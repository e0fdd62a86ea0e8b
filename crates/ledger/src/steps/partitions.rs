//! Partitions of records and signatures. They belong to the ledger's owner: functions of migrations/V16__operator.sql make, complete and
//! drop them for whoever drives jobs.

use crate::class::Class;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Queries;

/// A job's partition, by what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partition {
    /// Its generated records.
    Records,
    /// Its signatures.
    Signatures,
}

/// The statements that complete the partition of the records. No timeout: the index of many records takes its time.
pub(super) fn complete_records(job: JobId) -> String {
    format!("SET LOCAL statement_timeout = 0; SELECT vaultstream.complete_records({job})")
}

/// Drops a partition; false when another session's lock is in the way.
pub(super) async fn remove(queries: &Queries<'_>, job: JobId, partition: Partition) -> Result<bool, QueryError> {
    let sql = "SELECT vaultstream.drop_partition($1, $2)";
    match queries.execute(sql, &[&job.0, &(partition == Partition::Records)]).await {
        Ok(_) => Ok(true),
        Err(error) if error.class() == Class::Contention => Ok(false),
        Err(error) => Err(error),
    }
}
