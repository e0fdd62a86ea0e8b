//! What is said of a table that cannot be signed: it can be done as it is said, and then the table can be signed.

use vaultstream_api::TableSource;
use vaultstream_ledger::Ledger;
use vaultstream_ledger::planning::TableError;
use vaultstream_ledger::steps;

use crate::stage::{Stage, of_table, options, seed_chunk, skipped, url_as};

fn table(name: &str, key: &str, payload: &str) -> TableSource {
    TableSource::of_payload("public", name, key, payload)
}

async fn refusal(ledger: &Ledger, source: &TableSource) -> String {
    match steps::look_at_table(ledger, source, false).await {
        Err(TableError::Source(error)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{} was taken", source.name),
    }
}

#[tokio::test]
async fn a_name_that_is_nearly_right_is_suggested() {
    let stage = Stage::empty().await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE TABLE orders (id bigint PRIMARY KEY, \"Body\" text); CREATE SCHEMA shop; \
             CREATE TABLE shop.invoices (id bigint PRIMARY KEY, body text); CREATE VIEW order_s AS SELECT 1",
        )
        .await
        .unwrap();
    for (name, words) in [
        ("Orders", "table public.\"Orders\" does not exist: did you mean name: orders?"),
        ("public.orders", "did you mean schema: public, name: orders?"),
        ("ordres", "did you mean name: orders?"),
        ("invoices", "did you mean schema: shop, name: invoices?"),
        ("nothing_like_it", "table public.nothing_like_it does not exist: create it, or name another"),
    ] {
        let told = refusal(&stage.ledger, &table(name, "id", "Body")).await;
        assert!(told.contains(words), "{name}: {told}");
    }
    let told = refusal(&stage.ledger, &table("orders", "id", "body")).await;
    assert_eq!(
        told,
        "spec.source.table.payload: column body of table public.orders does not exist: did you mean Body?"
    );
}

#[tokio::test]
async fn the_statement_that_is_told_makes_the_table_fit() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE by_float (id float8 PRIMARY KEY, no uuid NOT NULL UNIQUE, body text); CREATE TABLE by_text (id text NOT NULL, body text); \
         CREATE TABLE nullable (id bigint UNIQUE, body text); CREATE TABLE plain (id bigint NOT NULL, body text); \
         CREATE TABLE pairs (tenant bigint, id bigint, body text, PRIMARY KEY (tenant, id)); \
         INSERT INTO pairs VALUES (1, 1, 'a'), (2, 1, 'b'); \
         CREATE TABLE \"Odd name\" (\"the id\" bigint NOT NULL, \"select\" text); \
         CREATE TABLE failed (id bigint NOT NULL, body text); INSERT INTO failed VALUES (1, 'x'), (1, 'y'); \
         CREATE TABLE expressed (id bigint NOT NULL, body text); CREATE UNIQUE INDEX ON expressed ((id + 0)); \
         CREATE UNIQUE INDEX ON expressed (id) WHERE id > 0; \
         CREATE TABLE parent (id bigint PRIMARY KEY, body text); CREATE TABLE child () INHERITS (parent); \
         CREATE TABLE by_time (id bigint, at date, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); \
         CREATE TABLE by_time_2024 PARTITION OF by_time FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); \
         CREATE TABLE by_id (id bigint NOT NULL, body text) PARTITION BY RANGE (id); \
         CREATE TABLE by_id_1 PARTITION OF by_id FOR VALUES FROM (1) TO (100)",
    )
    .await
    .unwrap();
    assert!(sql.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON failed (id)").await.is_err());
    sql.batch_execute("UPDATE failed SET id = 2 WHERE body = 'y'").await.unwrap();
    // The table, what is said before and after the statement, and what can be signed then.
    for (refused, before, after, fit) in [
        (table("by_text", "id", "body"), "without a condition: ", "", table("by_text", "id", "body")),
        (table("nullable", "id", "body"), "may be NULL: ", "", table("nullable", "id", "body")),
        (table("plain", "id", "body"), "without a condition: ", "", table("plain", "id", "body")),
        (table("Odd name", "the id", "select"), "without a condition: ", "", table("Odd name", "the id", "select")),
        (table("failed", "id", "body"), "is not valid: ", "", table("failed", "id", "body")),
        (table("expressed", "id", "body"), "without a condition: ", "", table("expressed", "id", "body")),
        (table("parent", "id", "body"), "unique over both: ", ", and", table("parent", "id", "body")),
        (table("by_time", "id", "body"), "of its own: ", "", table("by_time_2024", "id", "body")),
        (table("by_id", "id", "body"), "without a condition: ", "", table("by_id", "id", "body")),
    ] {
        let told = refusal(&stage.ledger, &refused).await;
        let (_, statement) = told.split_once(before).unwrap_or_else(|| panic!("{told}"));
        let statement = if after.is_empty() { statement } else { statement.split_once(after).unwrap().0 };
        sql.batch_execute(statement).await.unwrap_or_else(|error| panic!("{told}: {error:?}"));
        steps::look_at_table(&stage.ledger, &fit, false)
            .await
            .unwrap_or_else(|error| panic!("after {statement}: {error}"));
    }
    let told = refusal(&stage.ledger, &table("pairs", "id", "body")).await;
    assert!(
        told.contains("if no two rows have the same id, CREATE UNIQUE INDEX CONCURRENTLY ON public.pairs (id)"),
        "{told}"
    );
    assert!(told.ends_with("; else keyColumns: [tenant, id] can be the key"), "{told}");
    let told = refusal(&stage.ledger, &table("by_float", "id", "body")).await;
    assert!(told.contains("column id is of type double precision; a key is of integers, uuid, "), "{told}");
    assert!(told.ends_with(": keyColumns: [no] can be the key"), "{told}");
}

