//! What becomes of arrivals when the table changes, is restored, or is no longer followed.

use std::process::Command;
use std::time::Duration;

use uuid::Uuid;
use vaultstream_ledger::arrivals::{self, Outcome, Status, TriggerState};

use super::{Enable, connect, enable, ledger_as, noted, role, table, there, told, wish};
use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(20);

/// All relations, functions, types, triggers and comments that are there.
async fn catalog(stage: &Stage) -> Vec<String> {
    let sql = "WITH made AS (SELECT * FROM (SELECT oid, 'relation ' || oid::regclass::text AS name FROM pg_class \
           WHERE relnamespace <> 'pg_toast'::regnamespace UNION ALL SELECT oid, 'function ' || oid::regprocedure::text FROM pg_proc \
           UNION ALL SELECT oid, 'type ' || oid::regtype::text FROM pg_type UNION ALL SELECT oid, 'trigger ' || tgname || tgrelid::text \
             FROM pg_trigger WHERE NOT tgisinternal) AS all_of_it WHERE oid >= 16384) \
         SELECT name FROM made UNION ALL SELECT 'description of ' || objoid FROM pg_description WHERE objoid >= 16384 ORDER BY 1";
    stage.sql().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn status(stage: &Stage) -> Vec<Status> {
    arrivals::status(&stage.ledger, None).await.unwrap()
}

#[tokio::test]
async fn disabling_leaves_nothing_behind_also_under_another_name() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE orders (id int PRIMARY KEY); CREATE SCHEMA other; \
         CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (9)",
    )
    .await
    .unwrap();
    let before = catalog(&stage).await;
    for name in ["orders", "parts"] {
        enable(&stage, name).await;
    }
    assert_ne!(catalog(&stage).await, before);
    sql.batch_execute("ALTER TABLE orders RENAME TO renamed; INSERT INTO renamed VALUES (1), (2)").await.unwrap();
    let arrivals = there(&stage, "renamed").await;
    assert_eq!(noted(&sql, &arrivals).await, ["1", "2"]);
    let job = Uuid::new_v4();
    sql.execute(&format!("INSERT INTO {} (job) VALUES ($1)", arrivals.follower), &[&job]).await.unwrap();
    let second = format!("INSERT INTO {} (job) VALUES ($1)", arrivals.follower);
    assert!(sql.execute(&second, &[&Uuid::new_v4()]).await.is_err(), "one job follows a table");
    let told = told(arrivals::disable(&stage.ledger, &table("renamed"), false, PATIENCE).await);
    assert_eq!(
        told,
        format!(
            "--table: the job {job} follows public.renamed, and would plan no new rows: remove spec.follow from it first, or say --force"
        )
    );
    // In another schema what was made stays where it is.
    sql.batch_execute("ALTER TABLE renamed SET SCHEMA other; INSERT INTO other.renamed VALUES (3)").await.unwrap();
    let moved = arrivals::TableName { schema: "other".to_owned(), name: "renamed".to_owned() };
    let disabled = arrivals::disable(&stage.ledger, &moved, true, PATIENCE).await.unwrap();
    assert_eq!((disabled.waiting, disabled.job, disabled.table.as_str()), (3, Some(job), "other.renamed"));
    assert_eq!(arrivals::disable(&stage.ledger, &table("parts"), false, PATIENCE).await.unwrap().waiting, 0);
    sql.batch_execute("ALTER TABLE other.renamed SET SCHEMA public; ALTER TABLE renamed RENAME TO orders")
        .await
        .unwrap();
    assert_eq!(catalog(&stage).await, before);
}

