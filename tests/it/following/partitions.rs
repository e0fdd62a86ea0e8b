//! A table in partitions, whose rows move from one to another, and that gets a partition with rows in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::Signal;
use tokio_postgres::Client;

use super::{SPEC, writers};
use crate::harness::{Site, assert_complete, of_source, until};

const EVENTS: &str = "CREATE TABLE events (id uuid DEFAULT gen_random_uuid(), created_at timestamptz, body text NOT NULL, \
       PRIMARY KEY (id, created_at)) PARTITION BY RANGE (created_at); \
     CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z'); \
     CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z'); \
     CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z'); \
     INSERT INTO events (created_at, body) SELECT timestamptz '2026-01-01Z' + g * interval '1 hour', 'old ' || g FROM generate_series(1, 700) g";

/// A partition that was filled before it is one: no trigger saw its rows.
const ATTACHED: &str = "CREATE TABLE events_4 (LIKE events INCLUDING ALL); \
     INSERT INTO events_4 (created_at, body) SELECT timestamptz '2026-04-01Z' + g * interval '1 minute', 'unseen ' || g FROM generate_series(1, 333) g; \
     ALTER TABLE events ATTACH PARTITION events_4 FOR VALUES FROM ('2026-04-01Z') TO ('2026-05-01Z')";

/// The job of that table.
fn manifest(follow: &str) -> String {
    of_source("job", "table: {name: events, payload: body}", &format!("{SPEC}\n{follow}"))
}

fn following() -> String {
    manifest("follow: {maxDelay: 200ms, reconcileEvery: 1m, checkpoint: {every: 1s}}")
}

/// Inserts rows anywhere, and moves others into another partition, which makes them other records.
async fn moves(client: Client, mut chance: StdRng, stop: Arc<AtomicBool>) -> u32 {
    let mut moved = 0;
    while !stop.load(Ordering::SeqCst) {
        let (month, to) = (chance.random_range(1..4), chance.random_range(1..4));
        let end = if chance.random_range(0..5) == 0 { "ROLLBACK" } else { "COMMIT" };
        let sql = format!(
            "BEGIN; INSERT INTO events (created_at, body) SELECT make_timestamptz(2026, {month}, 1, 0, 0, 0, 'UTC') + g * interval '1 minute', 'new' \
               FROM generate_series(1, 5) g; \
             UPDATE events SET created_at = make_timestamptz(2026, {to}, 10, 0, 0, 0, 'UTC') + random() * interval '10 days' \
              WHERE id IN (SELECT id FROM events_{month} ORDER BY random() LIMIT 3); {end}"
        );
        // Two that move the same row may wait for each other, or find it gone.
        if client.batch_execute(&sql).await.is_err() {
            client.batch_execute("ROLLBACK").await.unwrap();
        } else if end == "COMMIT" && month != to {
            moved += 1;
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..30))).await;
    }
    moved
}

impl Site {
    /// Rows that have no signature, and rows that have more than one.
    async fn not_signed_once(&self) -> (i64, i64) {
        let sql = "SELECT count(*) FILTER (WHERE signed = 0), count(*) FILTER (WHERE signed > 1) FROM ( \
             SELECT count(s.record_id) AS signed FROM public.events e \
               LEFT JOIN vaultstream.rows_1 r ON (r.k1, r.k2) = (e.id, e.created_at) \
               LEFT JOIN vaultstream.signatures_1 s ON s.record_id = r.ordinal GROUP BY e.id, e.created_at) e";
        let row = self.sql().await.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    async fn until_events_are_signed(&self) {
        until("it follows", || async {
            let read = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Signing' AND follow_read_at IS NOT NULL";
            self.number_or_zero(read).await == 1
        })
        .await;
        until("all rows are signed", || async { self.not_signed_once().await == (0, 0) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_move_between_partitions_and_those_of_a_partition_that_is_attached_are_signed() {
    let site = Site::new().await;
    site.execute(EVENTS).await;
    site.enable("public.events").await;
    let run = site.run(&following()).start();
    site.until_events_are_signed().await;
    let (seed, stop) = (writers::seed(), Arc::<AtomicBool>::default());
    let mut movers = tokio::task::JoinSet::new();
    for number in 0..2 {
        let chance = StdRng::seed_from_u64(seed.wrapping_add(number));
        movers.spawn(moves(site.sql().await, chance, Arc::clone(&stop)));
    }
    let signed = site.signed().await;
    site.until_signed(signed + 200).await;
    site.execute(ATTACHED).await;
    let attached = site.signed().await;
    site.until_signed(attached + 200).await;
    stop.store(true, Ordering::SeqCst);
    assert!(movers.join_all().await.into_iter().sum::<u32>() > 10, "hardly a row has moved");
    let unseen = "SELECT count(*) FROM events_4 e LEFT JOIN vaultstream.rows_1 r ON (r.k1, r.k2) = (e.id, e.created_at) WHERE r.ordinal IS NULL";
    until("what the triggers saw is signed", || async {
        site.not_signed_once().await == (site.number(unseen).await, 0)
    })
    .await;
    assert_eq!(site.number(unseen).await, 333, "no trigger saw these");
    // The new partition has a trigger now.
    site.execute("INSERT INTO events (created_at, body) VALUES ('2026-04-20Z', 'seen')").await;
    until("it is signed", || async { site.not_signed_once().await == (333, 0) }).await;
    run.signal(Signal::INT);
    run.end().await.assert_code(0);

    // A minute later the table is to be looked through.
    site.execute("UPDATE vaultstream.jobs SET seeded_at = seeded_at - interval '1 minute', follow_scanned_at = follow_scanned_at - interval '1 minute'")
        .await;
    let run = site.run(&following()).start();
    site.until_events_are_signed().await;
    assert_eq!(site.number("SELECT follow_found FROM vaultstream.jobs").await, 333);
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    assert_ended(&site).await;
}

/// Without `follow`, each row has one signature, and what has none is a row that has moved on.
async fn assert_ended(site: &Site) {
    site.run(&manifest("")).end().await.assert_code(0);
    assert_eq!(site.not_signed_once().await, (0, 0));
    let signed = site.number("SELECT count(*) FROM vaultstream.signatures_1").await;
    let gone = site.number("SELECT count(*) FROM vaultstream.rejects WHERE reason = 'RowGone'").await;
    let keys = site.number("SELECT count(DISTINCT (k1, k2)) FROM vaultstream.rows_1").await;
    assert_eq!(keys, signed + gone, "one ordinal for each key");
    assert_complete(site, "job", signed, gone).await;
    let verify = ["verify", "--job", "job", "--mode", "full", "--output", "json"];
    let report = site.ledger_command(&verify).args(&["--allow-changed"]).end().await.assert_code(0).report();
    let there = site.number("SELECT count(*) FROM events").await;
    let moved = report["rows"]["gone"].as_i64().unwrap();
    assert_eq!((signed - moved, report["rows"]["changed"].as_i64()), (there, Some(0)), "{report}");
}