#[tokio::test]
async fn the_exact_grants_are_told() {
    let stage = Stage::new().await;
    let role = format!("Reader {:x}", uuid::Uuid::new_v4().as_u128());
    let sql = stage.sql().await;
    sql.batch_execute(&format!(
        "CREATE ROLE \"{role}\" LOGIN; CREATE SCHEMA \"Mine\"; CREATE TABLE \"Mine\".\"The table\" (id bigint PRIMARY KEY, \"the body\" text)"
    ))
    .await
    .unwrap();
    let source = TableSource { schema: "Mine".to_owned(), ..table("The table", "id", "the body") };
    let url = url_as(&stage.url, &role.replace(' ', "%20"));
    let reader = Ledger::connect(&options(&url)).await.unwrap();
    let told = refusal(&reader, &source).await;
    assert_eq!(
        told,
        format!(
            "spec.source.table: \"{role}\" may not read table \"Mine\".\"The table\": GRANT USAGE ON SCHEMA \"Mine\" TO \"{role}\"; \
             GRANT SELECT ON \"Mine\".\"The table\" TO \"{role}\""
        )
    );
    sql.batch_execute(&format!(
        "GRANT USAGE ON SCHEMA \"Mine\" TO \"{role}\"; GRANT SELECT (id) ON \"Mine\".\"The table\" TO \"{role}\""
    ))
    .await
    .unwrap();
    let told = refusal(&reader, &source).await;
    let (_, grant) =
        told.rsplit_once("the body\" of table \"Mine\".\"The table\": ").unwrap_or_else(|| panic!("{told}"));
    sql.batch_execute(grant).await.unwrap();
    steps::look_at_table(&reader, &source, false).await.unwrap();
}

