//! Many rows in one statement, while others insert one by one; and rows that come alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_postgres::Client;

use super::TABLE;
use crate::harness::{Site, of_source, quick};

/// It does not divide the number of arrivals that the planner reads at a time, so that a reading ends within a batch.
const BATCH: i64 = 900;

const FOLLOW: &str = "follow: {maxDelay: 200ms, checkpoint: {every: 1s}}";

/// `make bulk-insert` takes a million.
fn rows() -> i64 {
    std::env::var("ROWS").map_or(200_000, |rows| rows.parse().expect("ROWS is no number"))
}

fn manifest(follow: &str) -> String {
    let spec = format!("batchSize: {BATCH}\nkeys: {{count: 8, lease: {{records: 20000, duration: 10s}}}}\n{follow}");
    of_source("job", "table: {name: moves, payload: body}", &spec)
}

async fn insert_one_by_one(client: Client, stop: Arc<AtomicBool>) -> i64 {
    let mut rows = 0;
    while !stop.load(Ordering::SeqCst) {
        client.batch_execute("INSERT INTO moves (body) VALUES ('small')").await.unwrap();
        rows += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_insert_fills_batches_and_no_memory_while_others_go_on_inserting() {
    let (site, rows) = (Site::new().await, rows());
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    let job = site.drive(&manifest(FOLLOW), quick()).await;
    let worker = site.worker(job.uid).await.start();
    site.until_all_signed("moves").await;
    let stop = Arc::<AtomicBool>::default();
    let small = tokio::spawn(insert_one_by_one(site.sql().await, Arc::clone(&stop)));
    site.until_signed(20).await;
    let signed = site.signed().await;
    site.execute(&format!("INSERT INTO moves (body) SELECT 'bulk ' || g FROM generate_series(1, {rows}) g")).await;
    let begun = Instant::now();
    site.until_signed(signed + rows).await;
    let took = begun.elapsed();
    stop.store(true, Ordering::SeqCst);
    let small = small.await.unwrap();
    site.until_all_signed("moves").await;
    println!(
        "{rows} rows were signed {:.1} s after their commit, beside {small} others; the worker's peak was {} MiB",
        took.as_secs_f64(),
        worker.peak_memory() >> 10
    );
    assert!(worker.peak_memory() <= 128 << 10, "its peak was {} KiB", worker.peak_memory());
    assert_eq!(site.signed().await, rows + small);
    // The first one has rows that came before, and the last one those that are left.
    let open = "SELECT count(DISTINCT b.batch) FROM public.moves m JOIN vaultstream.rows_1 r ON r.k1 = m.id \
                  JOIN vaultstream.batches b ON r.ordinal BETWEEN b.first_id AND b.last_id AND b.job_id = 1 \
                 WHERE m.body LIKE 'bulk %' AND b.rows_planned < ";
    let open = site.number(&format!("{open}{BATCH}")).await;
    assert!(open <= 2, "{open} batches of the bulk insert are not full");
    worker.signal(Signal::TERM);
    worker.end().await;
    drop(job);
    site.end_as("moves", &manifest("")).await;
}

/// A planner that has nothing to do says every 5 s that it is there, and would close the batch then.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_alone_waits_for_the_delay_and_no_longer() {
    let site = Site::new().await;
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    let run = site.run(&manifest(FOLLOW)).start();
    site.until_all_signed("moves").await;
    let begun = Instant::now();
    for _ in 0..8 {
        site.execute("INSERT INTO moves (body) VALUES ('alone')").await;
        site.until_all_signed("moves").await;
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "8 rows, one after the other, took {:?}", begun.elapsed());
    run.signal(Signal::INT);
    run.end().await.assert_code(0);
    site.end_as("moves", &manifest("")).await;
}
