//! Partitions of records and signatures, made and removed without stopping other jobs.
//!
//! CREATE TABLE … PARTITION OF and DROP of an attached one lock the parent exclusively, and every job queues behind that.
//! A plain table that is attached, and detached CONCURRENTLY before it is dropped, does not.

use deadpool_postgres::ClientWrapper;

use crate::error::QueryError;
use crate::ids::JobId;
use crate::source::{records_partition, signatures_partition};

use super::lock;

/// The statements that make a job's partitions. For a transaction.
///
/// Both get their primary key when they are full, for an index is built in a quarter of the time that it is grown in. That
/// of the records is a table by itself until then, and is attached at the end: the CHECK spares ATTACH a scan. The empty
/// signatures need none, for a partition's bounds are checked with every row anyway.
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
/// by whatever plan suits an empty table.
pub(super) fn finish_records(job: JobId) -> String {
    let records = records_partition(job);
    format!(
        "SET LOCAL maintenance_work_mem = '256MB'; ALTER TABLE {records} ADD PRIMARY KEY (id); ANALYZE {records}; \
         ALTER TABLE vaultstream.records ATTACH PARTITION {records} FOR VALUES IN ({job})"
    )
}

/// The statements that complete the partition of the signatures. Postgres refuses the key, and with it the job's end, when
/// a record has two signatures.
pub(super) fn finish_signatures(job: JobId) -> String {
    let signatures = signatures_partition(job);
    format!(
        "SET LOCAL lock_timeout = '2s'; SET LOCAL maintenance_work_mem = '256MB'; \
         ALTER TABLE {signatures} ADD PRIMARY KEY (record_id)"
    )
}

/// Detaches and drops one partition; false when somebody's lock is in the way: later. Outside of any transaction.
pub(super) async fn remove(client: &ClientWrapper, parent: &str, name: &str) -> Result<bool, QueryError> {
    const ACTION: &str = "remove a partition";
    let failed = |error| QueryError::new(ACTION, error);
    // One partition of a parent may be pending at a time: whoever's it is, it is finished first.
    let pending = client
        .query(
            "SELECT inhrelid::regclass::text FROM pg_inherits \
             WHERE inhparent = ('vaultstream.' || $1)::regclass AND inhdetachpending",
            &[&parent],
        )
        .await
        .map_err(failed)?;
    for row in &pending {
        let stuck: &str = row.get(0);
        let sql = format!("ALTER TABLE vaultstream.{parent} DETACH PARTITION {stuck} FINALIZE");
        if !unless_busy(client.batch_execute(&sql).await.map_err(failed))? {
            return Ok(false);
        }
    }
    let attached = client
        .query_opt(
            "SELECT 1 FROM pg_inherits WHERE inhparent = ('vaultstream.' || $1)::regclass AND inhrelid = to_regclass($2)",
            &[&parent, &name],
        )
        .await
        .map_err(failed)?;
    if attached.is_some() {
        let sql = format!("ALTER TABLE vaultstream.{parent} DETACH PARTITION {name} CONCURRENTLY");
        if !unless_busy(client.batch_execute(&sql).await.map_err(failed))? {
            return Ok(false);
        }
    }
    unless_busy(client.batch_execute(&format!("DROP TABLE IF EXISTS {name}")).await.map_err(failed))
}

fn unless_busy(result: Result<(), QueryError>) -> Result<bool, QueryError> {
    match result {
        Ok(()) => Ok(true),
        // 55000: another program detaches one just now.
        Err(error) if lock::is_busy(&error) || error.code() == Some("55000") => Ok(false),
        Err(error) => Err(error),
    }
}
