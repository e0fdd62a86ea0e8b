//! Signing an application's table in place.

use vaultstream_api::{SigningJobSpec, Source, TableSource};
use vaultstream_ledger::batches::{self, Split};
use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::payloads::{self, Payload, RangeRead};
use vaultstream_ledger::planning::{self, Begun, TableError};
use vaultstream_ledger::steps::{self, Seeding, SourceError, Step};
use vaultstream_ledger::{BatchRange, Job, Ledger, progress, verify};

use crate::stage::{Stage, Unseeded, all_signed, of_table, options, seed_chunk, segment_of, url_as};

async fn refused(stage: &Stage, spec: SigningJobSpec) -> SourceError {
    let job = stage.pending(spec).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    match seed_chunk(&stage.ledger, job.id, 1000).await.unwrap_err() {
        Unseeded::Table(TableError::Source(error)) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            error
        }
        other => panic!("{other}"),
    }
}

fn table(schema: &str, name: &str, key: &str, payload: &str) -> SigningJobSpec {
    let mut spec = of_table(name, 10);
    spec.source = Source::Table(TableSource::of_payload(schema, name, key, payload));
    spec
}

async fn read(stage: &Stage, job: &Job, ranges: &[BatchRange]) -> (Vec<RangeRead>, Vec<(usize, i64, Option<Vec<u8>>)>) {
    let mut seen = Vec::new();
    let reads = payloads::read(&stage.ledger, job, ranges, |place, name, payload| {
        seen.push((
            place,
            name.id,
            match payload {
                Payload::Bytes(bytes) => Some(bytes.to_vec()),
                _ => None,
            },
        ));
    })
    .await
    .unwrap();
    (reads, seen)
}

#[tokio::test]
async fn what_cannot_be_signed_is_refused_with_the_field_and_what_to_do() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE good (id bigint PRIMARY KEY, body bytea, price numeric, loose bigint, part bigint NOT NULL, \
               expr bigint NOT NULL, pair bigint NOT NULL, maybe bigint UNIQUE, bad bigint NOT NULL, rate float8 NOT NULL DEFAULT 1); \
             CREATE UNIQUE INDEX ON good (part) WHERE part > 0; CREATE UNIQUE INDEX ON good ((expr + 0)); \
             CREATE UNIQUE INDEX ON good (pair, id); CREATE VIEW seen AS SELECT * FROM good; \
             INSERT INTO good VALUES (1, 'x', 1, 1, 1, 1, 1, 1, 5), (2, 'x', 1, 1, 2, 2, 2, 2, 5)",
        )
        .await
        .unwrap();
    // An invalid unique index is what a failed concurrent build leaves behind.
    assert!(stage.sql().await.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON good (bad)").await.is_err());

    for (schema, name) in [("vaultstream", "jobs"), ("pg_catalog", "pg_class"), ("information_schema", "tables")] {
        let error = refused(&stage, table(schema, name, "id", "name")).await;
        assert!(matches!(error, SourceError::ReservedSchema(_)), "{error}");
    }
    let error = refused(&stage, table("public", "absent", "id", "body")).await;
    assert!(matches!(error, SourceError::NoTable { .. }) && error.to_string().contains("public.absent"), "{error}");
    let error = refused(&stage, table("absent", "good", "id", "body")).await;
    assert!(matches!(error, SourceError::NoTable { .. }), "{error}");
    let error = refused(&stage, table("public", "seen", "id", "body")).await;
    assert!(matches!(error, SourceError::ViewWithoutLogin { .. }), "{error}");
    let error = refused(&stage, table("public", "good", "number", "body")).await;
    assert!(matches!(error, SourceError::NoColumn { member: "key", .. }), "{error}");
    let error = refused(&stage, table("public", "good", "id", "text")).await;
    assert!(matches!(error, SourceError::NoColumn { member: "payload", .. }), "{error}");
    let error = refused(&stage, table("public", "good", "rate", "body")).await;
    assert!(matches!(error, SourceError::KeyType { .. }) && error.to_string().contains("double"), "{error}");
    let error = refused(&stage, table("public", "good", "id", "price")).await;
    assert!(matches!(error, SourceError::PayloadType { .. }) && error.to_string().contains("numeric"), "{error}");
    for key in ["loose", "maybe"] {
        let error = refused(&stage, table("public", "good", key, "body")).await;
        assert!(matches!(error, SourceError::KeyNullable { .. }), "{key}: {error}");
    }
    for key in ["part", "expr", "pair", "bad"] {
        let error = refused(&stage, table("public", "good", key, "body")).await;
        assert!(matches!(error, SourceError::KeyNotUnique { .. }), "{key}: {error}");
    }
}

