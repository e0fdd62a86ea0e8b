//! A table that is not any more what was planned.

use vaultstream_ledger::Job;
use vaultstream_ledger::payloads::{self, Payload, ReadError};
use vaultstream_ledger::planning::TableError;
use vaultstream_ledger::steps::{self, SourceError};

use crate::stage::{Stage, Unseeded, of_table, seed_chunk};

/// Rows that are read, or why none are.
async fn read(stage: &Stage, job: &Job) -> Result<Vec<Vec<u8>>, String> {
    let ranges = stage.ranges(job).await;
    let mut rows = Vec::new();
    let read = payloads::read(&stage.ledger, job, &ranges, |_, _, payload| match payload {
        Payload::Bytes(bytes) => rows.push(bytes.to_vec()),
        other => panic!("{other:?}"),
    });
    match read.await {
        Ok(_) => Ok(rows),
        Err(ReadError::Source(error @ SourceError::Changed { .. })) => Err(error.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_table_that_changed_after_planning_is_not_read_until_that_is_undone() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE held (id integer PRIMARY KEY, body text); CREATE TABLE other (id integer PRIMARY KEY, body text); \
         INSERT INTO held SELECT g, 'row' FROM generate_series(1, 20) AS g; INSERT INTO other VALUES (1, 'other')",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("held", 10)).await;
    let rows = vec![b"row".to_vec(); 20];
    assert_eq!(read(&stage, &job).await, Ok(rows.clone()));
    let changes = [
        (
            "ALTER TABLE held ALTER body TYPE bytea USING body::bytea",
            "column body was text and is bytea now",
            "ALTER TABLE held ALTER body TYPE text USING encode(body, 'escape')",
        ),
        (
            "ALTER TABLE held ALTER body TYPE json USING to_json(body)",
            "column body was text and is json now",
            "ALTER TABLE held ALTER body TYPE text USING body #>> '{}'",
        ),
        (
            "ALTER TABLE held RENAME TO gone; ALTER TABLE other RENAME TO held",
            "another table has its name now",
            "ALTER TABLE held RENAME TO other; ALTER TABLE gone RENAME TO held",
        ),
        (
            "ALTER TABLE held RENAME body TO words",
            "its column body does not exist now",
            "ALTER TABLE held RENAME words TO body",
        ),
        (
            "ALTER TABLE held RENAME id TO number",
            "its column id does not exist now",
            "ALTER TABLE held RENAME number TO id",
        ),
        (
            "ALTER TABLE held DROP CONSTRAINT held_pkey",
            "no valid unique index",
            "ALTER TABLE held ADD PRIMARY KEY (id)",
        ),
        (
            "ALTER TABLE held DROP CONSTRAINT held_pkey; CREATE UNIQUE INDEX held_id ON held (id); ALTER TABLE held ALTER id DROP NOT NULL",
            "may be NULL now",
            "ALTER TABLE held ADD PRIMARY KEY USING INDEX held_id",
        ),
    ];
    for (change, words, undo) in changes {
        sql.batch_execute(change).await.unwrap();
        let told = read(&stage, &job).await.expect_err(change);
        assert!(told.contains(words) && told.contains("public.held"), "{change}: {told}");
        sql.batch_execute(undo).await.unwrap();
        assert_eq!(read(&stage, &job).await, Ok(rows.clone()), "{undo}");
    }
    // What leaves the bytes as they are, and the key a key, may change.
    for harmless in [
        "ALTER TABLE held ALTER id TYPE bigint",
        "ALTER TABLE held ALTER body TYPE varchar",
        "ALTER TABLE held ADD COLUMN more text",
        "CREATE TABLE heir () INHERITS (held); INSERT INTO heir VALUES (5, 'heir', NULL), (6, 'heir', NULL)",
    ] {
        sql.batch_execute(harmless).await.unwrap();
        assert_eq!(read(&stage, &job).await, Ok(rows.clone()), "{harmless}");
    }
}

#[tokio::test]
async fn a_type_that_changes_between_two_chunks_of_planning_is_noticed() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE half (id bigint PRIMARY KEY, body text); INSERT INTO half SELECT g, 'row' FROM generate_series(1, 40) AS g",
    )
    .await
    .unwrap();
    let job = stage.pending(of_table("half", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    seed_chunk(&stage.ledger, job.id, 20).await.unwrap();
    sql.batch_execute("ALTER TABLE half ALTER body TYPE bytea USING body::bytea").await.unwrap();
    let error = seed_chunk(&stage.ledger, job.id, 20).await.unwrap_err();
    assert!(matches!(error, Unseeded::Table(TableError::Source(SourceError::Changed { .. }))), "{error:?}");
}

#[tokio::test]
async fn a_table_that_is_locked_while_it_is_planned_is_planned_later() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE busy (id bigint PRIMARY KEY, body text); INSERT INTO busy SELECT g, 'row' FROM generate_series(1, 40) AS g",
    )
    .await
    .unwrap();
    let job = stage.pending(of_table("busy", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    sql.batch_execute("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let error = seed_chunk(&stage.ledger, job.id, 1000).await.unwrap_err();
    assert!(matches!(&error, Unseeded::Table(TableError::Query(error)) if error.is_transient()), "{error:?}");
    sql.batch_execute("ROLLBACK").await.unwrap();
    seed_chunk(&stage.ledger, job.id, 1000).await.unwrap();
    assert_eq!(stage.job(job.id).await.total, Some(40));
}
