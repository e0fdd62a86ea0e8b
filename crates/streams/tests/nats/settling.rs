use crate::server::{Server, ahead, batch, batches, next, number, workers};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use vaultstream_streams::{Limits, StreamsState};

#[tokio::test]
async fn a_nak_is_delivered_again_after_its_delay_and_not_before() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &batches(&job, 0..2)).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    let first = next(&mut puller).await;
    assert!(!first.redelivered());
    let given_back = Instant::now();
    first.nak(Duration::from_millis(1_500));
    // Others are not held up.
    let second = next(&mut puller).await;
    assert_eq!(number(&second), 1);
    second.ack();
    let again = next(&mut puller).await;
    let took = given_back.elapsed();
    assert_eq!((number(&again), again.redelivered()), (0, true));
    assert!(took >= Duration::from_millis(1_400) && took < Duration::from_secs(5), "{took:?}");
    again.nak(Duration::ZERO);
    let given_back = Instant::now();
    next(&mut puller).await.ack();
    assert!(given_back.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_dropped_delivery_comes_back_after_a_second() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &[batch(&job, 0)]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    drop(next(&mut puller).await);
    let dropped = Instant::now();
    next(&mut puller).await.ack();
    let took = dropped.elapsed();
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn progress_keeps_a_message_from_being_delivered_again() {
    let server = Server::start();
    let limits = Limits { batch_ack_wait: Duration::from_secs(1), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    streams.publish_batches(&job, &[batch(&job, 0)]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    assert_eq!(puller.ack_wait(), Duration::from_secs(1));
    let (_, handle) = next(&mut puller).await.split();
    for _ in 0..12 {
        handle.progress();
        assert!(timeout(Duration::from_millis(250), puller.next()).await.is_err(), "delivered again");
    }
    // Without it, the ack wait ends.
    let silent = Instant::now();
    let again = next(&mut puller).await;
    assert!(again.redelivered() && silent.elapsed() < Duration::from_secs(5));
    // Both may say what they like; the message goes once.
    handle.ack();
    again.ack();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    crate::server::emptied(&streams, &job).await;
}

#[tokio::test]
async fn after_a_flush_the_server_has_every_ack_even_when_the_connection_ends_at_once() {
    let server = Server::start();
    let (watching, job) = server.job().await;
    watching.publish_batches(&job, &batches(&job, 0..500)).await.unwrap();
    let streams = server.streams().await;
    let mut puller = streams.batches(&job, ahead(500)).await.unwrap();
    for _ in 0..500 {
        next(&mut puller).await.ack();
    }
    streams.flush(Duration::from_secs(5)).await.unwrap();
    drop((puller, streams));
    crate::server::eventually("all acked", async || {
        watching.state(&job).await.unwrap() == StreamsState::Present { batches: 0, keys: 0 }
    })
    .await;
    assert_eq!(workers(&server.batch_stream(&job).await).await.num_redelivered, 0);
}

#[tokio::test]
async fn a_flush_without_a_server_ends_in_time() {
    let server = Server::start();
    let limits = Limits { batch_ack_wait: Duration::from_secs(1), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    streams.publish_batches(&job, &[batch(&job, 0)]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(1)).await.unwrap();
    let delivery = next(&mut puller).await;
    server.servers.kill_nats();
    delivery.ack();
    let begun = Instant::now();
    assert!(streams.flush(Duration::from_millis(500)).await.unwrap_err().is_unreachable());
    assert!(begun.elapsed() < Duration::from_secs(2));
    // The ack may have been written to a connection that was dead already; then the message comes again.
    server.servers.start_nats().unwrap();
    crate::server::eventually("the ack", async || {
        if let Ok(Ok(Some(again))) = timeout(Duration::from_millis(50), puller.next()).await {
            again.ack();
        }
        matches!(streams.state(&job).await, Ok(StreamsState::Present { batches: 0, .. }))
    })
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_used_is_removed_and_a_newer_one_is_left_alone() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let plain = server.plain().await;
    let subject = |last: &str| job.batch_subject(0).trim_end_matches('0').to_owned() + last;
    let foreign = batch(&crate::server::new_job(), 3);
    let foreign = format!(r#"{{"v":1,"kind":"batch","job":"{}","batch":3,"first":1,"last":2,"rows":2}}"#, foreign.job);
    for (last, payload) in [("0", "nonsense".to_owned()), ("1", r#"{"v":2,"kind":"x"}"#.to_owned()), ("3", foreign)] {
        plain.publish(subject(last), payload.into()).await.unwrap().await.unwrap();
    }
    streams.publish_batches(&job, &[batch(&job, 4)]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(8)).await.unwrap();
    let good = next(&mut puller).await;
    assert_eq!(number(&good), 4);
    good.ack();
    crate::server::eventually("only the newer one is left", async || {
        streams.message_index(&job).await.unwrap().batches.into_iter().eq([1])
    })
    .await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(puller.held(), 0);
    assert_eq!(workers(&server.batch_stream(&job).await).await.num_ack_pending, 1);
}