#[tokio::test]
async fn gaps_cost_nothing_and_the_ranges_tile_the_keys() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE invoices (id bigint PRIMARY KEY, body text); \
             INSERT INTO invoices SELECT g::bigint * g * g - 500, 'invoice ' || g FROM generate_series(-100, 2400) AS g; \
             INSERT INTO invoices VALUES (-9223372036854775808, 'least'), (9223372036854775807, 'greatest')",
        )
        .await
        .unwrap();
    let job = stage.pending(of_table("invoices", 100)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let mut chunks = 0;
    while let Step::Done(Seeding::More { seeded, .. }) = seed_chunk(&stage.ledger, job.id, 250).await.unwrap() {
        chunks += 1;
        assert_eq!(seeded, chunks * 200);
    }
    let job = stage.job(job.id).await;
    assert_eq!(
        (job.total, job.batches, job.signed_types.as_deref()),
        (Some(2503), Some(26), Some(["text".to_owned()].as_slice()))
    );
    let ranges = stage.ranges(&job).await;
    assert_eq!((ranges[0].first, ranges[25].last), (i64::MIN, i64::MAX));
    for pair in ranges.windows(2) {
        assert_eq!(pair[1].first, pair[0].last + 1);
    }
    let (reads, seen) = read(&stage, &job, &ranges).await;
    assert_eq!(seen.len(), 2503);
    assert!(reads.iter().zip(&ranges).all(|(read, range)| read.rows == range.rows && read.outgrown_at.is_none()));
    assert_eq!(seen[0], (0, i64::MIN, Some(b"least".to_vec())));
    assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1));
}

#[tokio::test]
async fn every_type_of_payload_is_its_bytes_or_its_text() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE kinds (id smallint PRIMARY KEY, b bytea, t text, v varchar(20), j json, jb jsonb, u uuid); \
             INSERT INTO kinds VALUES (7, '\\x00ff', 'grün', 'grün', '{ \"a\" :1}', '{ \"a\" :1}', \
             '7D444840-9DC0-11D1-B245-5FFDCE74FAD2'), (8, NULL, NULL, NULL, NULL, NULL, NULL)",
        )
        .await
        .unwrap();
    let expected: [(&str, &[u8]); 6] = [
        ("b", b"\x00\xff"),
        ("t", "grün".as_bytes()),
        ("v", "grün".as_bytes()),
        ("j", b"{ \"a\" :1}"),
        ("jb", b"{\"a\": 1}"),
        ("u", b"7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    ];
    for (column, bytes) in expected {
        let job = stage.signing(table("public", "kinds", "id", column)).await;
        let (_, seen) = read(&stage, &job, &stage.ranges(&job).await).await;
        assert_eq!(seen, [(0, 7, Some(bytes.to_vec())), (0, 8, None)], "{column}");
    }
}

#[tokio::test]
async fn an_empty_table_is_a_job_without_batches() {
    let stage = Stage::new().await;
    stage.sql().await.batch_execute("CREATE TABLE nothing (id int PRIMARY KEY, body text)").await.unwrap();
    let job = stage.signing(of_table("nothing", 10)).await;
    assert_eq!((job.total, job.batches), (Some(0), Some(0)));
    assert!(all_signed(&progress(&stage.ledger, job.id).await.unwrap().unwrap()));
}

#[tokio::test]
async fn rows_inserted_changed_and_deleted_meanwhile_are_counted_not_lost() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE moving (id bigint PRIMARY KEY, body text); \
         INSERT INTO moving SELECT g * 10, 'row ' || g FROM generate_series(1, 40) AS g",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("moving", 10)).await;
    let ranges = stage.ranges(&job).await;
    // Three come (one of them below the first key), two go, one changes, one comes above the plan.
    sql.batch_execute(
        "INSERT INTO moving VALUES (-5, 'new'), (55, 'new'), (395, 'new'), (401, 'too late'); \
         DELETE FROM moving WHERE id IN (110, 120); UPDATE moving SET body = 'changed' WHERE id = 200",
    )
    .await
    .unwrap();
    let (reads, seen) = read(&stage, &job, &ranges).await;
    assert_eq!(seen.len(), 41);
    assert_eq!(reads.iter().map(|read| read.rows).collect::<Vec<_>>(), [12, 8, 10, 11]);
    let lease = stage.first_lease(&job).await;
    let unit: Vec<_> = ranges
        .iter()
        .enumerate()
        .map(|(place, range)| {
            let ids: Vec<_> = seen.iter().filter(|row| row.0 == place).map(|row| row.1).collect();
            segment_of(range, lease.key, &ids)
        })
        .collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((now.total, now.signed, now.changed, now.backlog), (41, 41, 5, 0));
    assert_eq!(verify::completeness(&stage.ledger, &job, 10).await.unwrap(), []);

    // What was signed stays verifiable when the table moves on: the digest is kept.
    sql.batch_execute("DELETE FROM moving WHERE id = 10; UPDATE moving SET body = 'again' WHERE id = 20")
        .await
        .unwrap();
    let mut rows = Vec::new();
    let mut signed = verify::SignedRows::of(&stage.ledger, &job);
    signed
        .read(verify::Rows::Range { first: 10, last: 30 }, &mut |row| {
            rows.push((row.id, row.digest.map(<[u8]>::len), row.now.payload().map(<[u8]>::to_vec)));
            std::ops::ControlFlow::Continue(())
        })
        .await
        .unwrap();
    assert_eq!(
        rows,
        [(10, Some(32), None), (20, Some(32), Some(b"again".to_vec())), (30, Some(32), Some(b"row 3".to_vec()))]
    );
}

