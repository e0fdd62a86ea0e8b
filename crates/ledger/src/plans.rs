//! The plan of every statement that touches a source table, for every type of key, with and without statistics: each must
//! find its rows through the key's index and sort nothing, or time would grow with the square of the rows.

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_api::{Key, SigningJobSpec, Source, TableSource};
use vaultstream_embedded::{Options, Servers};

use crate::copy_out::INDEX_ONLY;
use crate::jobs::{self, Job, NewJob};
use crate::limits::CLAIMS;
use crate::read::verify::{Piece, beside_source, ends_of_piece, ordered_signatures};
use crate::source::{ReadFrom, signatures_partition};
use crate::steps;
use crate::worker::payloads::Plan;
use crate::worker::planning::{self, Begun, ChunkOutcome};
use crate::{ConnectOptions, Ledger, is_out_of_space};

async fn connect(servers: &Servers) -> (Ledger, Client) {
    let url = servers.database_url().to_owned();
    let ledger = Ledger::connect(&ConnectOptions { url: url.clone(), ..ConnectOptions::default() }).await.unwrap();
    ledger.migrate().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    (ledger, client)
}

/// A job over the table, planned.
async fn planned(ledger: &Ledger, table: &str) -> Job {
    planned_of(ledger, TableSource::of_payload("public", table, "id", "body")).await
}

async fn planned_of(ledger: &Ledger, source: TableSource) -> Job {
    let table = source.name.clone();
    let mut spec = SigningJobSpec::new(Source::Table(source));
    spec.batch_size = 50;
    let uid = Uuid::new_v4();
    let (cluster, namespace, name) = ("test".to_owned(), "default".to_owned(), table.replace('_', "-"));
    let job = jobs::ensure(ledger, &NewJob { uid, cluster, namespace, name, spec, generation: 1 }).await.unwrap().job;
    steps::provision(ledger, job.id).await.unwrap();
    steps::oversee_plan(ledger, job.id).await.unwrap();
    let Begun::Plan(mut plan) = planning::begin(ledger, job.id, uid).await.unwrap() else { panic!("it is planned") };
    loop {
        let chunk = planning::read_chunk(ledger, &job, &plan, 5000).await.unwrap();
        if planning::store(ledger, &mut plan, &chunk).await.unwrap() == ChunkOutcome::Complete {
            break;
        }
    }
    steps::oversee_plan(ledger, job.id).await.unwrap();
    jobs::by_id(ledger, job.id).await.unwrap().unwrap()
}

async fn plan(client: &Client, sql: &str) -> Vec<String> {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}");
    client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Scans of the source, each by its index and with a condition on the key; nothing sorted.
#[track_caller]
fn assert_by_index(what: &str, plan: &[String]) {
    assert_scans_by_index(what, " source", plan);
}

