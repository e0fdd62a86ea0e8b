//! Waiting must cost nothing, least of all without a server. A test program of its own: it measures the whole process.

#![allow(clippy::unwrap_used)]

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use vaultstream_embedded::{Options, Servers};
use vaultstream_streams::{ConnectOptions, JobStreams, Limits, ReadAhead, Streams, Tenant};

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

async fn measure(what: &str) {
    const WALL: Duration = Duration::from_secs(4);
    let before = cpu();
    tokio::time::sleep(WALL).await;
    let used = cpu() - before;
    println!("{what}: {used:?} of {WALL:?}");
    assert!(used < WALL / 20, "{what}: {used:?} of {WALL:?}");
}

#[tokio::test]
async fn waiting_burns_no_cpu_with_or_without_a_server() {
    let servers = Servers::start(&Options::temporary().nats_only()).unwrap();
    let url = servers.nats_url().to_owned();
    let options = ConnectOptions { url, patience: Duration::from_secs(10), ..ConnectOptions::default() };
    let streams = Streams::connect(&options).await.unwrap();
    let job = JobStreams::new(Tenant::new("c", "n"), uuid::Uuid::new_v4(), 1);
    streams.create(&job, &Limits::default()).await.unwrap();

    let mut puller = streams.batches(&job, ReadAhead { messages: 64, bytes: usize::MAX }).await.unwrap();
    let pulling = tokio::spawn(async move { puller.next().await });
    for _ in 0..8 {
        let tokens = streams.tokens(&job);
        // As a lane does it: nothing but what `next` itself waits holds this loop.
        tokio::spawn(async move {
            while !matches!(tokens.next(Duration::from_millis(500)).await, Err(error) if error.is_stream_gone()) {}
        });
    }
    measure("an empty stream").await;
    servers.kill_nats();
    measure("no server").await;
    servers.start_nats().unwrap();
    measure("the server is back").await;
    servers.wipe_jetstream().unwrap();
    measure("the stream is gone").await;
    assert!(pulling.await.unwrap().unwrap_err().is_stream_gone());
}
