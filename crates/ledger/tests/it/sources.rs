//! Tables in databases of others: what their owners do there is not done to us.

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_ledger::payloads::{self, ReadError};
use vaultstream_ledger::planning::TableError;
use vaultstream_ledger::steps::{self, Seeding, SourceError, Step};
use vaultstream_ledger::verify::{self, Now, Rows, SignedRows};
use vaultstream_ledger::{ConnectOptions, Job, Ledger, SourceLogin, TlsFiles};

use crate::stage::{Stage, Unseeded, of_table, options, seed_chunk_as, segment, url_as};
use crate::tenants::Login;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A login that owns a schema, and what it tries.
struct Attacker {
    role: String,
    sql: Client,
}

impl Attacker {
    /// It may make schemas in the ledger's database, like any application that shares it.
    async fn of(stage: &Stage) -> Self {
        let role = format!("team_c_{:x}", Uuid::new_v4().as_u128());
        let database = stage.url.rsplit('/').next().unwrap();
        let sql = format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}");
        stage.sql().await.batch_execute(&sql).await.unwrap();
        let sql = connect(&url_as(&stage.url, &role)).await;
        // Whoever runs the function and may do so makes its owner a reader of everything.
        sql.batch_execute(&format!(
            "CREATE SCHEMA bait; SET search_path = bait; \
             CREATE FUNCTION rob() RETURNS void LANGUAGE plpgsql AS $$ BEGIN \
                 IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN \
                     EXECUTE 'GRANT pg_read_all_data TO {role}'; \
                 END IF; \
                 PERFORM set_config('search_path', 'bait, pg_catalog', false), pg_try_advisory_lock(4711); END $$; \
             CREATE FUNCTION bait.seem_harmless(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
                 PERFORM bait.rob(); RETURN value; END $$; \
             GRANT USAGE ON SCHEMA bait TO PUBLIC"
        ))
        .await
        .unwrap();
        Self { role, sql }
    }

    /// Whether the ledger's owner was robbed.
    async fn has_succeeded(&self, stage: &Stage) -> bool {
        let sql = "SELECT pg_has_role($1, 'pg_read_all_data', 'MEMBER')";
        stage.sql().await.query_one(sql, &[&self.role]).await.unwrap().get(0)
    }
}

fn spec_of(schema: &str, table: &str) -> vaultstream_api::SigningJobSpec {
    let mut spec = of_table(table, 10);
    let vaultstream_api::Source::Table(source) = &mut spec.source else { unreachable!() };
    schema.clone_into(&mut source.schema);
    spec
}

async fn provisioned(stage: &Stage, spec: vaultstream_api::SigningJobSpec) -> Job {
    let job = stage.pending(spec).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    job
}

/// Planning evaluates the expressions of a table's indexes, whoever plans.
#[tokio::test]
async fn the_owner_of_a_table_does_not_become_the_ledger_s_owner() {
    let stage = Stage::new().await;
    let attacker = Attacker::of(&stage).await;
    attacker
        .sql
        .batch_execute(
            "CREATE TABLE bait.letters (id bigint PRIMARY KEY, body text); \
             INSERT INTO bait.letters SELECT n, 'letter' FROM generate_series(1, 40) n; \
             CREATE INDEX ON bait.letters ((bait.seem_harmless(1))); GRANT SELECT ON bait.letters TO PUBLIC",
        )
        .await
        .unwrap();
    let worker = Login::of(&stage, "default").await.ledger().await;
    let job = provisioned(&stage, spec_of("bait", "letters")).await;
    while let Step::Done(Seeding::More { .. }) = seed_chunk_as(&stage.ledger, &worker, job.id, 20).await.unwrap() {}
    let job = stage.job(job.id).await;
    let mut rows = 0;
    payloads::read(&worker, &job, &stage.ranges(&job).await, |_, _, _| rows += 1).await.unwrap();
    assert_eq!(rows, 40);
    assert!(!attacker.has_succeeded(&stage).await, "the ledger's owner read the table");
    // The attack is one: this is what lifecycle did before workers planned.
    stage.sql().await.query("SELECT id FROM bait.letters WHERE id = 1", &[]).await.unwrap();
    assert!(attacker.has_succeeded(&stage).await, "the test shows nothing");
}

