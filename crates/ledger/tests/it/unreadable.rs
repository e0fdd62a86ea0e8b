//! Records that the server cannot read: each is shown as what it is, and all others are read.

use std::os::unix::fs::FileExt as _;

use vaultstream_api::{SigningJobSpec, Source, TableSource};
use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::payloads::{self, Payload, ReadError};
use vaultstream_ledger::verify::{ViolationKind, completeness};
use vaultstream_ledger::{Job, Ledger};

use crate::stage::{Stage, of_table, options, skipped};

/// What was shown of each record: its bytes as text, or the server's words, or a mark.
async fn shown(stage: &Stage, job: &Job) -> Vec<(i64, String)> {
    let ranges = stage.ranges(job).await;
    let mut seen: Vec<(i64, String)> = Vec::new();
    let reads = payloads::read(&stage.ledger, job, &ranges, |place, name, payload| {
        assert!((ranges[place].first..=ranges[place].last).contains(&name.id));
        let told = match payload {
            Payload::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Payload::Null => "null".to_owned(),
            Payload::TooLarge(bytes) => format!("{bytes} bytes"),
            Payload::Unreadable(why) => format!("unreadable: {why}"),
            Payload::NotCanonical(why) => format!("not canonical: {why}"),
            Payload::Gone => "gone".to_owned(),
            Payload::Repeated => "repeated".to_owned(),
        };
        seen.push((name.id, told));
    })
    .await
    .unwrap();
    let rows = seen.iter().filter(|(_, told)| told != "repeated").count();
    assert_eq!(reads.iter().map(|read| read.rows).sum::<i64>(), i64::try_from(rows).unwrap());
    stage.ledger.ping().await.unwrap();
    seen
}

/// The ids of those that could not be read.
fn unreadable(seen: &[(i64, String)], word: &str) -> Vec<i64> {
    let lost = seen.iter().filter(|(_, told)| told.starts_with("unreadable: "));
    lost.map(|(id, told)| {
        assert!(told.contains(word), "{id}: {told}");
        *id
    })
    .collect()
}

fn table(name: &str, payload: &str, batch_size: u32) -> SigningJobSpec {
    let mut spec = of_table(name, batch_size);
    spec.source = Source::Table(TableSource::of_payload("public", name, "id", payload));
    spec
}

