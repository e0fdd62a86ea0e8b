use crate::server::{LONG, Server, ahead, batch, batches, eventually, next, number};
use async_nats::jetstream::{Message, consumer::pull};
use futures_util::StreamExt;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use vaultstream_streams::{BatchPuller, JobStreams, Limits, StreamsState};

#[tokio::test]
async fn a_deleted_stream_is_reported_and_late_acks_touch_nothing() {
    let server = Server::start();
    let (lifecycle, old) = server.job().await;
    lifecycle.publish_batches(&old, &batches(&old, 0..4)).await.unwrap();
    lifecycle.publish_keys(&old, &[1]).await.unwrap();
    let worker = server.streams().await;
    let mut puller = worker.batches(&old, ahead(2)).await.unwrap();
    let held = next(&mut puller).await;
    let (_, handle) = next(&mut puller).await.split();
    let token = worker.tokens(&old).next(LONG).await.unwrap().unwrap();

    lifecycle.delete(&old).await.unwrap();
    let new = JobStreams { generation: 2, ..old.clone() };
    lifecycle.create(&new, &Limits::default()).await.unwrap();
    lifecycle.publish_batches(&new, &batches(&new, 0..4)).await.unwrap();
    lifecycle.publish_keys(&new, &[1]).await.unwrap();
    // Before a client has noticed: the old name reaches no stream.
    held.ack();
    worker.flush(Duration::from_secs(5)).await.unwrap();

    assert_told_that_it_is_gone(&mut puller).await;
    assert!(handle.is_dead());
    // The worst case: another program makes the old names again, and others hold their messages.
    let strangers = made_again_by_another_program(&server, &old, &new).await;
    assert_eq!(strangers.len(), 8);
    // As long as anything of the old streams is held, no client of this process binds to their names again.
    assert!(worker.batches(&old, ahead(1)).await.unwrap_err().is_stream_gone());
    assert!(worker.tokens(&old).next(Duration::ZERO).await.unwrap_err().is_stream_gone());
    assert!(worker.tokens(&old).requeue(1).await.unwrap_err().is_stream_gone());
    assert!(worker.create(&old, &Limits::default()).await.unwrap_err().is_stream_gone());
    assert!(worker.adjust(&old, &Limits::default()).await.unwrap_err().is_stream_gone());
    handle.ack();
    token.discard();
    worker.flush(Duration::from_secs(5)).await.unwrap();
    // Time for what must not happen.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(lifecycle.state(&new).await.unwrap(), StreamsState::Present { batches: 4, keys: 1 });
    let plain = server.plain().await;
    for recreated in [old.batch_stream(), old.key_stream()] {
        assert_eq!(plain.get_stream(recreated).await.unwrap().cached_info().state.messages, 4);
    }
    // The new generation works.
    let mut puller = worker.batches(&new, ahead(4)).await.unwrap();
    next(&mut puller).await.ack();
}