/// The same of scans of the relation with this alias.
#[track_caller]
fn assert_scans_by_index(what: &str, alias: &str, plan: &[String]) {
    let text = plan.join("\n");
    assert!(!text.contains("Sort"), "{what} sorts:\n{text}");
    assert!(!text.contains("Hash") && !text.contains("Materialize"), "{what} keeps a table:\n{text}");
    let scans = |line: &&String| line.contains(alias) && line.contains("Scan");
    assert!(plan.iter().any(|line| scans(&line)), "{what} does not look at the table:\n{text}");
    for (at, line) in plan.iter().enumerate().filter(|(_, line)| scans(line)) {
        // From the end backwards, one row is read without a condition.
        let condition = line.contains("Backward") || plan.get(at + 1).is_some_and(|next| next.contains("Index Cond: "));
        assert!(line.contains("Index") && condition, "{what} does not use the index:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_on_a_source_walks_its_index_whatever_the_type_of_the_key() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let (ledger, client) = connect(&servers).await;
    for key in ["smallint", "integer", "bigint"] {
        let table = format!("of_{key}");
        client
            .batch_execute(&format!(
                "SET search_path = public; CREATE TABLE {table} (id {key} PRIMARY KEY, body text) WITH (autovacuum_enabled = false); \
                 INSERT INTO {table} SELECT g, 'row ' || g FROM generate_series(1, 20000) AS g"
            ))
            .await
            .unwrap();
        let job = planned(&ledger, &table).await;
        assert_eq!((job.total, job.batches), (Some(20_000), Some(400)));
        let signatures = signatures_partition(job.id);
        client
            .batch_execute(&format!(
                "INSERT INTO {signatures} (record_id, key_id, signature) SELECT id, 1, '' FROM {table}; \
                 ALTER TABLE {signatures} ADD PRIMARY KEY (record_id)"
            ))
            .await
            .unwrap();
        let from = ReadFrom::of(&job);
        let read = Plan::new(&job);
        let statements = [
            ("the greatest key", from.greatest()),
            ("planning", from.keys(5001, 20_000, 5000)),
            ("planning the first chunk", from.keys(i64::MIN, 20_000, 5000)),
            ("counting by key", from.count_by_key()),
            ("reading a range", read.sql(&[(15_001, 15_050)])),
            ("reading ranges", read.sql(&[(i64::MIN, 50), (101, 150), (15_001, 15_050)])),
            ("merging a range", from.rows_to_merge(15_001, 15_050, 200, 100)),
            ("looking rows up", from.rows_of(15_001..=15_050)),
            ("verifying all", beside_source(&job, "true", Some(&from))),
            ("verifying a range", beside_source(&job, "s.record_id BETWEEN 15001 AND 15050", Some(&from))),
        ];
        let piece = Piece { first: 15_001, last: i64::MAX };
        let of_signatures = [
            ("reading signatures", ordered_signatures(&job, piece, 100)),
            ("finding the ends of a piece", ends_of_piece(&signatures, &piece.between("s.record_id"), 100)),
        ];
        for analyzed in [false, true] {
            if analyzed {
                client.batch_execute("VACUUM ANALYZE").await.unwrap();
            }
            client.batch_execute(&format!("BEGIN; {INDEX_ONLY}")).await.unwrap();
            for (what, sql) in &statements {
                assert_by_index(&format!("{what}, {key}, analyzed: {analyzed}"), &plan(&client, sql).await);
            }
            for (what, sql) in &of_signatures {
                assert_scans_by_index(&format!("{what}, analyzed: {analyzed}"), " s", &plan(&client, sql).await);
            }
            client.batch_execute("COMMIT").await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_on_a_source_with_another_key_walks_its_index() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let (ledger, client) = connect(&servers).await;
    for (table, columns, key) in [
        ("of_uuids", "id uuid DEFAULT gen_random_uuid() PRIMARY KEY, no int", &["id"] as &[&str]),
        ("of_texts", "no int, id varchar(40) DEFAULT gen_random_uuid(), PRIMARY KEY (id, no)", &["id", "no"]),
        ("of_two", "id bigint GENERATED ALWAYS AS IDENTITY, no int NOT NULL, UNIQUE (no, id)", &["id", "no"]),
    ] {
        client
            .batch_execute(&format!(
                "SET search_path = public; CREATE TABLE {table} ({columns}, body text) WITH (autovacuum_enabled = false); \
                 INSERT INTO {table} (no, body) SELECT g % 100, 'row ' || g FROM generate_series(1, 20000) AS g"
            ))
            .await
            .unwrap();
        let source = TableSource::of_payload("public", table, "", "body");
        let key = Key::Columns(key.iter().map(|name| (*name).to_owned()).collect());
        let job = planned_of(&ledger, TableSource { key, ..source.clone() }).await;
        assert_eq!((job.total, job.batches), (Some(20_000), Some(400)));
        let from = ReadFrom::of(&job);
        let facts = crate::source::facts(&client, &source_of(&job)).await.unwrap();
        let order = crate::source::unchanged(&job, &source_of(&job), &facts).unwrap().order;
        let keys = crate::read::verify::row_keys(&ledger, &job, &[7_000, 7_001, 19_999]).await.unwrap();
        let some: Vec<_> = keys.into_values().collect();
        let statements = [
            ("planning", from.row_keys(&order, Some(&some[0]), 5000)),
            ("looking rows up", from.rows_with(some.iter(), 100)),
        ];
        for analyzed in [false, true] {
            if analyzed {
                client.batch_execute("VACUUM ANALYZE").await.unwrap();
            }
            client.batch_execute(&format!("BEGIN; {INDEX_ONLY}")).await.unwrap();
            for (what, sql) in &statements {
                assert_by_index(&format!("{what}, {table}, analyzed: {analyzed}"), &plan(&client, sql).await);
            }
            client.batch_execute("COMMIT").await.unwrap();
        }
    }
}

fn source_of(job: &Job) -> TableSource {
    let Source::Table(table) = &job.spec.source else { panic!("another source") };
    table.clone()
}

/// It is counted under a lock that the next job to begin waits for.
#[tokio::test(flavor = "multi_thread")]
async fn what_jobs_take_is_counted_without_comparing_each_with_each() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let (_, client) = connect(&servers).await;
    client
        .batch_execute(
            "DO $$ BEGIN FOR n IN 1..500 LOOP \
               INSERT INTO vaultstream.jobs (uid, cluster, namespace, name, spec, state) VALUES (gen_random_uuid(), 'test', 'default', n, \
                 '{\"source\": {\"generate\": {\"records\": 10, \"payloadBytes\": 64}}, \"batchSize\": 5, \"keys\": {\"count\": 1}}', \
                 (ARRAY['Signing', 'Complete', 'Pending'])[n % 3 + 1]); \
               EXECUTE format('CREATE TABLE vaultstream.records_%s (id bigint)', n); END LOOP; END $$",
        )
        .await
        .unwrap();
    let sql = CLAIMS.replace("$1", "'test'").replace("$2", "'default'").replace("$3", "false").replace("$4", "50");
    let claims = client.query(&sql, &[]).await.unwrap();
    let of = |state: &str, kept: bool| {
        claims.iter().filter(|row| row.get::<_, &str>("state") == state && row.get::<_, bool>("kept") == kept).count()
    };
    assert_eq!((of("Signing", false), of("Complete", true)), (166, 167));
    assert_eq!((of("Pending", false), claims.len()), (17, 166 + 167 + 17), "of those that wait, the first 50");
    for analyzed in [false, true] {
        if analyzed {
            client.batch_execute("VACUUM ANALYZE").await.unwrap();
        }
        let text = plan(&client, &sql).await.join("\n");
        assert!(!text.contains("Join Filter"), "analyzed: {analyzed}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_partitioned_table_only_the_partitions_of_a_unit_are_locked() {
    let servers = Servers::start(&Options::temporary().postgres_only()).unwrap();
    let (ledger, client) = connect(&servers).await;
    client
        .batch_execute(
            "SET search_path = public; CREATE TABLE parts (id bigint PRIMARY KEY, body text) PARTITION BY RANGE (id); \
             DO $$ BEGIN FOR i IN 0..9 LOOP EXECUTE format( \
               'CREATE TABLE parts_%s PARTITION OF parts FOR VALUES FROM (%s) TO (%s)', i, i * 100, i * 100 + 100); \
             END LOOP; END $$; INSERT INTO parts SELECT g, 'row' FROM generate_series(0, 999) AS g",
        )
        .await
        .unwrap();
    let job = planned(&ledger, "parts").await;
    let sql = Plan::new(&job).sql(&[(210, 260), (410, 460)]);
    client.batch_execute(&format!("BEGIN; {INDEX_ONLY}")).await.unwrap();
    let text = plan(&client, &sql).await.join("\n");
    let locked = client
        .query(
            "SELECT relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE pid = pg_backend_pid() \
                AND relname ~ '^parts_[0-9]$' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let locked: Vec<String> = locked.iter().map(|row| row.get(0)).collect();
    assert_eq!(locked, ["parts_2", "parts_4"], "{text}");
    client.batch_execute("COMMIT").await.unwrap();

    // A lock table that is full has words of its own.
    let hoard = "SELECT count(pg_advisory_lock(g)) FROM generate_series(1, 100000) AS g";
    let full = client.query(hoard, &[]).await.unwrap_err();
    assert_eq!(full.code().map(|code| code.code()), Some("53200"));
    let error = steps::oversee_plan(&ledger, job.id).await.unwrap_err();
    assert!(error.to_string().contains("raise max_locks_per_transaction"), "{error:?}");
    assert!(!is_out_of_space(&error), "{error:?}");
}
