//! A private nats-server, our connection to it, and a plain one to look with.

use async_nats::jetstream::{self, consumer, stream};
use std::time::Duration;
use uuid::Uuid;
use vaultstream_embedded::{Options, Servers};
use vaultstream_streams::{
    BatchMessage, BatchPuller, ConnectOptions, Delivery, JobStreams, Limits, ReadAhead, Streams, StreamsState, Tenant,
    Work,
};

/// Long enough that a test which needs it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) servers: Servers,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self { servers: Servers::start(&Options::temporary().nats_only()).unwrap() }
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        ConnectOptions {
            url: self.servers.nats_url().into(),
            patience: Duration::from_secs(10),
            name: "test".into(),
            ..ConnectOptions::default()
        }
    }

    pub(crate) async fn streams(&self) -> Streams {
        Streams::connect(&self.options()).await.unwrap()
    }

    /// Connected, with the streams of a new job.
    pub(crate) async fn job(&self) -> (Streams, JobStreams) {
        self.job_with(&Limits::default()).await
    }

    pub(crate) async fn job_with(&self, limits: &Limits) -> (Streams, JobStreams) {
        let streams = self.streams().await;
        let job = new_job();
        streams.create(&job, limits).await.unwrap();
        (streams, job)
    }

    /// The plain client.
    pub(crate) async fn plain(&self) -> jetstream::Context {
        let url: async_nats::ServerAddr = self.servers.nats_url().parse().unwrap();
        let token = url.username().unwrap().to_owned();
        let client = async_nats::ConnectOptions::with_token(token).connect(url).await.unwrap();
        jetstream::new(client)
    }

    pub(crate) async fn batch_stream(&self, job: &JobStreams) -> stream::Stream {
        self.plain().await.get_stream(job.batch_stream()).await.unwrap()
    }

    pub(crate) async fn key_stream(&self, job: &JobStreams) -> stream::Stream {
        self.plain().await.get_stream(job.key_stream()).await.unwrap()
    }
}

pub(crate) fn new_job() -> JobStreams {
    JobStreams::new(Tenant::new("cluster", "namespace"), Uuid::new_v4(), 1)
}

pub(crate) fn batch(job: &JobStreams, number: i64) -> BatchMessage {
    BatchMessage { job: job.uid, batch: number, first: number * 50 + 1, last: number * 50 + 50, rows: 50 }
}

pub(crate) fn batches(job: &JobStreams, numbers: std::ops::Range<i64>) -> Vec<BatchMessage> {
    numbers.map(|number| batch(job, number)).collect()
}

pub(crate) fn ahead(messages: usize) -> ReadAhead {
    ReadAhead { messages, bytes: usize::MAX }
}

/// The next batch, within bounds.
pub(crate) async fn next(puller: &mut BatchPuller) -> Delivery {
    tokio::time::timeout(LONG, puller.next()).await.expect("a message in time").unwrap().expect("a message")
}

pub(crate) fn number(delivery: &Delivery) -> i64 {
    match delivery.work() {
        Work::Batch(batch) => batch.batch,
        other => panic!("{other:?}"),
    }
}

/// Waits until the acks that the server has received are worked off and nothing is left.
pub(crate) async fn emptied(streams: &Streams, job: &JobStreams) {
    eventually("the streams are empty", async || {
        streams.state(job).await.unwrap() == StreamsState::Present { batches: 0, keys: 0 }
    })
    .await;
}

pub(crate) async fn workers(stream: &stream::Stream) -> consumer::Info {
    stream.consumer_info(new_job().consumer()).await.unwrap()
}

/// Waits until something becomes true.
pub(crate) async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut is_so: F) {
    let end = tokio::time::Instant::now() + LONG;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text += &format!(": {error}");
        next = error.source();
    }
    text
}
