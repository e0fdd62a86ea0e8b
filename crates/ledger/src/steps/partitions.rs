//! Partitions of records and signatures, made and removed without stopping other jobs.
//!
//! CREATE TABLE … PARTITION OF and DROP of an attached one lock the parent exclusively, and every job queues behind that.
//! A plain table that is attached, and detached CONCURRENTLY before it is dropped, does not.

use tokio_postgres::Client;

use crate::class::Class;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Queries;
use crate::source::{records_partition, signatures_partition};

/// The statements that make a job's partitions. For a transaction.
///
/// Both get their primary key when they are full, because building an index takes a quarter of the time that growing it does.
/// The partition of the records is a table by itself until then, and is attached at the end: the CHECK spares ATTACH a scan.
/// The empty signatures need none, because a partition's bounds are checked with every row anyway.
pub(super) fn create(job: JobId, with_records: bool) -> String {
    let records = records_partition(job);
    let signatures = signatures_partition(job);
    let mut sql = format!(
        "CREATE TABLE {signatures} (job_id bigint NOT NULL DEFAULT {job}, record_id bigint NOT NULL, \
         key_id bigint NOT NULL, signature bytea NOT NULL, digest bytea); \
         SELECT vaultstream.grant_partition('{signatures}', false); \
         ALTER TABLE vaultstream.signatures ATTACH PARTITION {signatures} FOR VALUES IN ({job}); "
    );
    if with_records {
        sql += &format!(
            "CREATE TABLE {records} (job_id bigint NOT NULL DEFAULT {job} CHECK (job_id = {job}), id bigint NOT NULL, \
             payload bytea NOT NULL); SELECT vaultstream.grant_partition('{records}', true)"
        );
    }
    sql
}

/// The statements that complete the partition of the records. ANALYZE: without statistics the first units would be read
/// by a plan for an empty table. No timeout: the index of many records takes its time.
pub(super) fn finish_records(job: JobId) -> String {
    let records = records_partition(job);
    format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '256MB'; \
         ALTER TABLE {records} ADD PRIMARY KEY (id); ANALYZE {records}; \
         ALTER TABLE vaultstream.records ATTACH PARTITION {records} FOR VALUES IN ({job})"
    )
}

/// The statements that complete the partition of the signatures. When a record has two signatures, Postgres refuses the key,
/// and with it the job's end.
pub(super) fn finish_signatures(job: JobId) -> String {
    let signatures = signatures_partition(job);
    format!(
        "SET LOCAL lock_timeout = '2s'; SET LOCAL maintenance_work_mem = '256MB'; \
         ALTER TABLE {signatures} ADD PRIMARY KEY (record_id)"
    )
}

/// Detaches and drops one partition; false when another session's lock is in the way. Outside of any transaction.
pub(super) async fn remove(client: &Client, parent: &str, name: &str) -> Result<bool, QueryError> {
    let queries = Queries::over(client, "remove a partition");
    // One partition of a parent may be pending at a time: whichever it is, it is finished first.
    let pending = "SELECT inhrelid::regclass::text AS partition FROM pg_inherits \
         WHERE inhparent = ('vaultstream.' || $1)::regclass AND inhdetachpending";
    for row in queries.query(pending, &[&parent]).await? {
        let pending: &str = row.get("partition");
        let sql = format!("ALTER TABLE vaultstream.{parent} DETACH PARTITION {pending} FINALIZE");
        if !unless_busy(queries.batch(&sql).await)? {
            return Ok(false);
        }
    }
    let attached =
        "SELECT 1 FROM pg_inherits WHERE inhparent = ('vaultstream.' || $1)::regclass AND inhrelid = to_regclass($2)";
    if queries.query_opt(attached, &[&parent, &name]).await?.is_some() {
        let sql = format!("ALTER TABLE vaultstream.{parent} DETACH PARTITION {name} CONCURRENTLY");
        if !unless_busy(queries.batch(&sql).await)? {
            return Ok(false);
        }
    }
    unless_busy(queries.batch(&format!("DROP TABLE IF EXISTS {name}")).await)
}

fn unless_busy(result: Result<(), QueryError>) -> Result<bool, QueryError> {
    match result {
        Ok(()) => Ok(true),
        // 55000: another program detaches one just now.
        Err(error) if error.class() == Class::Contention || error.code() == Some("55000") => Ok(false),
        Err(error) => Err(error),
    }
}
