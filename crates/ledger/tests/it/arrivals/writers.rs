//! What writers do, and what is noted of it.

use super::{by, connect, enable, noted, noted_sorted, role, table, there};
use crate::stage::{Stage, skipped};
use vaultstream_ledger::arrivals::{self, TriggerState};

/// Every key that is in the table, and only those, in the order of texts.
async fn assert_all_noted(stage: &Stage, name: &str, key: &str) {
    let sql = stage.sql().await;
    let arrivals = there(stage, name).await;
    let rows = sql.query(&format!("SELECT {key}::text AS key FROM {name}"), &[]).await.unwrap();
    let mut keys: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    keys.sort();
    assert_eq!(noted_sorted(&sql, &arrivals).await, keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_noted_if_and_only_if_they_are_committed() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, body text)")
        .await
        .unwrap();
    enable(&stage, "orders").await;
    let writers = (0..6).map(|writer| {
        let url = stage.url.clone();
        tokio::spawn(async move {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            for turn in 0..25 {
                let end = if (turn + writer) % 3 == 0 { "ROLLBACK" } else { "COMMIT" };
                let sql = format!(
                    "BEGIN; INSERT INTO public.orders (n) VALUES ({turn}); SAVEPOINT one; \
                     INSERT INTO public.orders (n) SELECT g FROM generate_series(1, 3) g; \
                     {}; INSERT INTO public.orders (n, body) VALUES ({turn}, 'last') RETURNING id; {end}",
                    if turn % 2 == 0 { "ROLLBACK TO SAVEPOINT one" } else { "RELEASE SAVEPOINT one" }
                );
                client.batch_execute(&sql).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_all_noted(&stage, "orders", "id").await;
    assert!(stage.number("SELECT count(*) FROM public.orders").await > 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_noted_however_they_are_inserted() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE items (tenant text, no bigint, body text, PRIMARY KEY (tenant, no))")
        .await
        .unwrap();
    assert_eq!(enable(&stage, "items").await.key, ["tenant", "no"]);
    let arrivals = there(&stage, "items").await;
    assert_eq!(
        (arrivals.columns.clone(), arrivals.trigger),
        (vec!["tenant".into(), "no".into()], TriggerState::Enabled)
    );
    sql.batch_execute(
        "INSERT INTO items VALUES ('a', 1), ('a', 2); \
         INSERT INTO items VALUES ('a', 1), ('a', 3) ON CONFLICT DO NOTHING; \
         INSERT INTO items VALUES ('a', 2), ('a', 4) ON CONFLICT (tenant, no) DO UPDATE SET body = 'again'; \
         UPDATE items SET body = 'changed'; \
         UPDATE items SET no = no, tenant = tenant; \
         DELETE FROM items WHERE no = 3; \
         INSERT INTO items SELECT 'many', g FROM generate_series(1, 0) g",
    )
    .await
    .unwrap();
    assert_eq!(noted(&sql, &arrivals).await, ["a,1", "a,2", "a,3", "a,4"]);
    // A row of another key is another record.
    sql.batch_execute("UPDATE items SET no = 40 WHERE no = 4; UPDATE items SET tenant = 'A' WHERE no = 1")
        .await
        .unwrap();
    assert_eq!(noted(&sql, &arrivals).await[4..], ["a,40", "A,1"]);
    sql.batch_execute("INSERT INTO items VALUES ('a', 40) ON CONFLICT (tenant, no) DO UPDATE SET no = 41")
        .await
        .unwrap();
    assert_eq!(noted(&sql, &arrivals).await[6..], ["a,41"]);
    if stage.number("SELECT current_setting('server_version_num')::bigint").await >= 150_000 {
        sql.batch_execute(
            "MERGE INTO items USING (VALUES ('a', 41), ('b', 1)) AS s (tenant, no) ON (items.tenant, items.no) = (s.tenant, s.no) \
             WHEN MATCHED THEN UPDATE SET body = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (s.tenant, s.no)",
        )
        .await
        .unwrap();
        assert_eq!(noted(&sql, &arrivals).await[7..], ["b,1"]);
    }
    sql.batch_execute(&format!("DELETE FROM {}; TRUNCATE items", arrivals.table)).await.unwrap();
    let sink = sql.copy_in("COPY items (tenant, no) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    futures_util::SinkExt::send(&mut sink, bytes::Bytes::from_static(b"copied\t1\ncopied\t2\n")).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(noted(&sql, &arrivals).await, ["copied,1", "copied,2"]);
    sql.batch_execute("INSERT INTO items SELECT 'bulk', g FROM generate_series(1, 100000) g").await.unwrap();
    assert_eq!(stage.number(&format!("SELECT count(DISTINCT (k1, k2)) FROM {}", arrivals.table)).await, 100_002);
    // What a replica applies is found by looking through the table.
    sql.batch_execute(
        "SET session_replication_role = replica; INSERT INTO items VALUES ('r', 1); RESET session_replication_role",
    )
    .await
    .unwrap();
    assert_eq!(stage.number(&format!("SELECT count(*) FROM {}", arrivals.table)).await, 100_002);
    assert_all_noted_but(&stage, &arrivals, 1).await;
}

async fn assert_all_noted_but(stage: &Stage, arrivals: &arrivals::Arrivals, missing: i64) {
    let sql = format!("SELECT count(*) FROM items WHERE (tenant, no) NOT IN (SELECT k1, k2 FROM {})", arrivals.table);
    let found: i64 = stage.sql().await.query_one(&sql, &[]).await.unwrap().get(0);
    assert_eq!(found, missing);
}

/// Through the table or a partition, or when they move between partitions: then they arrive again, which harms nothing.
#[tokio::test]
async fn rows_of_partitions_are_noted_wherever_they_are_inserted() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE events (id uuid, at date, body text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at); \
         CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')",
    )
    .await
    .unwrap();
    enable(&stage, "events").await;
    let arrivals = there(&stage, "events").await;
    let id = |last: u8| format!("00000000-0000-0000-0000-0000000000{last:02}");
    let (one, two, three) = (id(1), id(2), id(3));
    sql.batch_execute(&format!(
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01'); \
         CREATE TABLE events_3 (body text, id uuid NOT NULL, at date NOT NULL, PRIMARY KEY (at, id)); \
         ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01'); \
         INSERT INTO events (id, at) VALUES ('{one}', '2024-01-05'); INSERT INTO events_2 (id, at) VALUES ('{two}', '2024-02-05'); \
         INSERT INTO events_3 (id, at) VALUES ('{three}', '2024-03-05'); UPDATE events SET at = '2024-03-01' WHERE id = '{one}'; \
         UPDATE events_2 SET at = '2024-02-06'; UPDATE events SET body = 'x'"
    ))
    .await
    .unwrap();
    assert_eq!(
        noted(&sql, &arrivals).await,
        [
            format!("2024-01-05,{one}"),
            format!("2024-02-05,{two}"),
            format!("2024-03-05,{three}"),
            format!("2024-03-01,{one}"),
            format!("2024-02-06,{two}"),
        ]
    );
    sql.batch_execute("ALTER TABLE events_3 DISABLE TRIGGER USER").await.unwrap();
    assert_eq!(there(&stage, "events").await.trigger, TriggerState::Disabled, "one partition is enough");
}

/// Without limits of length, which may change, and by the bytes of texts.
#[tokio::test]
async fn keys_of_every_type_are_noted_whatever_becomes_of_their_columns() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    // Only a Postgres that was built with ICU has collations that find different texts equal, and knows more of ICU's than one.
    let blind = if stage.number("SELECT count(*) FROM pg_collation WHERE collname LIKE '%-x-icu'").await > 0 {
        "(provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
    } else {
        skipped("a key under a collation that finds different texts equal: this Postgres was built without ICU");
        "FROM \"C\""
    };
    sql.batch_execute(&format!(
        "CREATE COLLATION blind {blind}; \
         CREATE TABLE keys (a smallint, b int, c bigint, d boolean, e uuid, f text COLLATE blind, g varchar(3), h char(3), i date, j time, \
           k timestamp(0), l timestamptz, m numeric(5,2), n bytea, o inet, \"od d\"\"s\" int, \
           PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, \"od d\"\"s\"))"
    ))
    .await
    .unwrap();
    enable(&stage, "keys").await;
    let arrivals = there(&stage, "keys").await;
    sql.batch_execute(
        "SET TimeZone = 'UTC'; \
         INSERT INTO keys VALUES (1, 2, 3, true, '00000000-0000-0000-0000-000000000001', 'É', 'abc', 'x', '2024-01-02', '03:04', \
           '2024-01-02 03:04:05', '2024-01-02 03:04:05+00', 1.5, '\\x00ff', '10.0.0.1', 7); UPDATE keys SET f = 'é'; UPDATE keys SET f = 'é'",
    )
    .await
    .unwrap();
    let text = |f: &str| {
        format!(
            "1,2,3,true,00000000-0000-0000-0000-000000000001,{f},abc,x,2024-01-02,03:04:00,2024-01-02 03:04:05,2024-01-02 03:04:05+00,1.50,\\x00ff,10.0.0.1/32,7"
        )
    };
    assert_eq!(noted(&sql, &arrivals).await, [text("É"), text("é")]);
    let collations = format!(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = {} AND attcollation <> 0 AND attcollation <> '\"C\"'::regcollation",
        arrivals.oid
    );
    assert_eq!(stage.number(&collations).await, 0);
}

#[tokio::test]
async fn who_may_insert_needs_no_right_to_arrivals() {
    let stage = Stage::empty().await;
    let (sql, inserter) = (stage.sql().await, role(&stage, "inserter").await);
    sql.batch_execute(&format!(
        "CREATE SCHEMA closed; CREATE TABLE closed.orders (id int PRIMARY KEY, body text); \
         CREATE TABLE orders (id int PRIMARY KEY); GRANT INSERT ON orders TO {inserter}"
    ))
    .await
    .unwrap();
    enable(&stage, "orders").await;
    let arrivals = there(&stage, "orders").await;
    let inserting = connect(&stage, &inserter).await;
    inserting.batch_execute("INSERT INTO public.orders VALUES (1)").await.unwrap();
    assert_eq!(noted(&sql, &arrivals).await, ["1"]);
    let other = arrivals::enable(&stage.ledger, &by("orders", &["id"])).await.unwrap();
    assert_eq!((other.key, other.table), (vec!["id".to_owned()], "public.orders".to_owned()));
    assert!(arrivals::find(&inserting, "public", "orders").await.unwrap().is_some(), "the catalog is enough");
    assert!(arrivals::find(&inserting, "closed", "orders").await.unwrap().is_none());
    assert_eq!(table("orders").schema, "public");
}