#[tokio::test]
async fn a_record_in_a_wrong_encoding_is_shown_as_unreadable_and_all_others_are_read() {
    let outer = Stage::empty().await;
    let name = format!("legacy_{:x}", uuid::Uuid::new_v4().as_u128());
    outer
        .sql()
        .await
        .batch_execute(&format!(
            "CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        ))
        .await
        .unwrap();
    let (server, _) = outer.url.rsplit_once('/').unwrap();
    let url = format!("{server}/{name}");
    let stage = Stage { ledger: Ledger::connect(&options(&url)).await.unwrap(), url };
    stage.ledger.migrate().await.unwrap();
    let damaged = [1, 77, 78, 100, 101, 200];
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE letters (id integer PRIMARY KEY, body text); \
             INSERT INTO letters SELECT g, 'plain ' || g FROM generate_series(1, 200) AS g; \
             UPDATE letters SET body = E'caf\\xe9' WHERE id IN (1, 77, 78, 100, 101, 200); \
             UPDATE letters SET body = NULL WHERE id = 79; CREATE TABLE all_bad (id bigint PRIMARY KEY, body text); \
             INSERT INTO all_bad SELECT g::bigint * 1000000007, E'caf\\xe9' FROM generate_series(-30, 30) AS g",
        )
        .await
        .unwrap();
    let job = stage.signing(of_table("letters", 50)).await;
    let seen = shown(&stage, &job).await;
    assert_eq!(seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    assert_eq!(unreadable(&seen, "0xe9"), damaged);
    assert_eq!((seen[75].1.as_str(), seen[78].1.as_str()), ("plain 76", "null"));

    let job = stage.signing(of_table("all_bad", 20)).await;
    let expected: Vec<i64> = (-30..=30).map(|g| g * 1_000_000_007).collect();
    assert_eq!(unreadable(&shown(&stage, &job).await, "UTF8"), expected);
}

#[tokio::test]
async fn a_payload_whose_stored_form_is_damaged_is_shown_as_unreadable() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    if sql.batch_execute("CREATE EXTENSION pg_surgery").await.is_err() {
        skipped("a_payload_whose_stored_form_is_damaged: this Postgres has no pg_surgery");
        return;
    }
    sql.batch_execute(
        "CREATE TABLE large (id bigint PRIMARY KEY, body text); ALTER TABLE large ALTER body SET STORAGE EXTERNAL; \
         INSERT INTO large SELECT g, repeat('x', 3000) FROM generate_series(1, 30) AS g",
    )
    .await
    .unwrap();
    let toast = "(SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'large'::regclass)";
    let toast: String = sql.query_one(&format!("SELECT {toast}::text"), &[]).await.unwrap().get(0);
    // Two chunks a payload: the first one of the third payload is gone.
    let chunk = format!("SELECT ctid::text FROM {toast} ORDER BY chunk_id, chunk_seq OFFSET 4 LIMIT 1");
    let chunk: String = sql.query_one(&chunk, &[]).await.unwrap().get(0);
    sql.batch_execute(&format!("SELECT heap_force_kill('{toast}', ARRAY['{chunk}'::tid])")).await.unwrap();
    let job = stage.signing(of_table("large", 10)).await;
    let seen = shown(&stage, &job).await;
    assert_eq!(seen.len(), 30);
    assert_eq!(unreadable(&seen, "chunk"), [3]);
}

#[tokio::test]
async fn rows_on_a_damaged_page_are_planned_and_shown_as_unreadable() {
    let servers = tokio::task::spawn_blocking(|| Servers::start(&Options::temporary().postgres_only()).unwrap());
    let servers = servers.await.unwrap();
    let url = servers.database_url().to_owned();
    let stage = Stage { ledger: Ledger::connect(&options(&url)).await.unwrap(), url };
    stage.ledger.migrate().await.unwrap();
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE paged (id bigint PRIMARY KEY, body text) WITH (autovacuum_enabled = false); \
         INSERT INTO paged SELECT g * 10, repeat('x', 1000) FROM generate_series(1, 40) AS g",
    )
    .await
    .unwrap();
    let damaged: Vec<i64> = sql
        .query("SELECT id FROM paged WHERE ctid >= '(2,0)' AND ctid < '(3,0)' ORDER BY id", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!((4..20).contains(&damaged.len()), "{damaged:?}");
    sql.batch_execute("CHECKPOINT").await.unwrap();
    let path: String = sql
        .query_one("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('paged')", &[])
        .await
        .unwrap()
        .get(0);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0x55; 8192], 2 * 8192).unwrap();
    drop(sql);
    let servers = tokio::task::spawn_blocking(move || {
        servers.restart_postgres().unwrap();
        servers
    });
    let _servers = servers.await.unwrap();
    let job = stage.signing(of_table("paged", 15)).await;
    assert_eq!((job.total, job.batches), (Some(40), Some(3)));
    let seen = shown(&stage, &job).await;
    assert_eq!(seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (1..=40).map(|g| g * 10).collect::<Vec<_>>());
    assert_eq!(unreadable(&seen, "invalid page"), damaged);
}