#[tokio::test]
async fn what_was_done_in_a_session_that_read_a_table_is_undone_before_it_is_used_again() {
    let stage = Stage::new().await;
    let attacker = Attacker::of(&stage).await;
    attacker
        .sql
        .batch_execute(
            "CREATE TABLE bait.letters (id bigint PRIMARY KEY, body text); INSERT INTO bait.letters VALUES (1, 'letter'); \
             GRANT SELECT ON bait.letters TO PUBLIC; \
             CREATE FUNCTION bait.bigint_is_less(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'; \
             CREATE OPERATOR bait.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = bait.bigint_is_less)",
        )
        .await
        .unwrap();
    let login = Login::of(&stage, "default").await;
    // One session for each, so that it is the same one that is used again.
    let one = ConnectOptions { max_connections: 1, ..options(&login.url) };
    let worker = Ledger::connect(&one).await.unwrap();
    let job = provisioned(&stage, spec_of("bait", "letters")).await;
    seed_chunk_as(&stage.ledger, &worker, job.id, 20).await.unwrap();
    let job = stage.job(job.id).await;
    let ranges = stage.ranges(&job).await;
    attacker.sql.batch_execute("CREATE INDEX ON bait.letters ((bait.seem_harmless(1)))").await.unwrap();
    attacker.sql.batch_execute("SELECT pg_catalog.pg_advisory_unlock_all()").await.unwrap();
    for _ in 0..3 {
        let reads = payloads::read(&worker, &job, &ranges, |_, _, _| {}).await.unwrap();
        assert_eq!(reads[0].rows, 1, "another operator compared the keys");
    }
    worker.ping_source().await.unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(stage.number(held).await, 0, "a lock outlived the session's use");
    // And the session of the ledger never had any of it.
    assert_eq!(vaultstream_ledger::progress(&worker, job.id).await.unwrap().unwrap().total, 1);
}

#[tokio::test]
async fn types_and_casts_of_users_are_refused_by_name_and_not_run() {
    let stage = Stage::new().await;
    let attacker = Attacker::of(&stage).await;
    attacker
        .sql
        .batch_execute(
            "CREATE TYPE bait.jsonb AS (body pg_catalog.text); \
             CREATE FUNCTION bait.words(bait.jsonb) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN \
                 PERFORM bait.rob(); RETURN 'x'; END $$; \
             CREATE CAST (bait.jsonb AS pg_catalog.text) WITH FUNCTION bait.words(bait.jsonb); \
             CREATE DOMAIN bait.int8 AS pg_catalog.int8 CHECK (bait.seem_harmless(VALUE) > 0); \
             CREATE TYPE bait.mood AS ENUM ('a', 'b'); \
             CREATE TABLE bait.typed (id pg_catalog.int8 PRIMARY KEY, body bait.jsonb); \
             CREATE TABLE bait.domained (id bait.int8 PRIMARY KEY, body pg_catalog.text); \
             CREATE TABLE bait.moody (id pg_catalog.int8 PRIMARY KEY, body bait.mood); \
             INSERT INTO bait.typed VALUES (1, ROW('x')); INSERT INTO bait.domained VALUES (1, 'x'); \
             INSERT INTO bait.moody VALUES (1, 'a')",
        )
        .await
        .unwrap();
    for (table, told) in [("typed", "bait.jsonb"), ("domained", "bait.int8"), ("moody", "bait.mood")] {
        let job = provisioned(&stage, spec_of("bait", table)).await;
        // Even for who may do everything.
        let error = seed_chunk_as(&stage.ledger, &stage.ledger, job.id, 20).await.unwrap_err();
        assert!(error.to_string().contains(&format!("is of type {told}")), "{table}: {error}");
    }
    assert!(!attacker.has_succeeded(&stage).await);
}

