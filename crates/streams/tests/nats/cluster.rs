//! A cluster of three servers that loses one.

use crate::plain::nats_server;
use crate::server::{LONG, ahead, batches, chain, eventually, new_job, next, number};
use crate::three::Three;
use async_nats::jetstream::{self, stream};
use std::collections::BTreeSet;
use tokio::time::timeout;
use vaultstream_streams::{ConnectOptions, JobStreams, Limits, Streams, StreamsState};

async fn connected(three: &Three) -> Streams {
    let options = ConnectOptions { url: three.url(), patience: LONG, ..ConnectOptions::default() };
    Streams::connect(&options).await.unwrap()
}

async fn info(three: &Three, stream: &str) -> stream::Info {
    let servers: Vec<async_nats::ServerAddr> = three.url().split(',').map(|url| url.parse().unwrap()).collect();
    let context = jetstream::new(async_nats::connect(servers).await.unwrap());
    context.get_stream(stream).await.unwrap().cached_info().clone()
}

/// Once the cluster has a leader, and every server has told the others of itself.
async fn made(streams: &Streams, limits: &Limits) -> JobStreams {
    let job = new_job();
    eventually("streams are made", async || streams.create(&job, limits).await.is_ok()).await;
    job
}

#[tokio::test]
async fn a_cluster_of_three_that_loses_one_server_loses_seconds() {
    let three = Three::start(nats_server());
    let streams = connected(&three).await;
    let job = made(&streams, &Limits { replicas: Some(3), ..Limits::default() }).await;
    streams.delete(&job).await.unwrap();
    // Nobody asked for copies; a cluster gives them.
    let job = made(&streams, &Limits::default()).await;
    let before = info(&three, &job.batch_stream()).await;
    assert_eq!(before.config.num_replicas, 3);
    let all = batches(&job, 0..40);
    streams.publish_batches(&job, &all[..20]).await.unwrap();
    streams.publish_keys(&job, &[1, 2]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    let mut seen = BTreeSet::from([number(&next(&mut puller).await)]);

    three.kill(&before.cluster.unwrap().leader.unwrap());
    eventually("the rest is published", async || {
        streams.publish_batches(&job, &all[20..]).await.is_ok_and(|published| published.done == 20)
    })
    .await;
    while seen.len() < 40 {
        let delivery = next(&mut puller).await;
        seen.insert(number(&delivery));
        delivery.ack();
    }
    let tokens = streams.tokens(&job);
    let token = timeout(LONG, async {
        loop {
            if let Ok(Some(token)) = tokens.next(LONG).await {
                return token;
            }
        }
    });
    assert!([1, 2].contains(&token.await.unwrap().key()));
    // What is begun now makes do with the servers that are left.
    let late = made(&streams, &Limits::default()).await;
    eventually("its streams are there", async || {
        matches!(streams.state(&late).await, Ok(StreamsState::Present { .. }))
    })
    .await;
}

#[tokio::test]
async fn streams_whose_only_server_is_down_are_told_from_an_outage() {
    let three = Three::start(nats_server());
    let streams = connected(&three).await;
    let job = made(&streams, &Limits { replicas: Some(1), ..Limits::default() }).await;
    let found = info(&three, &job.batch_stream()).await;
    assert_eq!(found.config.num_replicas, 1);
    three.kill(&found.cluster.unwrap().leader.unwrap());
    eventually("the streams are called offline", async || {
        let error = streams.state(&job).await.err();
        error.is_some_and(|error| error.is_unreachable() && chain(&error).contains("that holds the streams"))
    })
    .await;
    // They cannot be removed now, and they block nothing.
    let new = JobStreams { generation: job.generation + 1, ..job.clone() };
    eventually("others are made", async || {
        streams.create(&new, &Limits { replicas: Some(1), ..Limits::default() }).await.is_ok()
    })
    .await;
    streams.publish_batches(&new, &batches(&new, 0..4)).await.unwrap();
}
