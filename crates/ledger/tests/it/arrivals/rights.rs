//! Whose rights are used, and who has which.

use tokio_postgres::Client;
use vaultstream_ledger::arrivals::{self, Enable, Outcome};

use super::{connect, enable, ledger_as, noted, role, there, told, wish};
use crate::stage::Stage;

/// The SQLSTATE of a statement that is refused.
async fn refused(sql: &Client, statement: &str) -> String {
    sql.batch_execute(statement).await.unwrap_err().code().map(|code| code.code().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn readers_read_and_delete_and_strangers_do_nothing() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    let (owner, reader, stranger) =
        (role(&stage, "owner").await, role(&stage, "reader").await, role(&stage, "stranger").await);
    // Defaults that give everything away are taken back.
    sql.batch_execute(&format!(
        "GRANT CREATE ON SCHEMA public TO {owner}; SET ROLE {owner}; \
         ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO {stranger}; \
         ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {stranger}; \
         CREATE TABLE orders (id int PRIMARY KEY, body text); RESET ROLE; REVOKE ALL ON orders FROM PUBLIC, {stranger}"
    ))
    .await
    .unwrap();
    let enabled = arrivals::enable(&stage.ledger, &wish("orders")).await.unwrap();
    assert!(enabled.readers.is_empty(), "{enabled:?}");
    let arrivals = there(&stage, "orders").await;
    sql.batch_execute("INSERT INTO orders VALUES (1), (2)").await.unwrap();
    let statements = [
        format!("SELECT FROM {}", arrivals.table),
        format!("DELETE FROM {} WHERE k1 = 1", arrivals.table),
        format!("INSERT INTO {} (job) VALUES ('00000000-0000-0000-0000-000000000001')", arrivals.follower),
        format!("SELECT FROM {}", arrivals.follower),
        format!("DELETE FROM {}", arrivals.follower),
    ];
    let (reading, strange) = (connect(&stage, &reader).await, connect(&stage, &stranger).await);
    for statement in &statements {
        assert_eq!(refused(&reading, statement).await, "42501", "{statement}");
        assert_eq!(refused(&strange, statement).await, "42501", "{statement}");
    }
    // Run by the owner again, it adds a reader and changes nothing else.
    let by_owner = ledger_as(&stage, &owner).await;
    let again = arrivals::enable(&by_owner, &Enable { readers: vec![reader.clone()], ..wish("orders") }).await.unwrap();
    assert_eq!((again.outcome, again.readers, again.owner), (Outcome::Kept, vec![reader.clone()], owner.clone()));
    assert_eq!(there(&stage, "orders").await, arrivals);
    for statement in &statements {
        reading.batch_execute(statement).await.unwrap();
        assert_eq!(refused(&strange, statement).await, "42501", "{statement}");
    }
    assert_eq!(noted(&sql, &arrivals).await, ["2"]);
    for forged in ["INSERT INTO TABLE (k1) VALUES (7)", "UPDATE TABLE SET k1 = 7", "TRUNCATE TABLE"] {
        let table = forged.replace("TABLE", &arrivals.table).replacen("TRUNCATE public", "TRUNCATE TABLE public", 1);
        assert_eq!(refused(&reading, &table).await, "42501", "{table}");
    }
    // Nobody notes rows of a table of their own as if they were of this one.
    let function = arrivals.table.replace("vaultstream_arrivals", "vaultstream_note");
    let forged = format!(
        "CREATE TEMPORARY TABLE mine (id int); \
         CREATE TRIGGER forge AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {function}(); INSERT INTO mine VALUES (7)"
    );
    assert_eq!(refused(&strange, &forged).await, "42501");
    // All of it is the table owner's, though a superuser made it.
    let others = format!(
        "SELECT count(*) FROM (SELECT relowner AS owner, relname AS name FROM pg_class UNION ALL SELECT proowner, proname FROM pg_proc) AS o \
         WHERE name LIKE 'vaultstream\\_%' AND owner <> '{owner}'::regrole"
    );
    assert_eq!(stage.number(&others).await, 0);
}

/// The trigger runs as the table's owner in a session whose settings are the inserter's.
#[tokio::test]
async fn an_inserter_has_nothing_run_with_the_rights_of_the_owner() {
    let stage = Stage::empty().await;
    let (sql, inserter) = (stage.sql().await, role(&stage, "inserter").await);
    let database = stage.url.rsplit('/').next().unwrap();
    sql.batch_execute(&format!(
        "CREATE TABLE orders (id text PRIMARY KEY, body text); GRANT INSERT ON orders TO {inserter}; \
         GRANT CREATE, TEMPORARY ON DATABASE {database} TO {inserter}"
    ))
    .await
    .unwrap();
    enable(&stage, "orders").await;
    let arrivals = there(&stage, "orders").await;
    let name = arrivals.table.rsplit('.').next().unwrap();
    let hostile = connect(&stage, &inserter).await;
    hostile
        .batch_execute(&format!(
            "CREATE SCHEMA evil; \
             CREATE FUNCTION evil.rob() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
               EXECUTE format('CREATE TABLE IF NOT EXISTS evil.%I ()', current_user); RETURN true; END $$; \
             GRANT ALL ON SCHEMA evil TO PUBLIC; \
             CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.rob()'; \
             CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same); \
             CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.rob(); SELECT now()'; \
             CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT evil.rob(); SELECT 1::bigint'; \
             CREATE FUNCTION evil.id(record) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.rob(); RETURN 'evil'; END $$; \
             CREATE TABLE evil.{name} (arrived_at timestamptz, k1 text); CREATE TEMPORARY TABLE {name} (arrived_at timestamptz, k1 text); \
             CREATE TEMPORARY TABLE vaultstream_new (id text); INSERT INTO vaultstream_new VALUES ('forged'); \
             CREATE TABLE evil.vaultstream_new (id text); INSERT INTO evil.vaultstream_new VALUES ('forged'); \
             SET search_path = evil, pg_temp, pg_catalog; \
             INSERT INTO public.orders VALUES ('true'); INSERT INTO public.orders VALUES ('other') ON CONFLICT DO NOTHING"
        ))
        .await
        .unwrap();
    assert_eq!(noted(&sql, &arrivals).await, ["true", "other"]);
    // Once the column is renamed, its old name does not lead to the inserter's function of that name.
    sql.batch_execute("ALTER TABLE orders RENAME COLUMN id TO name").await.unwrap();
    assert_eq!(refused(&hostile, "INSERT INTO public.orders VALUES ('third')").await, "42703");
    let made = format!(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'evil'::regnamespace AND relname IN ('vaultstream', '{inserter}')"
    );
    assert_eq!(stage.number(&made).await, 0, "its code was not even run");
    hostile.batch_execute("SELECT evil.rob()").await.unwrap();
    assert_eq!(stage.number(&made).await, 1, "the test shows nothing");
}

#[tokio::test]
async fn a_renamed_column_of_a_partitioned_table_is_no_function_of_the_inserter() {
    let stage = Stage::empty().await;
    let (sql, inserter) = (stage.sql().await, role(&stage, "inserter").await);
    let database = stage.url.rsplit('/').next().unwrap();
    sql.batch_execute(&format!(
        "CREATE TABLE orders (id text PRIMARY KEY, body text) PARTITION BY LIST (id); CREATE TABLE all_of_them PARTITION OF orders DEFAULT; \
         GRANT INSERT ON orders TO {inserter}; GRANT CREATE ON DATABASE {database} TO {inserter}"
    ))
    .await
    .unwrap();
    enable(&stage, "orders").await;
    let hostile = connect(&stage, &inserter).await;
    hostile
        .batch_execute(
            "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC; CREATE FUNCTION evil.id(record) RETURNS text LANGUAGE plpgsql \
             AS $$ BEGIN CREATE TABLE evil.robbed (); RETURN 'evil'; END $$; \
             SET search_path = evil, pg_catalog; INSERT INTO public.orders VALUES ('noted')",
        )
        .await
        .unwrap();
    sql.batch_execute("ALTER TABLE orders RENAME COLUMN id TO name").await.unwrap();
    // The session that has run the function before, and one that has not.
    let another = connect(&stage, &inserter).await;
    another.batch_execute("SET search_path = evil, pg_catalog").await.unwrap();
    for session in [&hostile, &another] {
        assert_eq!(refused(session, "INSERT INTO public.orders VALUES ('third')").await, "42703");
    }
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relname = 'robbed'").await, 0);
}

#[tokio::test]
async fn who_does_not_own_the_table_is_told_who_does() {
    let stage = Stage::empty().await;
    let (sql, owner, other) = (stage.sql().await, role(&stage, "owner").await, role(&stage, "other").await);
    sql.batch_execute(&format!(
        "CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders OWNER TO {owner}; GRANT ALL ON orders TO {other}; \
         CREATE SCHEMA inner_one; CREATE TABLE inner_one.orders (id int PRIMARY KEY); ALTER TABLE inner_one.orders OWNER TO {owner}; \
         GRANT USAGE, CREATE ON SCHEMA inner_one TO {owner}"
    ))
    .await
    .unwrap();
    let as_other = ledger_as(&stage, &other).await;
    let sentence = told(arrivals::enable(&as_other, &wish("orders")).await);
    assert_eq!(
        sentence,
        format!(
            "--database-url: {other} may not make or remove triggers of public.orders: log in as its owner {owner}"
        )
    );
    let as_owner = ledger_as(&stage, &owner).await;
    let sentence = told(arrivals::enable(&as_owner, &wish("orders")).await);
    let mend = format!("GRANT USAGE, CREATE ON SCHEMA public TO {owner}");
    assert!(sentence.ends_with(&mend), "{sentence}");
    sql.batch_execute(&mend).await.unwrap();
    arrivals::enable(&as_owner, &wish("orders")).await.unwrap();
    // Readers that cannot be let in are known before anything is made.
    let mut inner = Enable { readers: vec![other.clone()], ..wish("orders") };
    inner.table.schema = "inner_one".to_owned();
    let sentence = told(arrivals::enable(&as_owner, &inner).await);
    let mend = format!("GRANT USAGE ON SCHEMA inner_one TO \"{other}\"");
    assert!(sentence.ends_with(&mend), "{sentence}");
    sql.batch_execute(&mend).await.unwrap();
    assert_eq!(arrivals::enable(&as_owner, &inner).await.unwrap().readers, [other]);
    let unknown = Enable { readers: vec!["nobody_of_that_name".to_owned()], ..wish("orders") };
    assert!(
        told(arrivals::enable(&as_owner, &unknown).await).starts_with("--reader: there is no role nobody_of_that_name")
    );
}
