//! Rows with ordinals: what is read of them with their signatures, and tables that can have none.

use std::ops::ControlFlow;

use tokio_postgres::Client;
use vaultstream_ledger::Job;
use vaultstream_ledger::steps::{self, Step};
use vaultstream_ledger::verify::{self, Now, Rows, SignedRows, ViolationKind};
use vaultstream_signing::RowKey;

use crate::row_keys::{of, planned, reader, row_key, shown, table_of};
use crate::stage::{Stage, seed_chunk, segment};

#[tokio::test]
async fn a_row_that_is_gone_or_cannot_be_read_is_no_other_s_fault() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE base (k uuid PRIMARY KEY, n int, body text); \
         INSERT INTO base SELECT ('00000000-0000-0000-0000-' || lpad(g::text, 12, '0'))::uuid, g, 'row ' || g FROM generate_series(1, 50) g; \
         CREATE VIEW odd AS SELECT k, CASE WHEN n % 20 = 7 THEN (1 / (n - n))::text ELSE body END AS body FROM base",
    )
    .await
    .unwrap();
    let ledger = reader(&stage, &sql, "base, odd").await;
    for (name, unreadable) in [("base", [].as_slice()), ("odd", &[7, 27, 47])] {
        let job = planned(&stage, &ledger, of(name, &["k"], 10)).await;
        sql.batch_execute("BEGIN; DELETE FROM base WHERE n IN (1, 12, 13, 50); COMMIT").await.unwrap();
        let rows = shown(&ledger, &stage, &job).await;
        for (id, (key, told)) in rows {
            assert!(key.values()[0].ends_with(&format!("{id:012}")));
            let wanted = match id {
                1 | 12 | 13 | 50 => "gone".to_owned(),
                id if unreadable.contains(&id) => "unreadable".to_owned(),
                id => format!("row {id}"),
            };
            assert_eq!(told, wanted, "{name}, {id}");
        }
        sql.batch_execute(
            "INSERT INTO base SELECT ('00000000-0000-0000-0000-' || lpad(g::text, 12, '0'))::uuid, g, 'row ' || g \
               FROM unnest('{1,12,13,50}'::int[]) g",
        )
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn what_names_no_row_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE bare (a text, b int, body text); CREATE TABLE other (a uuid NOT NULL UNIQUE, body text); \
         CREATE TABLE nullable (a text, b int NOT NULL, body text, UNIQUE (a, b)); \
         CREATE TABLE more (a text NOT NULL, b int NOT NULL, c int NOT NULL, body text, UNIQUE (a, b, c)); \
         CREATE TABLE lists (a text[] PRIMARY KEY, body text); CREATE TABLE floats (a float8 PRIMARY KEY, body text); \
         CREATE VIEW holes AS SELECT nullif(b, 2) AS a, body FROM (VALUES (1, 'x'), (2, 'y'), (3, 'z')) v (b, body)",
    )
    .await
    .unwrap();
    let ledger = reader(&stage, &sql, "bare, other, nullable, more, lists, floats, holes").await;
    for (name, key, words) in [
        (
            "bare",
            [].as_slice(),
            "spec.source.table.keyColumns: public.bare has no primary key, and no columns that are unique and NOT NULL: ALTER TABLE public.bare ADD PRIMARY KEY",
        ),
        ("other", &[], "spec.source.table.keyColumns: public.other has no primary key: keyColumns: [a] can be the key"),
        (
            "holes",
            &[],
            "spec.source.table.keyColumns: public.holes has no primary key, as no view and no foreign table has one: name the columns",
        ),
        (
            "nullable",
            &["a", "b"],
            "spec.source.table.keyColumns: column a may be NULL: ALTER TABLE public.nullable ALTER COLUMN a SET NOT NULL",
        ),
        (
            "more",
            &["a", "b"],
            "spec.source.table.keyColumns: columns (a, b) of public.more may repeat: no valid unique index without a condition has them or some of them: if no two",
        ),
        ("more", &["a", "d"], "spec.source.table.keyColumns: column d of table public.more does not exist"),
        ("lists", &[], "spec.source.table.keyColumns: column a is of type text[]; a key is of integers"),
        ("floats", &[], "spec.source.table.keyColumns: column a is of type double precision; a key is of integers"),
    ] {
        let told = steps::look_at_table(&ledger, &table_of(&of(name, key, 10)), false).await.unwrap_err().to_string();
        assert!(told.starts_with(words), "{name}: {told}");
    }
    let job = stage.pending(of("holes", &["a"], 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let told = seed_chunk(&ledger, job.id, 1000).await.unwrap_err().to_string();
    assert_eq!(
        told,
        "spec.source.table.keyColumns: a is NULL in 1 rows of public.holes, which could not be signed: give them a key, or leave them out"
    );
    assert_eq!(stage.job(job.id).await.batches, None, "nothing is planned by halves");
}

#[tokio::test]
async fn a_key_that_no_index_could_hold_is_refused_in_one_sentence() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE base (body text); INSERT INTO base VALUES ('x'); \
         CREATE VIEW wide AS SELECT (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) g) AS a, body FROM base",
    )
    .await
    .unwrap();
    let ledger = reader(&stage, &sql, "wide").await;
    let job = stage.pending(of("wide", &["a"], 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let told = seed_chunk(&ledger, job.id, 1000).await.unwrap_err().to_string();
    assert!(
        told.starts_with(
            "spec.source.table.keyColumns: a value of a has 12800 bytes as text, and a key has at most 2600: name"
        ),
        "{told}"
    );
    assert_eq!(stage.job(job.id).await.batches, None);
}

/// A job over rows with text keys, every one signed in form.
async fn signed(stage: &Stage, sql: &Client) -> Job {
    sql.batch_execute("CREATE TABLE notes (k text PRIMARY KEY, body text); INSERT INTO notes SELECT 'key ' || g, 'row ' || g FROM generate_series(10, 49) g")
        .await
        .unwrap();
    let job = stage.signing(of("notes", &[], 10)).await;
    let lease = stage.first_lease(&job).await;
    let segments: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    stage.commit(&job, &lease, &segments).await;
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(steps::Finish::Ready));
    stage.job(job.id).await
}

