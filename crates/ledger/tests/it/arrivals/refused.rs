//! Tables that cannot be followed, each in one sentence with what mends it.

use std::time::Duration;

use vaultstream_ledger::arrivals::{self, Enable, TableName};

use super::{by, connect, enable, role, there, told, wish};
use crate::stage::Stage;

#[tokio::test]
async fn a_table_that_cannot_be_followed_is_refused_in_one_sentence() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE good (id int PRIMARY KEY, other int, UNIQUE (other)); CREATE VIEW seen AS SELECT * FROM good; \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM good; \
         CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER away FOREIGN DATA WRAPPER nothing; CREATE FOREIGN TABLE far (id int) SERVER away; \
         CREATE SEQUENCE counted; \
         CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (9); \
         CREATE UNLOGGED TABLE lost_part PARTITION OF parts FOR VALUES FROM (10) TO (19); \
         CREATE TABLE heir () INHERITS (good); ALTER TABLE heir ADD PRIMARY KEY (id); \
         CREATE UNLOGGED TABLE quick (id int PRIMARY KEY); \
         CREATE TABLE keyless (id int, body text); CREATE TABLE doubled (id int NOT NULL); \
         CREATE TABLE spare (id int NOT NULL UNIQUE); CREATE TABLE lists (id int[] PRIMARY KEY); \
         CREATE TABLE made (n int, id int GENERATED ALWAYS AS (n + 1) STORED PRIMARY KEY)",
    )
    .await
    .unwrap();
    for (wished, sentence) in [
        (wish("missing"), "--table: table public.missing does not exist"),
        (wish("goood"), "did you mean good?"),
        (wish("seen"), "--table: public.seen is a view, where no trigger sees every new row: name the table"),
        (wish("kept"), "--table: public.kept is a materialized view"),
        (wish("far"), "--table: public.far is a foreign table"),
        (wish("counted"), "--table: public.counted is a sequence"),
        (
            wish("part"),
            "--table: public.part is a partition of public.parts, whose rows are followed together: name public.parts",
        ),
        (
            wish("heir"),
            "--table: public.heir inherits from public.good, and its rows are rows of that as well: ALTER TABLE",
        ),
        (wish("good"), "--table: public.heir inherits from public.good, whose key is not unique over both"),
        (
            wish("quick"),
            "--table: public.quick is unlogged, and a crash empties it: ALTER TABLE public.quick SET LOGGED",
        ),
        (wish("parts"), "--table: public.lost_part is unlogged"),
        (wish("keyless"), "--key: public.keyless has no primary key"),
        (wish("spare"), "--key: public.spare has no primary key: --key id can be the key"),
        (
            by("keyless", &["id"]),
            "--key: column id may be NULL: ALTER TABLE public.keyless ALTER COLUMN id SET NOT NULL",
        ),
        (by("keyless", &["no"]), "--key: column no of table public.keyless does not exist"),
        (by("doubled", &["id"]), "--key: column id of public.doubled may repeat"),
        (wish("lists"), "--key: column id is of type integer[]"),
        (wish("made"), "--key: column id is generated: name the columns that it is made of"),
        (
            Enable { table: TableName { schema: "pg_catalog".into(), name: "pg_class".into() }, ..wish("") },
            "--table: tables of schema pg_catalog cannot be signed",
        ),
    ] {
        let told = told(arrivals::enable(&stage.ledger, &wished).await);
        assert!(told.contains(sentence) && !told.contains('\n'), "{}: {told}", wished.table.name);
    }
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'vaultstream\\_%'").await, 0);
    for result in [
        told(arrivals::disable(&stage.ledger, &wish("good").table, false, Duration::from_secs(5)).await),
        told(arrivals::status(&stage.ledger, Some(&wish("good").table)).await),
    ] {
        assert_eq!(
            result,
            "--table: new rows of public.good are not noted: `vaultstream source enable --table public.good` begins with that"
        );
    }
}

#[tokio::test]
async fn a_table_in_use_is_waited_for_and_then_it_is_said_who_uses_it() {
    let stage = Stage::empty().await;
    let (sql, writer) = (stage.sql().await, role(&stage, "writer").await);
    sql.batch_execute(&format!("CREATE TABLE orders (id int PRIMARY KEY); GRANT ALL ON orders TO {writer}"))
        .await
        .unwrap();
    let writing = connect(&stage, &writer).await;
    writing.batch_execute("SET application_name = 'shop'; BEGIN; INSERT INTO public.orders VALUES (1)").await.unwrap();
    // Who reads is not waited for.
    let reading = connect(&stage, &writer).await;
    reading.batch_execute("SET application_name = 'report'; BEGIN; SELECT FROM public.orders").await.unwrap();
    let hasty = Enable { lock_timeout: Duration::from_millis(300), ..wish("orders") };
    let sentence = told(arrivals::enable(&stage.ledger, &hasty).await);
    assert!(
        sentence.starts_with("--table: public.orders was in use by other transactions for 300 ms: process "),
        "{sentence}"
    );
    assert!(
        sentence.contains(&format!("(login {writer}, shop, for 0 s)")) && !sentence.contains("report"),
        "{sentence}"
    );
    assert!(sentence.ends_with("have them end their transactions, or give a longer --lock-timeout"), "{sentence}");
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'vaultstream\\_%'").await, 0);
    // It waits, and sees the row that was there before as one that was there before.
    let patient = wish("orders");
    let (enabled, ended) = tokio::join!(arrivals::enable(&stage.ledger, &patient), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        writing.batch_execute("COMMIT; INSERT INTO public.orders VALUES (2)").await
    });
    ended.unwrap();
    enabled.unwrap();
    let arrivals = there(&stage, "orders").await;
    assert_eq!(super::noted(&sql, &arrivals).await, ["2"]);
    let sentence =
        told(arrivals::disable(&stage.ledger, &wish("orders").table, false, Duration::from_millis(300)).await);
    assert!(sentence.contains("report, for"), "{sentence}");
    reading.batch_execute("COMMIT").await.unwrap();
    arrivals::disable(&stage.ledger, &wish("orders").table, false, Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn another_key_than_before_is_refused() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE orders (id int PRIMARY KEY, no int NOT NULL UNIQUE)").await.unwrap();
    arrivals::enable(&stage.ledger, &by("orders", &["no"])).await.unwrap();
    assert_eq!(
        told(arrivals::enable(&stage.ledger, &by("orders", &["id"])).await),
        "--key: public.orders is followed by the key (no), not by (id): leave out --key, or first `vaultstream source disable --table public.orders`"
    );
    // Without one it is the one that it has.
    assert_eq!(arrivals::enable(&stage.ledger, &wish("orders")).await.unwrap().key, ["no"]);
    arrivals::disable(&stage.ledger, &wish("orders").table, false, Duration::from_secs(5)).await.unwrap();
    assert_eq!(enable(&stage, "orders").await.key, ["id"]);
}