/// A view is read with the rights of who asks, and runs its functions so.
#[tokio::test]
async fn a_table_that_became_something_else_is_neither_read_nor_run() {
    let stage = Stage::new().await;
    let attacker = Attacker::of(&stage).await;
    attacker
        .sql
        .batch_execute(
            "CREATE TABLE bait.letters (id bigint PRIMARY KEY, body text); \
             INSERT INTO bait.letters SELECT n, 'letter' FROM generate_series(1, 20) n",
        )
        .await
        .unwrap();
    let job = provisioned(&stage, spec_of("bait", "letters")).await;
    while let Step::Done(Seeding::More { .. }) = seed_chunk_as(&stage.ledger, &stage.ledger, job.id, 20).await.unwrap()
    {
    }
    let job = stage.job(job.id).await;
    let lease = stage.first_lease(&job).await;
    let ranges = stage.ranges(&job).await;
    let units: Vec<_> = ranges
        .iter()
        .map(|range| {
            let ids =
                vaultstream_ledger::BatchRange { first: range.last.min(20) - 9, last: range.last.min(20), ..*range };
            let mut unit = segment(&ids, lease.key);
            (unit.first, unit.last) = (range.first, range.last);
            unit
        })
        .collect();
    stage.commit(&job, &lease, &units).await;
    steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    let job = stage.job(job.id).await;

    for swapped in [
        "CREATE VIEW bait.letters AS SELECT bait.seem_harmless(1) AS id, 'x'::text AS body",
        "CREATE VIEW bait.letters AS SELECT id, body FROM bait.real WHERE bait.seem_harmless(1) = 1",
        "CREATE TABLE bait.letters (id bigint PRIMARY KEY, body bait.pair)",
    ] {
        let swap = format!(
            "DROP TYPE IF EXISTS bait.pair CASCADE; CREATE TYPE bait.pair AS (a text); ALTER TABLE bait.letters RENAME TO real; {swapped}"
        );
        attacker.sql.batch_execute(&swap).await.unwrap();
        let error = payloads::read(&stage.ledger, &job, &ranges, |_, _, _| panic!("a row was read")).await.unwrap_err();
        assert!(matches!(error, ReadError::Source(SourceError::Changed { .. })), "{swapped}: {error:?}");
        let error = vaultstream_ledger::planning::check_planned(&stage.ledger, &job).await.unwrap_err();
        assert!(matches!(error, TableError::Source(SourceError::Changed { .. })), "{swapped}: {error:?}");

        let (mut signed, mut shown) = (SignedRows::of(&stage.ledger, &job), 0);
        let mut visit = |row: vaultstream_ledger::verify::SignedRow<'_>| {
            assert_eq!(row.now, Now::NotRead, "{swapped}");
            shown += 1;
            std::ops::ControlFlow::Continue(())
        };
        signed.read(Rows::All, &mut visit).await.unwrap();
        assert!(signed.lost().is_some_and(|lost| lost.why.contains("was changed")), "{swapped}: {:?}", signed.lost());
        assert_eq!(shown, 20, "{swapped}");
        for unread in [
            verify::newer_rows(&stage.ledger, &job).await.map(drop),
            verify::unsigned_rows(&stage.ledger, &job, 10).await.map(drop),
        ] {
            assert!(matches!(unread, Err(ReadError::Source(_))), "{swapped}: {unread:?}");
        }
        verify::completeness(&stage.ledger, &job, 10).await.unwrap();
        let kind = swapped.split(" bait").next().unwrap().replace("CREATE", "DROP");
        let undo = format!("{kind} bait.letters; ALTER TABLE bait.real RENAME TO letters");
        attacker.sql.batch_execute(&undo).await.unwrap();
    }
    assert!(!attacker.has_succeeded(&stage).await, "something of it was run");
    let mut rows = 0;
    payloads::read(&stage.ledger, &job, &ranges, |_, _, _| rows += 1).await.unwrap();
    assert_eq!(rows, 20);
}