#[tokio::test]
async fn no_job_ends_with_two_records_of_one_row() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE pairs (k text PRIMARY KEY, body text); INSERT INTO pairs SELECT g, 'x' FROM generate_series(1, 9) g",
    )
    .await
    .unwrap();
    let job = stage.signing(of("pairs", &[], 10)).await;
    let lease = stage.first_lease(&job).await;
    let segments: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    stage.commit(&job, &lease, &segments).await;
    let change = |key: &str| format!("UPDATE vaultstream.rows_{} SET k1 = '{key}' WHERE ordinal = 4", job.id);
    sql.batch_execute(&change("7")).await.unwrap();
    let twice = steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    let Step::Done(steps::Finish::SignedTwice { record }) = twice else { panic!("{twice:?}") };
    assert!(record.contains("(k1)=(7)"), "{record}");
    sql.batch_execute(&change("4")).await.unwrap();
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(steps::Finish::Ready));
}

async fn signed_rows(stage: &Stage, job: &Job, which: Rows) -> Vec<(i64, String, String)> {
    let (mut signed, mut found) = (SignedRows::of(&stage.ledger, job), Vec::new());
    let mut visit = |row: verify::SignedRow<'_>| {
        let key = row.row_key.map_or("none".to_owned(), RowKey::json);
        let now = match row.now {
            Now::Payload(payload) => String::from_utf8(payload.to_vec()).unwrap(),
            other => format!("{other:?}"),
        };
        found.push((row.id, key, now));
        ControlFlow::Continue(())
    };
    signed.read(which, &mut visit).await.unwrap();
    found
}

#[tokio::test]
async fn signatures_come_with_the_keys_of_their_rows_and_what_these_hold_now() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let job = signed(&stage, &sql).await;
    sql.batch_execute(
        "DELETE FROM notes WHERE k = 'key 12'; UPDATE notes SET body = 'changed' WHERE k = 'key 13'; UPDATE notes SET body = NULL WHERE k = 'key 14'; \
         UPDATE notes SET body = repeat('x', 2000000) WHERE k = 'key 20'; INSERT INTO notes VALUES ('key 11b', 'new'), ('new', 'new')",
    )
    .await
    .unwrap();
    // All of them in bulk, a part, and one after the other as a sample.
    let sample = Rows::Sample { rows: 1000, seed: 1 };
    for which in [Rows::All, sample, Rows::Range { first: 1, last: 5 }] {
        let found = signed_rows(&stage, &job, which).await;
        assert_eq!(found.len(), if matches!(which, Rows::Range { .. }) { 5 } else { 40 }, "{which:?}");
        for (id, key, now) in found {
            let n = id + 9;
            assert_eq!(key, format!("[\"key {n}\"]"));
            match n {
                12 => assert_eq!(now, "Gone"),
                13 => assert_eq!(now, "changed"),
                14 => assert_eq!(now, "Null"),
                20 => assert_eq!(now.len(), 2_000_000),
                n => assert_eq!(now, format!("row {n}")),
            }
        }
    }
    assert_eq!(verify::newer_rows(&stage.ledger, &job).await.unwrap(), Some(1), "two came, and one went");
    let unsigned = verify::unsigned_rows(&stage.ledger, &job, 10).await.unwrap().unwrap();
    assert_eq!((unsigned.count, unsigned.keys), (2, vec![row_key(&["key 11b"]), row_key(&["new"])]));
    sql.batch_execute("DROP TABLE notes").await.unwrap();
    let found = signed_rows(&stage, &job, Rows::All).await;
    assert!(found.iter().all(|(_, key, now)| key.starts_with("[\"key ") && now == "NotRead"), "{found:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_keys_of_rows_is_found() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let job = signed(&stage, &sql).await;
    let kinds = async || {
        let found = verify::completeness(&stage.ledger, &job, 10).await.unwrap();
        found.into_iter().map(|violation| (violation.kind, violation.records)).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, []);
    let rows = format!("vaultstream.rows_{}", job.id);
    for (damage, undo, wanted) in [
        (
            format!("DELETE FROM {rows} WHERE ordinal = 7"),
            format!("INSERT INTO {rows} VALUES (7, 'key 16')"),
            vec![(ViolationKind::Unkeyed, vec![7])],
        ),
        (
            format!("DROP INDEX {rows}_keys; UPDATE {rows} SET k1 = 'key 10' WHERE ordinal = 5"),
            format!("UPDATE {rows} SET k1 = 'key 14' WHERE ordinal = 5"),
            vec![(ViolationKind::RepeatedKeys, vec![1])],
        ),
        (
            format!("INSERT INTO {rows} VALUES (41, 'more')"),
            format!("DELETE FROM {rows} WHERE ordinal = 41"),
            vec![(ViolationKind::Missing, vec![41])],
        ),
    ] {
        sql.batch_execute(&damage).await.unwrap();
        assert_eq!(kinds().await, wanted, "{damage}");
        sql.batch_execute(&undo).await.unwrap();
        assert_eq!(kinds().await, []);
    }
}