#[tokio::test]
async fn a_range_that_has_outgrown_its_plan_is_read_in_part_and_split() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE growing (id bigint PRIMARY KEY, body text); \
         INSERT INTO growing SELECT g * 1000, 'row ' || g FROM generate_series(1, 20) AS g",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("growing", 10)).await;
    sql.batch_execute("INSERT INTO growing SELECT g, 'late' FROM generate_series(1, 99) AS g").await.unwrap();
    let mut rounds = 0;
    loop {
        let ranges = stage.ranges(&job).await;
        let Some(range) = ranges.first() else { break };
        let (reads, seen) = read(&stage, &job, &[*range]).await;
        assert!(seen.len() <= 20, "{} rows at once", seen.len());
        let mut range = *range;
        if let Some(at) = reads[0].outgrown_at {
            assert_eq!(reads[0].rows, 20);
            let split = batches::split(&stage.ledger, job.id, range.batch, at, reads[0].rows).await.unwrap();
            assert!(matches!(split, Split::Done(_)));
            range.last = at - 1;
        }
        let lease = stage.first_lease(&job).await;
        let ids: Vec<_> = seen.iter().map(|row| row.1).collect();
        assert_eq!(stage.commit(&job, &lease, &[segment_of(&range, lease.key, &ids)]).await, Committed::Done);
        vaultstream_ledger::leases::release(&stage.ledger, &lease).await.unwrap();
        rounds += 1;
    }
    let job = stage.job(job.id).await;
    assert_eq!((rounds, job.batches), (7, Some(7)));
    let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((now.signed, now.total, now.changed, now.backlog), (119, 119, 99, 0));
    assert!(all_signed(&now));
    assert_eq!(verify::completeness(&stage.ledger, &job, 10).await.unwrap(), []);
}

#[tokio::test]
async fn rows_deleted_during_planning_leave_ranges_that_tile() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE shrinking (id bigint PRIMARY KEY, body text); \
         INSERT INTO shrinking SELECT g, 'row' FROM generate_series(1, 100) AS g",
    )
    .await
    .unwrap();
    let job = stage.pending(of_table("shrinking", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    assert!(matches!(seed_chunk(&stage.ledger, job.id, 30).await.unwrap(), Step::Done(Seeding::More { .. })));
    sql.batch_execute("DELETE FROM shrinking WHERE id > 30").await.unwrap();
    let done = seed_chunk(&stage.ledger, job.id, 30).await.unwrap();
    assert_eq!(done, Step::Done(Seeding::Done { total: 30, batches: 3 }));
    let ranges = stage.ranges(&job).await;
    assert_eq!((ranges[0].first, ranges[2].last), (i64::MIN, 100));
}

#[tokio::test]
async fn row_level_security_is_an_error_not_a_smaller_job() {
    let stage = Stage::new().await;
    let role = format!("tenant_{:x}", uuid::Uuid::new_v4().as_u128());
    stage
        .sql()
        .await
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; \
             CREATE TABLE hidden (id bigint PRIMARY KEY, body text); INSERT INTO hidden VALUES (1, 'a'), (2, 'b'); \
             ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON hidden USING (id = 1); \
             GRANT SELECT ON hidden TO {role}"
        ))
        .await
        .unwrap();
    let job = stage.pending(of_table("hidden", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let tenant = options(&url_as(&stage.url, &role));
    let Begun::Plan(plan) = planning::begin(&stage.ledger, job.id, job.uid).await.unwrap() else { panic!("not begun") };
    let reader = Ledger::connect(&tenant).await.unwrap();
    let error = planning::read_chunk(&reader, &job, &plan, 10).await.unwrap_err();
    assert!(matches!(error, TableError::Source(SourceError::RowSecurity { .. })), "{error}");
}