/// The source's login has nothing to do with the ledger, and the ledger's login nothing with the source.
#[tokio::test]
async fn a_table_of_another_server_is_planned_read_and_verified_with_a_login_of_its_own() {
    let other = tokio::task::spawn_blocking(|| {
        vaultstream_embedded::Servers::start(&vaultstream_embedded::Options::temporary().postgres_only()).unwrap()
    })
    .await
    .unwrap();
    let elsewhere = connect(other.database_url()).await;
    elsewhere
        .batch_execute(
            "SET search_path = public; CREATE ROLE app LOGIN; CREATE ROLE stranger LOGIN; \
             CREATE TABLE letters (id bigint PRIMARY KEY, body text); \
             INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 40) n; GRANT SELECT ON letters TO app",
        )
        .await
        .unwrap();
    let stage = Stage::new().await;
    let login = Login::of(&stage, "default").await;
    let as_login = async |role: &str| {
        let url = url_as(other.database_url(), role);
        let mut options = options(&login.url);
        options.source.login = Some(SourceLogin { url, tls: TlsFiles::default() });
        Ledger::connect(&options).await.unwrap()
    };
    let job = provisioned(&stage, of_table("letters", 10)).await;
    let denied = seed_chunk_as(&stage.ledger, &as_login("stranger").await, job.id, 20).await.unwrap_err();
    assert!(denied.to_string().contains("stranger may not read table public.letters"), "{denied}");
    let absent = seed_chunk_as(&stage.ledger, &as_login("nobody_at_all").await, job.id, 20).await.unwrap_err();
    assert!(matches!(absent, Unseeded::Table(TableError::Query(_))), "{absent:?}");

    let worker = as_login("app").await;
    while let Step::Done(Seeding::More { .. }) = seed_chunk_as(&stage.ledger, &worker, job.id, 20).await.unwrap() {}
    let job = stage.job(job.id).await;
    assert_eq!((job.total, job.batches), (Some(40), Some(4)));
    let ranges = stage.ranges(&job).await;
    let mut read = Vec::new();
    payloads::read(&worker, &job, &ranges, |_, name, _| read.push(name.id)).await.unwrap();
    assert_eq!(read, (1..=40).collect::<Vec<_>>());

    let lease = stage.first_lease(&job).await;
    let units: Vec<_> = ranges
        .iter()
        .map(|range| {
            let ids: Vec<i64> = (1..=40).filter(|id| (range.first..=range.last).contains(id)).collect();
            crate::stage::segment_of(range, lease.key, &ids)
        })
        .collect();
    stage.commit(&job, &lease, &units).await;
    steps::begin_finish(&stage.ledger, job.id).await.unwrap();
    let job = stage.job(job.id).await;
    elsewhere.batch_execute("DELETE FROM letters WHERE id = 7; INSERT INTO letters VALUES (41, 'new')").await.unwrap();
    let mut reader = options(&stage.url);
    reader.source.login = Some(SourceLogin { url: url_as(other.database_url(), "app"), tls: TlsFiles::default() });
    let reader = Ledger::connect(&reader).await.unwrap();
    for which in [Rows::All, Rows::Sample { rows: 40, seed: 1 }] {
        let mut seen = Vec::new();
        let mut visit = |row: vaultstream_ledger::verify::SignedRow<'_>| {
            seen.push((row.id, row.now.payload().map(<[u8]>::to_vec)));
            std::ops::ControlFlow::Continue(())
        };
        SignedRows::of(&reader, &job).read(which, &mut visit).await.unwrap();
        let expected = |id: i64| (id, (id != 7).then(|| format!("letter {id}").into_bytes()));
        assert_eq!(seen, (1..=40).map(expected).collect::<Vec<_>>(), "{which:?}");
    }
    assert_eq!(verify::newer_rows(&reader, &job).await.unwrap(), Some(1));
    let unsigned = verify::unsigned_rows(&reader, &job, 10).await.unwrap().unwrap();
    assert_eq!((unsigned.count, unsigned.first), (1, vec![41]));
    assert_eq!(verify::completeness(&reader, &job, 10).await.unwrap(), []);
    drop(other);
}
