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
pub(super) fn create(job: JobId, with_records: bool) -> String {
    let mut sql = String::new();
    if with_records {
        sql += &one(job, "records", &records_partition(job), "id", "id bigint NOT NULL, payload bytea NOT NULL", true);
    }
    sql + &one(
        job,
        "signatures",
        &signatures_partition(job),
        "record_id",
        "record_id bigint NOT NULL, key_id bigint NOT NULL, signature bytea NOT NULL, digest bytea",
        false,
    )
}

fn one(job: JobId, parent: &str, name: &str, key: &str, columns: &str, is_records: bool) -> String {
    format!(
        "CREATE TABLE {name} (job_id bigint NOT NULL DEFAULT {job} CHECK (job_id = {job}), {columns}, PRIMARY KEY ({key})); \
         SELECT vaultstream.grant_partition('{name}', {is_records}); \
         ALTER TABLE vaultstream.{parent} ATTACH PARTITION {name} FOR VALUES IN ({job}); "
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
