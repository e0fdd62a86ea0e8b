//! JetStream is not the truth: messages doubled, lost, deleted and wiped only cost time.

use std::time::Duration;

use futures_util::StreamExt as _;
use rustix::process::Signal;
use vaultstream_ledger::{BatchRange, steps};
use vaultstream_streams::{BatchMessage, JobStreams, Limits, Naming, Streams, StreamsState};

use crate::harness::{Lines, Site, Weather, assert_signed_exactly_once, generated, job_streams, quick, until};

/// Slow enough that something can happen in the middle.
const SLOW: &str = "batchSize: 20\nkeys: {count: 8, lease: {records: 100, duration: 5s}}\n\
                    concurrency: {records: 2, signers: 2}\nworkers: {maxRecordsPerSecond: 300}";

fn message(uid: uuid::Uuid, range: &BatchRange) -> BatchMessage {
    BatchMessage { job: uid, batch: range.batch.0, first: range.first, last: range.last, rows: range.rows }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_delivered_twice_is_stored_once() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 900, SLOW)).await;
    let uid = seeded.uid;
    let job = seeded.drive(quick());
    job.until_published().await;
    let all = all_batches(&site, uid).await;
    let worker = site.worker(uid).await.start();
    // Whatever was acknowledged meanwhile comes again, and again.
    let mut stored = 0;
    while !job.is_over() && site.signed().await < 900 {
        let topology = job.topology().await;
        if let Ok(published) = job.streams.publish_batches(&topology, &all).await {
            stored += published.stored;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(stored > 20, "only {stored} batches came twice");
    job.complete().await;
    let seen = worker.metric("already_signed_batches_total").await;
    assert!(seen > 0.0, "no batch came after it was signed");
    assert_signed_exactly_once(&site, "job", 900).await;
}

/// As after its ack wait, when the worker that holds it has stood still: both deliveries are in one unit.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_delivered_twice_to_one_worker_is_in_its_unit_once() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 900, SLOW), quick()).await;
    let lines = Lines::to(&site).await;
    lines.nats.set(Weather { doubled: true, ..Weather::default() });
    std::fs::write(site.dir.path().join("NATS_URL"), &lines.nats_url).unwrap();
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert!(lines.nats.met.total() > 45, "not every message came twice");
    worker.signal(Signal::TERM);
    worker.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

async fn all_batches(site: &Site, uid: uuid::Uuid) -> Vec<BatchMessage> {
    let sql = "SELECT batch, first_id, last_id, rows_planned FROM vaultstream.batches ORDER BY batch";
    let rows = site.sql().await.query(sql, &[]).await.unwrap();
    rows.iter()
        .map(|row| BatchMessage { job: uid, batch: row.get(0), first: row.get(1), last: row.get(2), rows: row.get(3) })
        .collect()
}

async fn delete_streams(site: &Site, topology: &JobStreams) {
    let jetstream = site.jetstream().await;
    jetstream.delete_stream(topology.batch_stream()).await.unwrap();
    jetstream.delete_stream(topology.key_stream()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_deleted_in_mid_job_come_back_under_another_generation() {
    let site = Site::new().await;
    let running = site.run(&generated("job", 900, SLOW)).start();
    site.until_signed(100).await;
    let uid = site.uid().await;
    let before = site.number("SELECT generation FROM vaultstream.jobs").await;
    delete_streams(&site, &job_streams(uid, before)).await;
    running.end().await.assert_code(0);
    assert!(site.number("SELECT generation FROM vaultstream.jobs").await > before, "a name was used twice");
    assert_signed_exactly_once(&site, "job", 900).await;
}

/// A job that a version without tenants in its names has begun: its workers know no others. Resumed after a suspension it has new workers.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_the_names_that_its_workers_know_until_it_is_suspended() {
    let site = Site::new().await;
    let seeded = site.seed(&generated("job", 1_500, SLOW)).await;
    let (uid, streams) = (seeded.uid, site.streams().await);
    let named = |generation| job_streams(uid, generation).named(Naming::Earlier);
    begin_as_earlier_versions(&site, uid).await;

    let job = seeded.drive(quick());
    let _worker = site.worker(uid).await.start();
    site.until_signed(100).await;
    assert_eq!(site.number("SELECT generation FROM vaultstream.jobs").await, 1);
    delete_streams(&site, &named(1)).await;
    until("lost ones have others of this kind in their place", || present(&streams, named(2))).await;
    site.until_signed(300).await;
    site.execute("UPDATE vaultstream.jobs SET suspended = true").await;
    until("the suspended job has none", || async { !present(&streams, named(2)).await }).await;
    site.execute("UPDATE vaultstream.jobs SET suspended = false").await;
    until("then it has those of this version", || present(&streams, job_streams(uid, 3))).await;
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 1_500).await;
}

/// Makes and fills the streams of a job that is seeded, with names without a tenant.
pub(crate) async fn begin_as_earlier_versions(site: &Site, uid: uuid::Uuid) {
    let (streams, named) = (site.streams().await, job_streams(uid, 1).named(Naming::Earlier));
    streams.create(&named, &Limits::default()).await.unwrap();
    let keys = site.sql().await.query("SELECT id FROM vaultstream.keys WHERE ordinal > 0", &[]).await.unwrap();
    streams.publish_keys(&named, &keys.iter().map(|row| row.get(0)).collect::<Vec<i64>>()).await.unwrap();
    streams.publish_batches(&named, &all_batches(site, uid).await).await.unwrap();
    site.execute("UPDATE vaultstream.jobs SET generation = 1, published = batches").await;
}

async fn present(streams: &Streams, topology: JobStreams) -> bool {
    matches!(streams.state(&topology).await, Ok(StreamsState::Present { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_stream_deleted_in_mid_job_costs_time() {
    let site = Site::new().await;
    let running = site.run(&generated("job", 900, SLOW)).start();
    site.until_signed(100).await;
    let topology = job_streams(site.uid().await, 1);
    site.jetstream().await.delete_stream(topology.key_stream()).await.unwrap();
    running.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_jetstream_wiped_in_mid_job_costs_time() {
    let site = Site::breakable().await;
    let running = site.run(&generated("job", 900, SLOW)).start();
    site.until_signed(100).await;
    site.servers(|servers| servers.wipe_jetstream().unwrap()).await;
    running.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_batches_and_all_key_tokens_deleted_are_published_again() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 900, SLOW), quick()).await;
    job.until_published().await;
    let topology = job.topology().await;
    let jetstream = site.jetstream().await;
    let mut batches = jetstream.get_stream(topology.batch_stream()).await.unwrap();
    let before = batches.info().await.unwrap().state.messages;
    assert_eq!(before, 45);
    // Before anybody works, then again under a worker's hands.
    for sequence in [1, 2, 10, 45] {
        assert!(batches.delete_message(sequence).await.unwrap());
    }
    jetstream.get_stream(topology.key_stream()).await.unwrap().purge().await.unwrap();
    let worker = site.worker(job.uid).await.start();
    site.until_signed(100).await;
    jetstream.get_stream(topology.batch_stream()).await.unwrap().purge().await.unwrap();
    jetstream.get_stream(topology.key_stream()).await.unwrap().purge().await.unwrap();
    job.complete().await;
    assert_eq!(site.number("SELECT generation FROM vaultstream.jobs").await, 1, "repaired, not made anew");
    drop(worker);
    assert_signed_exactly_once(&site, "job", 900).await;
}

/// A recreated stream of the same name would start its sequences anew, and the late ack would delete another's message.
#[tokio::test(flavor = "multi_thread")]
async fn late_acks_of_old_streams_touch_nothing() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SLOW), quick()).await;
    job.until_published().await;
    let old = job.topology().await;
    let held = hold(&site, &old, 10).await;
    delete_streams(&site, &old).await;
    let batches = all_batches(&site, job.uid).await.len();
    until("there are new streams", || async {
        let census = job.streams.message_index(&job.topology().await).await;
        census.is_ok_and(|census| census.batches.len() == batches)
    })
    .await;
    // Somebody else holds messages of the new streams with the same sequences.
    let new = job.topology().await;
    let theirs = hold(&site, &new, 10).await;
    for message in &held {
        message.ack().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let census = job.streams.message_index(&new).await.unwrap();
    assert_eq!(census.batches.len(), batches, "a late ack took a message of the new stream");
    let unsigned = steps::unsigned_published(&job.ledger, job.id).await.unwrap();
    assert!(
        unsigned.iter().map(|range| message(job.uid, range)).all(|message| census.batches.contains(&message.batch))
    );
    drop(theirs);
    let _worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 400).await;
}

/// Takes messages of the stream of batches and does not settle them.
async fn hold(site: &Site, topology: &JobStreams, count: usize) -> Vec<async_nats::jetstream::Message> {
    let consumer = site.consumer(&topology.batch_stream()).await;
    let mut messages = consumer.fetch().max_messages(count).messages().await.unwrap();
    let mut held = Vec::new();
    while let Some(message) = messages.next().await {
        held.push(message.unwrap());
    }
    assert_eq!(held.len(), count);
    held
}