#[tokio::test]
async fn a_key_that_comes_twice_is_shown_as_repeated_and_the_rest_is_read() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE twice (id bigint NOT NULL, body text); CREATE INDEX twice_id ON twice (id); \
             INSERT INTO twice SELECT g, 'row' FROM generate_series(1, 30) AS g; \
             INSERT INTO twice VALUES (10, 'other'), (10, 'third'), (17, 'other'); \
             UPDATE pg_index SET indisunique = true WHERE indexrelid = 'twice_id'::regclass",
        )
        .await
        .unwrap();
    let job = stage.signing(of_table("twice", 10)).await;
    let seen = shown(&stage, &job).await;
    let repeated: Vec<i64> = seen.iter().filter(|(_, told)| told == "repeated").map(|(id, _)| *id).collect();
    assert_eq!((seen.len(), repeated), (33, vec![10, 10, 17]));
}

#[tokio::test]
async fn a_virtual_column_that_raises_is_shown_as_unreadable() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let version = stage.number("SELECT current_setting('server_version_num')::bigint").await;
    if version < 180_000 {
        skipped("a_virtual_column_that_raises: needs Postgres 18");
        return;
    }
    sql.batch_execute(
        "CREATE TABLE computed (id smallint PRIMARY KEY, price integer, rebate integer, \
           body text GENERATED ALWAYS AS ((price / rebate)::text) VIRTUAL); \
         INSERT INTO computed SELECT g, 100, g - 7 FROM generate_series(1, 20) AS g",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("computed", 10)).await;
    let seen = shown(&stage, &job).await;
    assert_eq!((seen.len(), unreadable(&seen, "division by zero")), (20, vec![7]));
}

#[tokio::test]
async fn what_fails_for_every_record_is_no_fault_of_the_records() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE slow (id bigint PRIMARY KEY, body text); \
         INSERT INTO slow SELECT g, repeat('x', 3000) FROM generate_series(1, 30) AS g",
    )
    .await
    .unwrap();
    let job = stage.signing(table("slow", "body", 10)).await;
    let ranges = stage.ranges(&job).await;
    let lock = "BEGIN; LOCK TABLE slow IN ACCESS EXCLUSIVE MODE";
    sql.batch_execute(lock).await.unwrap();
    let error =
        payloads::read(&stage.ledger, &job, &ranges, |_, name, _| panic!("{name:?} was shown")).await.unwrap_err();
    assert!(matches!(&error, ReadError::Query(error) if error.is_transient()), "{error:?}");
}

#[tokio::test]
async fn rows_that_the_key_does_not_lead_to_are_told_by_the_check_for_completeness() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE hidden (id integer NOT NULL, body text); CREATE UNIQUE INDEX hidden_id ON hidden (id); \
         INSERT INTO hidden SELECT g, 'row' FROM generate_series(1, 20) AS g",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("hidden", 10)).await;
    let of_table = async || {
        let mut found = completeness(&stage.ledger, &job, 10).await.unwrap();
        found.retain(|one| matches!(one.kind, ViolationKind::NullKeys | ViolationKind::Unreached));
        found.into_iter().map(|one| (one.kind, one.count)).collect::<Vec<_>>()
    };
    assert_eq!(of_table().await, []);
    sql.batch_execute("ALTER TABLE hidden ALTER id DROP NOT NULL; INSERT INTO hidden VALUES (NULL, 'a'), (NULL, 'b')")
        .await
        .unwrap();
    assert_eq!(of_table().await, [(ViolationKind::NullKeys, 2)]);
    // An index that missed an insert, as a damaged one has.
    let ready =
        |ready: bool| format!("UPDATE pg_index SET indisready = {ready} WHERE indexrelid = 'hidden_id'::regclass");
    sql.batch_execute(&ready(false)).await.unwrap();
    sql.batch_execute("INSERT INTO hidden VALUES (7, 'another 7'), (21, 'lost'), (22, 'lost')").await.unwrap();
    sql.batch_execute(&ready(true)).await.unwrap();
    assert_eq!(of_table().await, [(ViolationKind::NullKeys, 2), (ViolationKind::Unreached, 3)]);
    sql.batch_execute("DROP TABLE hidden").await.unwrap();
    assert_eq!(of_table().await, []);
}
