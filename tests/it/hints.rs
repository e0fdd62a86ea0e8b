//! A batch message is a hint: what it says of ranges and numbers of records, and whether it names a batch at all, is checked.

use rustix::process::Signal;
use serde_json::{Value, json};
use vaultstream_lifecycle::Settings;

use crate::harness::{Drive, Site, assert_signed_exactly_once, generated};

const RECORDS: u64 = 300_000;

/// Publishes a batch message for each of these numbers, which says of it what `lie` says.
async fn publish(site: &Site, job: &Drive, batches: std::ops::Range<i64>, lie: fn(i64) -> Value) {
    let (jetstream, topology) = (site.jetstream().await, job.topology().await);
    let mut acks = Vec::new();
    for batch in batches {
        let mut message = lie(batch);
        for (name, value) in
            [("v", json!(1)), ("kind", json!("batch")), ("job", json!(job.uid)), ("batch", json!(batch))]
        {
            message[name] = value;
        }
        acks.push(jetstream.publish(topology.batch_subject(batch), message.to_string().into()).await.unwrap());
    }
    for ack in acks {
        ack.await.unwrap();
    }
}

/// A job whose messages are replaced by others before any worker sees them.
async fn lied_about(lie: fn(i64) -> Value) {
    let site = Site::new().await;
    let job = site.drive(&generated("job", RECORDS, "batchSize: 500"), Settings::default()).await;
    let batches = job.until_published().await;
    let stream = site.jetstream().await.get_stream(job.topology().await.batch_stream()).await.unwrap();
    stream.purge().await.unwrap();
    publish(&site, &job, 0..batches, lie).await;
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", RECORDS as i64).await;
    assert!(worker.peak_memory() <= 128 << 10, "its peak was {} KiB", worker.peak_memory());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_say_each_batch_is_the_whole_job_cost_no_memory() {
    lied_about(|_| json!({"first": 1, "last": RECORDS, "rows": 1})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_say_each_batch_has_a_million_million_records_cost_no_memory() {
    lied_about(|batch| json!({"first": i64::MIN, "last": batch, "rows": 1_000_000_000_000_i64})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_batches_that_do_not_exist_are_removed_and_counted_and_told_once() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 2_000, "batchSize: 50\nkeys: {count: 4}"), Settings::default()).await;
    let batches = job.until_published().await;
    publish(&site, &job, batches..batches + 200, |_| json!({"first": 1, "last": 2_000, "rows": 1_000_000_000_000_i64}))
        .await;
    publish(&site, &job, -100..0, |_| json!({"first": 1, "last": 50, "rows": -1})).await;
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 2_000).await;
    assert_eq!(worker.metric("unknown_batches_total").await, 300.0);
    worker.signal(Signal::TERM);
    let ended = worker.end().await;
    ended.assert_code(0);
    assert_eq!(ended.stderr.matches("which the ledger does not know").count(), 1, "{}", ended.stderr);
}

/// What cannot be read, is another job's, or is no key's: gone after its first delivery.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_used_are_removed_and_counted_and_told_once() {
    let site = Site::new().await;
    // Units of one batch, so that tokens behind those of the four keys are pulled, too.
    let spec = "batchSize: 50\nkeys: {count: 4, lease: {records: 50}}";
    let job = site.drive(&generated("job", 2_000, spec), Settings::default()).await;
    let batches = job.until_published().await;
    let (jetstream, topology) = (site.jetstream().await, job.topology().await);
    let foreign =
        json!({"v": 1, "kind": "batch", "job": uuid::Uuid::new_v4(), "batch": 0, "first": 1, "last": 50, "rows": 50});
    let token = topology.key_subject(0).trim_end_matches('0').to_owned();
    let mut acks = Vec::new();
    for number in 0..50 {
        let payloads =
            ["", "nonsense", r#"{"v":1,"kind":"batch"}"#, r#"{"v":0}"#, &foreign.to_string()].map(str::to_owned);
        for (nth, payload) in (0_i64..).zip(payloads) {
            let subject = topology.batch_subject(batches + 5 * number + nth);
            acks.push(jetstream.publish(subject, payload.into()).await.unwrap());
        }
        acks.push(jetstream.publish(format!("{token}x{number}"), "".into()).await.unwrap());
    }
    for ack in acks {
        ack.await.unwrap();
    }
    let worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 2_000).await;
    assert_eq!(worker.metric("unusable_messages_total").await, 300.0);
    worker.signal(Signal::TERM);
    let ended = worker.end().await;
    ended.assert_code(0);
    assert_eq!(ended.stderr.matches("a message that cannot be used").count(), 1, "{}", ended.stderr);
}

/// A message of a megabyte, as often as a worker reads ahead, would be a gigabyte.
#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_message_is_refused_by_the_stream() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 100, "batchSize: 50\nkeys: {count: 2}"), Settings::default()).await;
    let batches = job.until_published().await;
    let (jetstream, topology) = (site.jetstream().await, job.topology().await);
    for subject in [topology.batch_subject(batches), topology.key_subject(1)] {
        let ack = jetstream.publish(subject.clone(), " ".repeat(513).into()).await.unwrap();
        let refused = format!("{:?}", ack.await.unwrap_err());
        assert!(refused.contains("message size exceeds maximum allowed"), "{subject}: {refused}");
    }
    let _worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 100).await;
}