/// The puller ends with the reason, and soon. What it had in its buffer when the stream went comes before that.
async fn assert_told_that_it_is_gone(puller: &mut BatchPuller) {
    let begun = Instant::now();
    let gone = loop {
        match timeout(LONG, puller.next()).await.unwrap() {
            Ok(Some(delivery)) => assert!(number(&delivery) < 4),
            Ok(None) => panic!("no reason was given"),
            Err(error) => break error,
        }
    };
    assert!(gone.is_stream_gone(), "{gone}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Makes the streams of `old` again, set up as those of `new`, with 4 messages each. Their sequences start anew. Returns all of these
/// messages, delivered and not acknowledged.
async fn made_again_by_another_program(server: &Server, old: &JobStreams, new: &JobStreams) -> Vec<Message> {
    let plain = server.plain().await;
    let mut delivered = Vec::new();
    for (stream, subject) in [(new.batch_stream(), old.batch_subject(0)), (new.key_stream(), old.key_subject(0))] {
        let mut config = plain.get_stream(&stream).await.unwrap().cached_info().config.clone();
        config.name = config.name.trim_end_matches("-2").to_owned() + "-1";
        let subject = subject.trim_end_matches('0');
        config.subjects = vec![format!("{subject}*")];
        let made = plain.create_stream(config).await.unwrap();
        for last in 0..4 {
            plain.publish(format!("{subject}{last}"), "{}".into()).await.unwrap().await.unwrap();
        }
        let consumer = pull::Config { durable_name: Some(old.consumer().to_owned()), ..Default::default() };
        let consumer = made.create_consumer(consumer).await.unwrap();
        let mut messages = consumer.fetch().max_messages(4).messages().await.unwrap();
        while let Some(message) = messages.next().await {
            delivered.push(message.unwrap());
        }
    }
    delivered
}

#[tokio::test]
async fn a_wiped_jetstream_is_reported_to_everybody_who_waits() {
    let server = Server::start();
    let (streams, old) = server.job().await;
    streams.publish_batches(&old, &batches(&old, 0..3)).await.unwrap();
    let mut puller = streams.batches(&old, ahead(8)).await.unwrap();
    let held = next(&mut puller).await;
    let tokens = streams.tokens(&old);
    let waiting = tokio::spawn(async move { tokens.next(LONG).await });
    let mut link = streams.connection();

    server.servers.wipe_jetstream().unwrap();
    timeout(LONG, link.reconnected()).await.unwrap();
    let begun = Instant::now();
    assert_told_that_it_is_gone(&mut puller).await;
    assert!(waiting.await.unwrap().unwrap_err().is_stream_gone());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(streams.state(&old).await.unwrap(), StreamsState::Absent);

    let new = JobStreams { generation: 2, ..old.clone() };
    streams.create(&new, &Limits::default()).await.unwrap();
    streams.publish_batches(&new, &[batch(&new, 0)]).await.unwrap();
    held.ack();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(streams.state(&new).await.unwrap(), StreamsState::Present { batches: 1, keys: 0 });
}

#[tokio::test]
async fn a_lost_consumer_counts_as_a_lost_stream() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let mut puller = streams.batches(&job, ahead(8)).await.unwrap();
    let tokens = streams.tokens(&job);
    let waiting = tokio::spawn(async move { tokens.next(LONG).await });
    let stream = server.batch_stream(&job).await;
    eventually("the puller waits", async || crate::server::workers(&stream).await.num_waiting == 1).await;
    stream.delete_consumer(job.consumer()).await.unwrap();
    assert!(timeout(LONG, puller.next()).await.unwrap().unwrap_err().is_stream_gone());
    assert!(waiting.await.unwrap().unwrap_err().is_stream_gone());
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Absent);
}

#[tokio::test]
async fn other_generations_are_removed_and_only_they() {
    let server = Server::start();
    let (streams, first) = server.job().await;
    let stranger = crate::server::new_job();
    streams.create(&stranger, &Limits::default()).await.unwrap();
    let generations: Vec<_> = [2, 3, 12].map(|generation| JobStreams { generation, ..first.clone() }).to_vec();
    for job in &generations {
        streams.create(job, &Limits::default()).await.unwrap();
    }
    // Half of a pair counts as well.
    server.plain().await.delete_stream(generations[0].key_stream()).await.unwrap();
    assert_eq!(streams_there(&server).await.len(), 9);
    assert_eq!(streams.delete_other_generations(first.uid, Some(3)).await.unwrap(), 3);
    assert_eq!(streams.delete_other_generations(first.uid, Some(3)).await.unwrap(), 0);
    let mut left: Vec<_> =
        [&generations[1], &stranger].iter().flat_map(|job| [job.batch_stream(), job.key_stream()]).collect();
    left.sort_unstable();
    assert_eq!(streams_there(&server).await, left);
    assert_eq!(streams.delete_other_generations(first.uid, None).await.unwrap(), 1);
    assert_eq!(streams_there(&server).await.len(), 2);
    streams.delete(&stranger).await.unwrap();
    streams.delete(&stranger).await.unwrap();
}

/// The names of all streams, sorted.
async fn streams_there(server: &Server) -> Vec<String> {
    let mut names: Vec<String> = server.plain().await.stream_names().map(Result::unwrap).collect().await;
    names.sort_unstable();
    names
}
