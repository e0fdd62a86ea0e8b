//! What a viewer costs the ledger, and a job that signs.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Events, Page, SPEC, records};
use crate::harness::{Site, generated};

/// Measured for so long.
const PERIOD: Duration = Duration::from_secs(20);

/// A session that is idle tells what it did after ten seconds at the latest: what was asked to fill a page is not counted.
const UNCOUNTED: Duration = Duration::from_secs(11);

/// What the server counts of a database.
struct Counted {
    transactions: f64,
    busy_ms: f64,
    at: Instant,
}

impl Counted {
    async fn now(sql: &Client) -> Self {
        // One transaction; a statement with parameters would be prepared in one of its own.
        let figures =
            "SELECT xact_commit + xact_rollback, active_time FROM pg_stat_database WHERE datname = current_database()";
        let rows = sql.simple_query(figures).await.unwrap();
        let row =
            rows.iter().find_map(|row| if let SimpleQueryMessage::Row(row) = row { Some(row) } else { None }).unwrap();
        let [transactions, busy_ms] = [0, 1].map(|column| row.get(column).unwrap().parse::<f64>().unwrap());
        Self { transactions, busy_ms, at: Instant::now() }
    }

    /// Transactions a second since then, and the share of a connection's time.
    async fn since(&self, sql: &Client) -> (f64, f64) {
        let (now, seconds) = (Self::now(sql).await, self.at.elapsed().as_secs_f64());
        let transactions = (now.transactions - self.transactions) / seconds;
        (transactions, (now.busy_ms - self.busy_ms) / 1000.0 / seconds)
    }
}