#[tokio::test]
async fn what_is_no_table_of_its_own_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE good (id bigint PRIMARY KEY, body text, amount numeric); CREATE VIEW seen AS SELECT * FROM good; \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM good; CREATE UNIQUE INDEX ON kept (id); CREATE SEQUENCE counted; \
         CREATE DOMAIN words AS text; CREATE DOMAIN number AS bigint; CREATE SCHEMA own; CREATE DOMAIN own.text AS text; \
         CREATE TABLE domains (id number PRIMARY KEY, n bigint NOT NULL UNIQUE, w words, t own.text); \
         CREATE UNLOGGED TABLE quick (id smallint PRIMARY KEY, body jsonb); INSERT INTO quick VALUES (1, '{}'); \
         CREATE TABLE late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, body text); ALTER TABLE late ALTER id SET NOT NULL; \
         CREATE TABLE made (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int, \
           body text GENERATED ALWAYS AS (n::text) STORED)",
    )
    .await
    .unwrap();
    for (source, words) in [
        (
            table("seen", "id", "body"),
            "public.seen is a view, which runs code of its owner with the rights of the login that reads it",
        ),
        (table("counted", "id", "body"), "is a sequence, not a table: name a table or a view"),
        (table("domains", "id", "w"), "is of type public.number"),
        (table("domains", "n", "w"), "is of type public.words"),
        (table("domains", "n", "t"), "is of type own.text"),
        (table("good", "id", "amount"), "has to be bytea, text, varchar, json, jsonb or uuid"),
    ] {
        let told = refusal(&stage.ledger, &source).await;
        assert!(told.contains(words), "{}: {told}", source.name);
    }
    for fit in ["quick", "late", "made", "kept"] {
        steps::look_at_table(&stage.ledger, &table(fit, "id", "body"), false).await.unwrap();
    }
}

/// What the catalog says, and what is there: only a damaged catalog lets a NULL in behind a checked NOT NULL.
#[tokio::test]
async fn rows_without_a_key_are_counted_and_refused() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE holes (id bigint UNIQUE, body text); INSERT INTO holes SELECT g, 'x' FROM generate_series(1, 50) AS g; \
         INSERT INTO holes VALUES (NULL, 'lost'), (NULL, 'lost'); \
         UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'holes'::regclass AND attname = 'id'",
    )
    .await
    .unwrap();
    let job = stage.pending(of_table("holes", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let told = seed_chunk(&stage.ledger, job.id, 1000).await.unwrap_err().to_string();
    assert!(told.contains("id is NULL in 2 rows of public.holes"), "{told}");
}

#[tokio::test]
async fn a_not_null_that_is_not_validated_is_none() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    if stage.number("SELECT current_setting('server_version_num')::bigint").await < 180_000 {
        skipped("a_not_null_that_is_not_validated: needs Postgres 18");
        return;
    }
    sql.batch_execute(
        "CREATE TABLE young (id bigint UNIQUE, body text); INSERT INTO young VALUES (1, 'x'), (NULL, 'y'); \
         ALTER TABLE young ADD CONSTRAINT filled NOT NULL id NOT VALID; CREATE EXTENSION btree_gist; \
         CREATE TABLE spans (id bigint, during daterange, body text, PRIMARY KEY (id, during WITHOUT OVERLAPS)); \
         CREATE TABLE computed (id bigint GENERATED ALWAYS AS (n + 1) VIRTUAL, n bigint, body text)",
    )
    .await
    .unwrap();
    let told = refusal(&stage.ledger, &table("young", "id", "body")).await;
    let (_, statement) = told.split_once("its NOT NULL is NOT VALID: ").unwrap_or_else(|| panic!("{told}"));
    sql.batch_execute("UPDATE young SET id = 2 WHERE id IS NULL").await.unwrap();
    sql.batch_execute(statement).await.unwrap();
    steps::look_at_table(&stage.ledger, &table("young", "id", "body"), false).await.unwrap();
    let told = refusal(&stage.ledger, &table("spans", "id", "body")).await;
    assert!(told.contains("no valid unique index"), "{told}");
    let told = refusal(&stage.ledger, &table("computed", "id", "body")).await;
    assert!(told.contains("may be NULL"), "{told}");
}