#[tokio::test]
async fn status_says_what_waits_for_whom() {
    let stage = Stage::empty().await;
    let (sql, reader, stranger) = (stage.sql().await, role(&stage, "reader").await, role(&stage, "stranger").await);
    sql.batch_execute(
        "CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)",
    )
    .await
    .unwrap();
    assert!(status(&stage).await.is_empty());
    let wished = Enable { readers: vec![reader.clone()], ..wish("a") };
    arrivals::enable(&stage.ledger, &wished).await.unwrap();
    enable(&stage, "b").await;
    let arrivals = there(&stage, "a").await;
    sql.batch_execute("INSERT INTO a VALUES (1), (2)").await.unwrap();
    sql.batch_execute(&format!("UPDATE {} SET arrived_at = now() - interval '1 hour' WHERE k1 = 1", arrivals.table))
        .await
        .unwrap();
    let job = Uuid::new_v4();
    sql.execute(&format!("INSERT INTO {} (job) VALUES ($1)", arrivals.follower), &[&job]).await.unwrap();
    for (login, sees) in [(&reader, true), (&stranger, false)] {
        let told = arrivals::status(&ledger_as(&stage, login).await, None).await.unwrap();
        let [a, b] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (a.table.as_str(), a.trigger, a.key.as_slice()),
            ("public.a", TriggerState::Enabled, &["id".to_owned()][..])
        );
        assert_eq!((a.readers.as_slice(), a.waiting), (&[reader.clone()][..], sees.then_some(2)));
        assert_eq!(a.follower.map(|follower| follower.job), sees.then_some(job));
        assert_eq!(a.oldest.is_some_and(|age| (3600..3700).contains(&age.as_secs())), sees);
        assert_eq!((b.table.as_str(), b.waiting, b.oldest), ("public.b", None, None));
    }
    assert_eq!(status(&stage).await[1].waiting, Some(0));
    assert_eq!(arrivals::status(&stage.ledger, Some(&table("b"))).await.unwrap().len(), 1);
}

/// What was not noted meanwhile is found by the one who follows: by another arrivals table.
#[tokio::test]
async fn what_is_missing_or_disabled_is_told_and_made_anew() {
    let stage = Stage::empty().await;
    let (sql, reader) = (stage.sql().await, role(&stage, "reader").await);
    sql.batch_execute("CREATE TABLE orders (id int PRIMARY KEY)").await.unwrap();
    arrivals::enable(&stage.ledger, &Enable { readers: vec![reader.clone()], ..wish("orders") }).await.unwrap();
    let first = there(&stage, "orders").await;
    let job = Uuid::new_v4();
    sql.execute(&format!("INSERT INTO {} (job) VALUES ($1)", first.follower), &[&job]).await.unwrap();
    let function = first.table.replace("vaultstream_arrivals", "vaultstream_note");
    let mut before = first.clone();
    for (damage, state) in [
        ("ALTER TABLE orders DISABLE TRIGGER vaultstream_arrivals".to_owned(), TriggerState::Disabled),
        ("ALTER TABLE orders DISABLE TRIGGER vaultstream_changed_keys".to_owned(), TriggerState::Disabled),
        ("ALTER TABLE orders ENABLE REPLICA TRIGGER vaultstream_arrivals".to_owned(), TriggerState::ReplicaOnly),
        ("DROP TRIGGER vaultstream_arrivals ON orders".to_owned(), TriggerState::Missing),
        ("DROP TRIGGER vaultstream_changed_keys ON orders".to_owned(), TriggerState::Missing),
        (
            "DROP TRIGGER vaultstream_arrivals ON orders; DROP TRIGGER vaultstream_changed_keys ON orders".to_owned(),
            TriggerState::Missing,
        ),
        (format!("DROP FUNCTION {function}() CASCADE"), TriggerState::Missing),
        (format!("DROP TABLE {}", first.table), TriggerState::Missing),
    ] {
        sql.batch_execute(&damage).await.unwrap();
        assert_eq!(status(&stage).await[0].trigger, state, "{damage}");
        let enabled = arrivals::enable(&stage.ledger, &wish("orders")).await.unwrap();
        assert_eq!((enabled.outcome, enabled.readers), (Outcome::MadeAnew, vec![reader.clone()]), "{damage}");
        let now = there(&stage, "orders").await;
        assert_eq!((now.trigger, now.table.as_str()), (TriggerState::Enabled, first.table.as_str()), "{damage}");
        assert_ne!(now.oid, before.oid, "{damage}");
        assert_eq!(status(&stage).await[0].follower.unwrap().job, job, "{damage}");
        before = now;
    }
    sql.batch_execute("INSERT INTO orders VALUES (1); ALTER TABLE orders ENABLE ALWAYS TRIGGER vaultstream_arrivals")
        .await
        .unwrap();
    assert_eq!(there(&stage, "orders").await.trigger, TriggerState::Enabled);
    assert_eq!(noted(&connect(&stage, &reader).await, &before).await, ["1"]);
}