/// So many viewers of the list, and as many of the job, each with all that it is sent at first.
async fn viewers(page: &Page, job: &str, number: usize) -> Vec<Events> {
    let mut viewers = Vec::new();
    for _ in 0..number {
        let mut list = page.events("/ui/api/jobs").await;
        list.until("jobs", |_| true).await;
        let mut one = page.events(job).await;
        one.until("workers", |_| true).await;
        viewers.extend([list, one]);
    }
    viewers
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_look_the_ledger_is_asked_once_a_second_for_the_list_and_once_for_a_job() {
    let site = Site::breakable().await;
    // Its transactions would be counted, too. ALTER SYSTEM runs in none.
    let sql = site.sql().await;
    for statement in ["ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"] {
        sql.batch_execute(statement).await.unwrap();
    }
    site.run(&generated("job", 1000, SPEC)).args(&["--seed-only"]).end().await.assert_code(0);
    let page = Page::of_ledger(&site).await;
    let job = format!("/ui/api/jobs/{}", site.uid().await);
    for number in [1, 6] {
        let _viewers = viewers(&page, &job, number).await;
        tokio::time::sleep(UNCOUNTED).await;
        let before = Counted::now(&sql).await;
        tokio::time::sleep(PERIOD).await;
        let (transactions, busy) = before.since(&sql).await;
        println!(
            "{} viewers: {transactions:.2} statements a second, busy {:.2} % of the time",
            2 * number,
            busy * 100.0
        );
        // Our own question is one of them, and one each of list and job may be at both ends of the period. Two readings that coincide take two
        // connections, and each prepares each of the sections' statements once.
        assert!(
            transactions <= 2.0 + 20.0 / PERIOD.as_secs_f64(),
            "{transactions} a second for {} viewers",
            2 * number
        );
        assert!(transactions > 1.0, "this measures nothing: {transactions}");
    }
    until_nobody_asks(&sql).await;
}

/// The readings end with the last viewer, whose connection is found closed when something is sent.
async fn until_nobody_asks(sql: &Client) {
    tokio::time::sleep(UNCOUNTED).await;
    for _ in 0..30 {
        let before = Counted::now(sql).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        if before.since(sql).await.0 < 0.8 {
            return;
        }
    }
    panic!("the ledger is asked though nobody looks any more");
}

/// Batches of the job below, or as many as BATCHES says: `make live-page` takes a million.
fn batches() -> i64 {
    std::env::var("BATCHES").map_or(100_000, |batches| batches.parse().expect("BATCHES is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_very_many_batches_is_shown_in_a_thousand_squares_and_read_seldom() {
    let (site, batches) = (Site::new().await, batches());
    site.run(&generated("job", 100, "batchSize: 10\nkeys: {count: 2}"))
        .args(&["--seed-only"])
        .end()
        .await
        .assert_code(0);
    // As if it were in the middle of signing.
    let half = batches / 2;
    site.execute(&format!(
        "UPDATE vaultstream.jobs SET batches = {batches}, published = {half} + 100, total = {batches} * 10, \
                published_at = clock_timestamp() - interval '1 hour'; \
         INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned, state, merkle_root, rows, signed, rejected, signed_at) \
         SELECT id, b, b * 10 + 1, b * 10 + 10, 10, CASE WHEN b < {half} THEN 'signed' ELSE 'planned' END, \
                CASE WHEN b < {half} THEN sha256('root') END, 10, 10 - (b % 100 = 0)::int, (b % 100 = 0)::int, \
                CASE WHEN b < {half} THEN clock_timestamp() - make_interval(secs => 3600 - 3600.0 * b / {half}) END \
           FROM vaultstream.jobs, generate_series(10, {batches} - 1) b; \
         ANALYZE vaultstream.batches"
    ))
    .await;
    let page = Page::of_ledger(&site).await;
    let sql = site.sql().await;
    let path = format!("/ui/api/jobs/{}", site.uid().await);
    let begun = Instant::now();
    let mut job = page.events(&path).await;
    let map = job.until("batches", |_| true).await;
    let first = begun.elapsed();
    assert_eq!(map["count"].as_i64(), Some(batches), "{map}");
    let each = batches.unsigned_abs().div_ceil(1000);
    assert_eq!(map["perCell"].as_u64(), Some(each), "{map}");
    assert_eq!(map["signed"].as_array().unwrap().len() as u64, batches.unsigned_abs().div_ceil(each));
    assert_eq!(map["signed"][1].as_u64(), Some(each), "{map}");
    let curve = job.until("curve", |_| true).await;
    let points = curve["signed"].as_array().unwrap().len();
    assert!((200..=240).contains(&points), "{points} points");
    job.until("workers", |_| true).await;

    tokio::time::sleep(UNCOUNTED).await;
    let before = Counted::now(&sql).await;
    tokio::time::sleep(PERIOD * 2).await;
    let (transactions, busy) = before.since(&sql).await;
    println!(
        "{batches} batches: shown after {:.0} ms; {transactions:.2} statements a second, busy {:.2} % of the time",
        first.as_secs_f64() * 1000.0,
        busy * 100.0
    );
    assert!(busy < 0.10, "the page takes {:.1} % of a connection's time", busy * 100.0);
}

/// A figure for people: rates differ from run to run by more than the page costs.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_watched_signs_all_and_tells_its_rate() {
    let records = records(400_000);
    let mut rates = Vec::new();
    for viewers_of_each in [0, 3] {
        let site = Site::new().await;
        let manifest = generated("job", records, "batchSize: 100\nkeys: {count: 8}");
        let run = site.run(&manifest).args(&["--web", "--verify", "sql"]).start();
        let page = Page::of(run).await;
        let mut watching = Vec::new();
        if viewers_of_each > 0 {
            site.until_signed(1).await;
            watching = viewers(&page, &format!("/ui/api/jobs/{}", site.uid().await), viewers_of_each).await;
        }
        let ended = page.running.end().await;
        ended.assert_code(0);
        drop(watching);
        let report = ended.report();
        assert_eq!(report["signed"].as_u64(), Some(records), "{report}");
        rates.push(report["recordsPerSecond"].as_f64().unwrap());
    }
    println!(
        "{records} records: {:.0} a second, {:.0} with 6 viewers, {:.2} times as many",
        rates[0],
        rates[1],
        rates[1] / rates[0]
    );
}
