//! Tables that cannot be signed.

use super::{SPEC, assert_nothing_made, assert_refused, url_as};
use crate::harness::{Site, assert_signed_exactly_once, generated, of_table};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_signed_is_refused_in_one_sentence() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE good (id bigint PRIMARY KEY, body text);
         INSERT INTO good VALUES (1, 'one');
         CREATE TABLE words (id text[] PRIMARY KEY, body text);
         CREATE TABLE loose (id bigint, body text);
         CREATE TABLE points (id bigint PRIMARY KEY, body point);
         CREATE TABLE nullable (id bigint UNIQUE, body text);
         CREATE TABLE doubled (id bigint NOT NULL, body text);
         CREATE TABLE part (id bigint NOT NULL, body text);
         CREATE UNIQUE INDEX ON part (id) WHERE id > 10;
         CREATE TABLE pairs (id bigint NOT NULL, other bigint NOT NULL, body text, UNIQUE (id, other));
         CREATE VIEW view AS SELECT * FROM good",
    )
    .await;
    let of = |table: &str| of_table("job", table, SPEC);
    let cases = [
        ("a missing table", of("missing"), vec!["spec.source.table", "public.missing", "does not exist"]),
        (
            "a missing payload",
            of("good").replace("payload: body", "payload: text"),
            vec!["spec.source.table.payload", "column text"],
        ),
        ("a missing key", of("good").replace("key: id", "key: number"), vec!["spec.source.table.key", "column number"]),
        ("a key of lists", of("words"), vec!["spec.source.table.key", "column id is of type text[]", "a key is of"]),
        (
            "no key at all",
            of("loose").replace("key: id, ", ""),
            vec!["spec.source.table.keyColumns", "no primary key", "ALTER TABLE public.loose ADD PRIMARY KEY"],
        ),
        ("a payload of points", of("points"), vec!["spec.source.table.payload", "point"]),
        ("a key that may be NULL", of("nullable"), vec!["spec.source.table.key", "NULL"]),
        ("a key that is not unique", of("doubled"), vec!["spec.source.table.key", "unique index"]),
        ("a key that is unique in part", of("part"), vec!["spec.source.table.key", "unique index"]),
        ("a key that is unique with another", of("pairs"), vec!["spec.source.table.key", "unique index"]),
        ("a view", of("view"), vec!["public.view is a view, which runs code of its owner", "a login of its own"]),
        (
            "a system table",
            of("pg_class").replace("table: {", "table: {schema: pg_catalog, "),
            vec!["spec.source.table.schema", "pg_catalog"],
        ),
        (
            "the ledger itself",
            of("jobs").replace("table: {", "table: {schema: vaultstream, "),
            vec!["spec.source.table.schema", "vaultstream"],
        ),
    ];
    for (what, manifest, words) in cases {
        assert_refused(what, &site.run(&manifest).end().await, &words);
        assert_nothing_made(what, &site).await;
    }
    // What was refused is mended, and the same command does it.
    site.run(&of("good")).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_permission_is_refused_in_one_sentence() {
    let site = Site::new().await;
    let role = format!("limited_{:x}", rand::random::<u64>());
    let database = site.text("SELECT current_database()::text").await;
    site.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role};
         CREATE TABLE good (id bigint PRIMARY KEY, body text); INSERT INTO good VALUES (1, 'one')",
    ))
    .await;
    let url = url_as(&site.database_url, &role);
    let run = || site.run(&of_table("job", "good", SPEC)).env("DATABASE_URL", &url);
    assert_refused("a table", &run().end().await, &["spec.source.table", "public.good", "GRANT", &role]);
    site.execute(&format!("GRANT SELECT (id) ON good TO {role}")).await;
    assert_refused("a column", &run().end().await, &["spec.source.table.payload", "body", "GRANT", &role]);
    assert_nothing_made("without permission", &site).await;
    site.execute(&format!("GRANT SELECT ON good TO {role}")).await;
    run().end().await.assert_code(0);

    let site = Site::new().await;
    let stranger = format!("stranger_{:x}", rand::random::<u64>());
    site.execute(&format!("CREATE ROLE {stranger} LOGIN")).await;
    let run = site.run(&generated("job", 10, SPEC)).env("DATABASE_URL", url_as(&site.database_url, &stranger));
    assert_refused("no right to make the ledger", &run.end().await, &["GRANT CREATE ON DATABASE"]);
}
