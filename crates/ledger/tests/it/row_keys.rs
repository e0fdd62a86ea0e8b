//! Tables with keys of any kind: ordinals for their rows, and rows by their keys.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use vaultstream_api::{Key, SigningJobSpec, Source, TableSource};
use vaultstream_ledger::payloads::{self, Payload, ReadError};
use vaultstream_ledger::planning::{self, Begun, ChunkOutcome, TableError};
use vaultstream_ledger::steps::{self, Step};
use vaultstream_ledger::verify;
use vaultstream_ledger::{Job, Ledger, RowAccess, RowIds, SourceLogin, TlsFiles};
use vaultstream_signing::RowKey;

use crate::stage::{Stage, of_table, options, seed_chunk, url_as};

/// The rows of a table, their key as the manifest may say it: one name, several, or none for the primary key.
pub(crate) fn of(name: &str, key: &[&str], batch_size: u32) -> SigningJobSpec {
    let mut spec = of_table(name, batch_size);
    let key = match key {
        [] => Key::Primary,
        names => Key::Columns(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    spec.source = Source::Table(TableSource { key, ..TableSource::of_payload("public", name, "", "body") });
    spec
}

pub(crate) fn row_key(values: &[&str]) -> RowKey {
    RowKey::new(values.iter().map(|value| (*value).to_owned()).collect())
}

/// What is shown of each ordinal: its key, and its payload or what else it is.
pub(crate) async fn shown(ledger: &Ledger, stage: &Stage, job: &Job) -> BTreeMap<i64, (RowKey, String)> {
    let ranges = stage.ranges(job).await;
    let mut found: BTreeMap<i64, (vaultstream_signing::Hash, String)> = BTreeMap::new();
    let reads = payloads::read(ledger, job, &ranges, |place, name, payload| {
        assert!((ranges[place].first..=ranges[place].last).contains(&name.id));
        let told = match payload {
            Payload::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Payload::Unreadable(_) => "unreadable".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        found.insert(name.id, (name.key.unwrap(), told));
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    let rows: i64 = reads.iter().map(|read| read.rows).sum();
    assert_eq!(rows, job.total.unwrap(), "each ordinal is shown once");
    let ids: Vec<i64> = found.keys().copied().collect();
    let keys = verify::row_keys(&stage.ledger, job, &ids).await.unwrap();
    let named = found.into_iter().map(|(id, (hash, told))| {
        assert_eq!(keys[&id].hash(), hash);
        (id, (keys[&id].clone(), told))
    });
    named.collect()
}

/// Values of each type that a key can have, in their order, and their texts.
const VALUES: [(&str, [&str; 3], [&str; 3]); 15] = [
    ("smallint", ["-7", "0", "32767"], ["-7", "0", "32767"]),
    ("integer", ["-7", "0", "9"], ["-7", "0", "9"]),
    (
        "bigint",
        ["-9223372036854775808", "0", "9223372036854775807"],
        ["-9223372036854775808", "0", "9223372036854775807"],
    ),
    ("boolean", ["false", "true", "true"], ["false", "true", "true"]),
    (
        "uuid",
        [
            "'00000000-0000-0000-0000-000000000000'",
            "'0190d4e2-0000-7000-8000-00000000000A'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ],
        [
            "00000000-0000-0000-0000-000000000000",
            "0190d4e2-0000-7000-8000-00000000000a",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    ("text", ["''", "E'a\\t\\\\\\n\"b\"{,}'", "U&'\\+01F600 NULL'"], ["", "a\t\\\n\"b\"{,}", "\u{1f600} NULL"]),
    ("varchar(20)", ["'a'", "'it''s'", "'ä'"], ["a", "it's", "ä"]),
    ("char(5)", ["'a'", "'b c'", "'d'"], ["a", "b c", "d"]),
    ("date", ["'-infinity'", "'0044-03-15 BC'", "'2026-02-03'"], ["-infinity", "0044-03-15 BC", "2026-02-03"]),
    ("time", ["'00:00'", "'04:05:06.789'", "'24:00'"], ["00:00:00", "04:05:06.789", "24:00:00"]),
    (
        "timestamp",
        ["'2026-02-03 04:05:06.789012'", "'2026-02-04'", "'infinity'"],
        ["2026-02-03 04:05:06.789012", "2026-02-04 00:00:00", "infinity"],
    ),
    (
        "timestamptz",
        ["'2026-02-03 04:05:06.789012+05:30'", "'2026-02-03 00:00+00'", "'2026-02-03 12:00-08'"],
        ["2026-02-02 22:35:06.789012+00", "2026-02-03 00:00:00+00", "2026-02-03 20:00:00+00"],
    ),
    ("numeric", ["-1.50", "0", "12345678901234567890.1"], ["-1.50", "0", "12345678901234567890.1"]),
    ("bytea", ["'\\x'", "'\\x00ff5c'", "'\\xff'"], ["\\x", "\\x00ff5c", "\\xff"]),
    ("inet", ["'10.0.0.2/8'", "'10.0.0.1'", "'::1'"], ["10.0.0.2/8", "10.0.0.1/32", "::1/128"]),
];

#[tokio::test]
async fn a_key_of_each_type_names_its_row_in_the_order_of_its_index() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    // The session of the table's owner says nothing of how its keys are written.
    sql.batch_execute("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kolkata'; SET bytea_output = escape")
        .await
        .unwrap();
    for (type_name, values, texts) in VALUES {
        // A second column makes several of one value.
        sql.batch_execute(&format!(
            "DROP TABLE IF EXISTS one; CREATE TABLE one (k {type_name}, n smallint, body text, PRIMARY KEY (k, n))"
        ))
        .await
        .unwrap();
        for (n, value) in values.iter().enumerate() {
            sql.batch_execute(&format!("INSERT INTO one VALUES ({value}, {n}, 'row {n}')")).await.unwrap();
        }
        let job = stage.signing(of("one", &[], 2)).await;
        assert_eq!((job.total, job.batches), (Some(3), Some(2)), "{type_name}");
        let key = job.ordinals().unwrap();
        assert_eq!(
            (key.columns.as_slice(), key.ids),
            (["k".to_owned(), "n".to_owned()].as_slice(), RowIds::Ordinals(RowAccess::Range))
        );
        let found: Vec<_> = shown(&stage.ledger, &stage, &job).await.into_values().collect();
        let wanted: Vec<_> = (0..3).map(|n| (row_key(&[texts[n], &n.to_string()]), format!("row {n}"))).collect();
        assert_eq!(found, wanted, "{type_name}");
        let view = job.signed_view.as_deref().unwrap();
        let columns = sql.prepare(&format!("SELECT * FROM vaultstream.\"{view}\"")).await.unwrap();
        let names: Vec<&str> = columns.columns().iter().map(|column| column.name()).collect();
        assert_eq!(names, ["k", "n", "signature", "key_id", "batch", "signed_at", "digest", "record_id"]);
    }
}

#[tokio::test]
async fn one_column_of_integers_stays_the_id_however_it_is_named() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE ids (\"No\" int PRIMARY KEY, body text); INSERT INTO ids SELECT 10 * g, 'x' FROM generate_series(1, 5) g")
        .await
        .unwrap();
    for key in [[].as_slice(), &["No"]] {
        let job = stage.signing(of("ids", key, 2)).await;
        assert!(job.ordinals().is_none());
        assert_eq!(job.key_columns(), ["No"]);
        let (ranges, mut ids) = (stage.ranges(&job).await, Vec::new());
        payloads::read(&stage.ledger, &job, &ranges, |_, name, _| ids.push((name.id, name.key))).await.unwrap();
        assert_eq!(ids, [10, 20, 30, 40, 50].map(|id| (id, None)));
        let view = job.signed_view.as_deref().unwrap();
        let columns = sql.prepare(&format!("SELECT * FROM vaultstream.\"{view}\"")).await.unwrap();
        assert_eq!(columns.columns()[0].name(), "No");
    }
}

#[tokio::test]
async fn a_partitioned_table_is_read_by_a_key_with_its_partition_column() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE events (id uuid, created_at timestamptz, body text, PRIMARY KEY (id, created_at)) PARTITION BY RANGE (created_at); \
             CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z'); \
             CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z'); \
             INSERT INTO events SELECT gen_random_uuid(), '2026-01-01Z'::timestamptz + g * interval '1 hour', 'row ' || g \
               FROM generate_series(0, 1399) AS g",
        )
        .await
        .unwrap();
    let job = stage.signing(of("events", &[], 100)).await;
    assert_eq!((job.total, job.batches), (Some(1400), Some(14)));
    let rows = shown(&stage.ledger, &stage, &job).await;
    let mut payloads: Vec<&str> = rows.values().map(|(_, payload)| payload.as_str()).collect();
    payloads.sort_unstable();
    payloads.dedup();
    assert_eq!(payloads.len(), 1400);
    assert!(rows.values().all(|(_, payload)| payload.starts_with("row ")));
}

/// A login that may read, as which source tables are read.
pub(crate) async fn reader(stage: &Stage, sql: &Client, granted: &str) -> Ledger {
    let role = format!("reader_{:x}", uuid::Uuid::new_v4().as_u128());
    sql.batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON {granted} TO {role}")).await.unwrap();
    let mut with_login = options(&stage.url);
    with_login.source.login = Some(SourceLogin { url: url_as(&stage.url, &role), tls: TlsFiles::default() });
    Ledger::connect(&with_login).await.unwrap()
}

/// The same job, planned with this ledger's login for sources.
pub(crate) async fn planned(stage: &Stage, ledger: &Ledger, spec: SigningJobSpec) -> Job {
    let job = stage.pending(spec).await;
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    while let Step::Done(steps::Seeding::More { .. }) = seed_chunk(ledger, job.id, 7).await.unwrap() {}
    stage.job(job.id).await
}

#[tokio::test]
async fn views_and_foreign_tables_are_read_by_their_keys_and_doubled_ones_are_rejected() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    let port = stage.number("SELECT current_setting('port')::bigint").await;
    let socket = crate::stage::socket_of(&stage.url).rsplit_once('/').unwrap().0.to_owned();
    sql.batch_execute(&format!(
        "CREATE TABLE base (region text, no int, body text); INSERT INTO base SELECT 'r' || g % 3, g, 'row ' || g FROM generate_series(1, 20) g; \
         INSERT INTO base VALUES ('r1', 1, 'again'), ('r9', 0, NULL); \
         CREATE VIEW seen AS SELECT region, no, body FROM base; \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen; \
         CREATE EXTENSION postgres_fdw; CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw \
           OPTIONS (host '{socket}', port '{port}', dbname '{}'); \
         CREATE FOREIGN TABLE far (region text, no int, body text) SERVER here OPTIONS (table_name 'base'); \
         CREATE USER MAPPING FOR PUBLIC SERVER here OPTIONS (user '{}', password_required 'false')",
        stage.url.rsplit_once('/').unwrap().1,
        stage.url.split_once("://").unwrap().1.split_once('@').unwrap().0,
    ))
    .await
    .unwrap();
    let ledger = reader(&stage, &sql, "seen, kept, far").await;
    for name in ["seen", "kept", "far"] {
        let job = planned(&stage, &ledger, of(name, &["region", "no"], 4)).await;
        assert_eq!((job.total, job.batches), (Some(21), Some(6)), "{name}: in chunks of 7 rows");
        assert_eq!(job.ordinals().unwrap().ids, RowIds::Ordinals(RowAccess::Join));
        let rows = shown(&ledger, &stage, &job).await;
        let told: BTreeMap<String, String> = rows.into_values().map(|(key, told)| (key.json(), told)).collect();
        assert_eq!(told["[\"r1\",\"1\"]"], "repeated", "{name}");
        assert_eq!((told["[\"r9\",\"0\"]"].as_str(), told["[\"r2\",\"5\"]"].as_str()), ("null", "row 5"), "{name}");
    }
    // Without a login of its own, the ledger's would run what the view's owner likes.
    let told =
        steps::look_at_table(&stage.ledger, &table_of(&of("seen", &["no"], 4)), false).await.unwrap_err().to_string();
    assert!(told.starts_with("spec.source.table.name: public.seen is a view, which runs code of its owner"), "{told}");
    let job = planned(&stage, &ledger, of("seen", &["region", "no"], 40)).await;
    let ranges = stage.ranges(&job).await;
    let error = payloads::read(&stage.ledger, &job, &ranges, |_, _, _| panic!("a row was read")).await.unwrap_err();
    assert!(error.to_string().contains("give the source a login of its own"), "{error}");
}

pub(crate) fn table_of(spec: &SigningJobSpec) -> TableSource {
    let Source::Table(table) = &spec.source else { panic!("another source") };
    table.clone()
}

#[tokio::test]
async fn a_plan_is_continued_behind_its_last_key_and_only_by_its_holder() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE words (word text PRIMARY KEY, body text); INSERT INTO words SELECT md5(g::text), g::text FROM generate_series(1, 100) g")
        .await
        .unwrap();
    let job = stage.pending(of("words", &[], 8)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    steps::oversee_plan(&stage.ledger, job.id).await.unwrap();
    let begin = async |lease| match planning::begin(&stage.ledger, job.id, lease).await.unwrap() {
        Begun::Plan(plan) => plan,
        other => panic!("{other:?}"),
    };
    let (one, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let mut first = begin(one).await;
    let chunk = planning::read_chunk(&stage.ledger, &job, &first, 30).await.unwrap();
    assert_eq!(planning::store(&stage.ledger, &mut first, &chunk).await.unwrap(), ChunkOutcome::More);
    let job = stage.job(job.id).await;
    assert_eq!((job.seeded, job.batches), (30, Some(4)), "the last batch of a chunk may be short");
    let stale = planning::read_chunk(&stage.ledger, &job, &first, 30).await.unwrap();
    sql.batch_execute("UPDATE vaultstream.jobs SET plan_lease_until = now() - interval '1 s'").await.unwrap();
    let mut second = begin(other).await;
    assert_eq!(planning::store(&stage.ledger, &mut first, &stale).await.unwrap(), ChunkOutcome::Lost);
    assert_eq!(
        stage.number(&format!("SELECT count(*) FROM vaultstream.rows_{}", job.id)).await,
        30,
        "nothing is half stored"
    );
    loop {
        let chunk = planning::read_chunk(&stage.ledger, &job, &second, 30).await.unwrap();
        if planning::store(&stage.ledger, &mut second, &chunk).await.unwrap() == ChunkOutcome::Complete {
            break;
        }
    }
    steps::oversee_plan(&stage.ledger, job.id).await.unwrap();
    let job = stage.job(job.id).await;
    let rows = shown(&stage.ledger, &stage, &job).await;
    let keys: Vec<&str> = rows.values().map(|(key, _)| key.values()[0].as_str()).collect();
    assert_eq!(keys.len(), 100);
    assert!(keys.is_sorted() && rows.values().all(|(_, payload)| payload.parse::<i32>().is_ok()));
    // The keys' index is built with that of the signatures.
    let indexes = format!(
        "SELECT count(*) FROM pg_index WHERE indrelid = 'vaultstream.rows_{}'::regclass AND indisunique",
        job.id
    );
    assert_eq!(stage.number(&indexes).await, 1);
}

#[tokio::test]
async fn a_table_whose_key_changes_in_mid_job_stops_it() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE moving (k uuid PRIMARY KEY, n bigint NOT NULL UNIQUE, body text); \
         INSERT INTO moving SELECT gen_random_uuid(), g, 'x' FROM generate_series(1, 10) g",
    )
    .await
    .unwrap();
    let job = stage.signing(of("moving", &[], 10)).await;
    let ranges = stage.ranges(&job).await;
    let read = || payloads::read(&stage.ledger, &job, &ranges, |_, _, _| {});
    read().await.unwrap();
    for (change, undo, words) in [
        (
            "ALTER TABLE moving DROP CONSTRAINT moving_pkey, ADD PRIMARY KEY (n)",
            "ALTER TABLE moving DROP CONSTRAINT moving_pkey, ADD PRIMARY KEY (k)",
            "its key is (n) now, and was (k)",
        ),
        (
            "ALTER TABLE moving DROP CONSTRAINT moving_pkey",
            "ALTER TABLE moving ADD PRIMARY KEY (k)",
            "it has no primary key now",
        ),
        (
            "ALTER TABLE moving ALTER k TYPE text USING k::text",
            "ALTER TABLE moving ALTER k TYPE uuid USING k::uuid",
            "its key is of type text now, and was uuid",
        ),
        ("ALTER TABLE moving RENAME k TO id", "ALTER TABLE moving RENAME id TO k", "its key is (id) now, and was (k)"),
        ("ALTER TABLE moving RENAME TO moved", "ALTER TABLE moved RENAME TO moving", ""),
    ] {
        sql.batch_execute(change).await.unwrap();
        let error = read().await.unwrap_err();
        assert!(
            matches!(error, ReadError::Source(_) | ReadError::Gone(_)) && error.to_string().contains(words),
            "{change}: {error}"
        );
        sql.batch_execute(undo).await.unwrap();
        read().await.unwrap();
    }
}

#[tokio::test]
async fn a_planner_cannot_say_more_than_it_copied() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE t (k uuid PRIMARY KEY, body text)").await.unwrap();
    let job = stage.pending(of("t", &[], 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    steps::oversee_plan(&stage.ledger, job.id).await.unwrap();
    let Begun::Plan(_) = planning::begin(&stage.ledger, job.id, uuid::Uuid::from_u128(1)).await.unwrap() else {
        panic!("held")
    };
    let (id, lease) = (job.id, "'00000000-0000-0000-0000-000000000001'::uuid");
    let claim = |rows: i64, columns: &str, types: &str| {
        format!("SELECT vaultstream.claim_rows({id}, 1, {lease}, 0, {rows}, '{columns}', '{types}', 'range')")
    };
    let plan = |rows: i64| {
        format!("SELECT vaultstream.plan_rows({id}, 1, {lease}, 0, {rows}, true, 'text', 1::oid, 1::oid, false)")
    };
    let code = async |statements: &[&str]| {
        sql.batch_execute("BEGIN").await.unwrap();
        let mut code = None;
        for statement in statements {
            if let Err(error) = sql.batch_execute(statement).await {
                code = error.code().map(|code| code.code().to_owned());
                break;
            }
        }
        sql.batch_execute("ROLLBACK").await.unwrap();
        code
    };
    let insert = format!("INSERT INTO vaultstream.rows_{id} SELECT g, gen_random_uuid() FROM generate_series(1, 3) g");
    let good = claim(3, "{k}", "{uuid}");
    assert_eq!(code(&[&good, &insert, &plan(3)]).await, None);
    let skipping = insert.replace("(1, 3)", "(2, 4)");
    let below = format!("{insert}; INSERT INTO vaultstream.rows_{id} VALUES (-4, gen_random_uuid())");
    for statements in [
        [claim(3, "{}", "{}").as_str(), "", ""],
        [&claim(3, "{k}", "{float8}"), "", ""],
        [&claim(3, "{k}", "{uuid,text}"), "", ""],
        [&claim(3, &format!("{{{}}}", "k".repeat(64)), "{uuid}"), "", ""],
        [&claim(3, "{k}", "{\"uuid, x text\"}"), "", ""],
        [&claim(-1, "{k}", "{uuid}"), "", ""],
        [&claim(1_000_001, "{k}", "{uuid}"), "", ""],
        [&good, &insert, &plan(2)],
        [&good, &insert, &plan(4)],
        [&good, &skipping, &plan(3)],
        [&good, &below, &plan(3)],
    ] {
        assert_eq!(code(&statements).await.as_deref(), Some("VS011"), "{statements:?}");
    }
    let doubled = format!("{insert}; {insert}");
    assert_eq!(code(&[&good, &doubled, &plan(6)]).await.as_deref(), Some("23505"), "an ordinal is one row's");
    // Another's lease, and another's place.
    for statement in [good.replace("000001'", "000002'"), good.replace("uuid, 0, 3", "uuid, 3, 3")] {
        let row = sql.query_one(&statement, &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "lost", "{statement}");
    }
    assert!(matches!(
        steps::look_at_table(&stage.ledger, &table_of(&job.spec), false).await,
        Ok(()) | Err(TableError::Source(_))
    ));
}