#[tokio::test]
async fn a_column_of_the_key_that_is_renamed_is_noticed_and_none_is_changed_in_silence() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE orders (id int PRIMARY KEY, body text)").await.unwrap();
    enable(&stage, "orders").await;
    for altered in ["ALTER TABLE orders ALTER COLUMN id TYPE bigint", "ALTER TABLE orders DROP COLUMN id"] {
        let told = sql.batch_execute(altered).await.unwrap_err();
        assert!(
            told.as_db_error().unwrap().detail().unwrap_or_default().contains("vaultstream_changed_keys"),
            "{told:?}"
        );
    }
    sql.batch_execute("ALTER TABLE orders RENAME COLUMN body TO text; INSERT INTO orders VALUES (1, 'one')")
        .await
        .unwrap();
    assert_eq!(status(&stage).await[0].renamed_from, None);
    sql.batch_execute("ALTER TABLE orders RENAME COLUMN id TO no").await.unwrap();
    let told = status(&stage).await;
    assert_eq!(
        (told[0].key.clone(), told[0].renamed_from.clone()),
        (vec!["no".to_owned()], Some(vec!["id".to_owned()]))
    );
    assert_eq!(there(&stage, "orders").await.columns, ["id"]);
    let enabled = arrivals::enable(&stage.ledger, &wish("orders")).await.unwrap();
    assert_eq!((enabled.outcome, enabled.key), (Outcome::MadeAnew, vec!["no".to_owned()]));
    sql.batch_execute("INSERT INTO orders VALUES (2, 'two')").await.unwrap();
    assert_eq!(noted(&sql, &there(&stage, "orders").await).await, ["2"]);
}

#[tokio::test]
async fn a_restored_database_notes_on() {
    let stage = Stage::empty().await;
    let (sql, reader) = (stage.sql().await, role(&stage, "reader").await);
    sql.batch_execute(
        "CREATE TABLE gap (id int); DROP TABLE gap; CREATE TABLE \"Ord ers\" (body text, \"Größe\" int PRIMARY KEY); \
         CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (9)",
    )
    .await
    .unwrap();
    for name in ["Ord ers", "parts"] {
        arrivals::enable(&stage.ledger, &Enable { readers: vec![reader.clone()], ..wish(name) }).await.unwrap();
    }
    sql.batch_execute("INSERT INTO \"Ord ers\" VALUES ('x', 1); INSERT INTO parts VALUES (1)").await.unwrap();
    let restored = Stage::empty().await;
    let (from, to) = (stage.url.clone(), restored.url.clone());
    let dumped = tokio::task::spawn_blocking(move || {
        let dump = Command::new("pg_dump").args(["--dbname", &from]).output();
        let Ok(dump) = dump else { return false };
        // An older pg_dump does not read a newer server.
        if !dump.status.success() {
            let told = String::from_utf8_lossy(&dump.stderr);
            assert!(told.contains("server version mismatch"), "{told}");
            return false;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &dump.stdout).unwrap();
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &to, "--file"]).arg(file.path());
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        true
    });
    if !dumped.await.unwrap() {
        println!("NOT TESTED: there is no pg_dump of this server's version");
        return;
    }
    let sql = restored.sql().await;
    sql.batch_execute("INSERT INTO \"Ord ers\" VALUES ('y', 2); INSERT INTO part VALUES (2)").await.unwrap();
    for name in ["Ord ers", "parts"] {
        let arrivals = there(&restored, name).await;
        assert_eq!(
            (noted(&sql, &arrivals).await, arrivals.trigger),
            (vec!["1".into(), "2".into()], TriggerState::Enabled)
        );
        let again = arrivals::enable(&restored.ledger, &wish(name)).await.unwrap();
        assert_eq!((again.outcome, again.readers), (Outcome::Kept, vec![reader.clone()]));
        arrivals::disable(&restored.ledger, &table(name), false, PATIENCE).await.unwrap();
    }
    assert_eq!(restored.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'vaultstream\\_%'").await, 0);
}
