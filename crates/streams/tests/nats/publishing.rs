use crate::server::{Server, ahead, batch, batches, new_job, next, number};
use std::time::Duration;
use vaultstream_streams::{Limits, Published, StreamsState, Work};

#[tokio::test]
async fn a_batch_published_twice_is_stored_once() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let all = batches(&job, 0..100);
    let first = streams.publish_batches(&job, &all).await.unwrap();
    assert_eq!(first, Published { done: 100, stored: 100, already: 0, full: false });
    let again = streams.publish_batches(&job, &all).await.unwrap();
    assert_eq!(again, Published { done: 100, stored: 0, already: 100, full: false });
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 100, keys: 0 });
}

#[tokio::test]
async fn a_held_batch_is_not_doubled_and_an_acked_one_can_be_published_again() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &[batch(&job, 7)]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    let held = next(&mut puller).await;
    let while_held = streams.publish_batches(&job, &[batch(&job, 7)]).await.unwrap();
    assert_eq!((while_held.done, while_held.already), (1, 1));
    held.ack();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    crate::server::eventually("the ack", async || {
        streams.state(&job).await.unwrap() == StreamsState::Present { batches: 0, keys: 0 }
    })
    .await;
    // Well within the window in which the server would remember a message id.
    let after = streams.publish_batches(&job, &[batch(&job, 7)]).await.unwrap();
    assert_eq!((after.done, after.stored), (1, 1));
    let again = next(&mut puller).await;
    assert_eq!((number(&again), again.redelivered()), (7, false));
    again.ack();
}

#[tokio::test]
async fn a_full_stream_stops_at_its_cap_and_goes_on_after_acks() {
    let server = Server::start();
    let (streams, job) = server.job_with(&Limits { max_batches: 10, ..Limits::default() }).await;
    let all = batches(&job, 0..25);
    let first = streams.publish_batches(&job, &all).await.unwrap();
    assert_eq!(first, Published { done: 10, stored: 10, already: 0, full: true });
    let none = streams.publish_batches(&job, &all[10..]).await.unwrap();
    assert_eq!(none, Published { done: 0, stored: 0, already: 0, full: true });
    // What is there already needs no room.
    let known = streams.publish_batches(&job, &all[..1]).await.unwrap();
    assert_eq!(known, Published { done: 1, stored: 0, already: 1, full: false });

    let mut puller = streams.batches(&job, ahead(10)).await.unwrap();
    let mut done = 10;
    let mut seen = Vec::new();
    while seen.len() < 25 {
        for _ in 0..4.min(25 - seen.len()) {
            let delivery = next(&mut puller).await;
            seen.push(number(&delivery));
            delivery.ack();
        }
        let left = u64::try_from(done - seen.len()).unwrap();
        crate::server::eventually("the acks", async || {
            streams.state(&job).await.unwrap() == StreamsState::Present { batches: left, keys: 0 }
        })
        .await;
        let more = streams.publish_batches(&job, &all[done..]).await.unwrap();
        assert!(more.done == 4 || done + more.done == 25, "{more:?} from {done}");
        assert_eq!(more.full, done + more.done < 25);
        done += more.done;
    }
    assert_eq!(seen, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn order_is_kept_through_the_pipeline() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let all = batches(&job, 0..5_000);
    assert_eq!(streams.publish_batches(&job, &all).await.unwrap().stored, 5_000);
    let mut puller = streams.batches(&job, ahead(256)).await.unwrap();
    for expected in 0..5_000 {
        let delivery = next(&mut puller).await;
        assert_eq!(delivery.work(), Work::Batch(batch(&job, expected)));
        // The server's count runs a little ahead of or behind its deliveries.
        let behind = 4_999 - expected.unsigned_abs();
        assert!(delivery.pending().abs_diff(behind) <= 16, "{} pending, {behind} behind", delivery.pending());
        delivery.ack();
    }
    streams.flush(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn the_finish_message_is_stored_once_beside_the_batches() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    assert_eq!(streams.publish_finish(&job, None).await.unwrap().stored, 1);
    assert_eq!(streams.publish_finish(&job, None).await.unwrap().already, 1);
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 1, keys: 0 });
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    let delivery = next(&mut puller).await;
    assert_eq!(delivery.work(), Work::Finish(None));
    delivery.ack();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    crate::server::emptied(&streams, &job).await;
}

#[tokio::test]
async fn publishing_to_streams_that_do_not_exist_says_so() {
    let server = Server::start();
    let streams = server.streams().await;
    let job = new_job();
    assert!(streams.publish_batches(&job, &[batch(&job, 1)]).await.unwrap_err().is_stream_gone());
    let job = new_job();
    assert!(streams.publish_keys(&job, &[1]).await.unwrap_err().is_stream_gone());
    let job = new_job();
    assert!(streams.publish_finish(&job, None).await.unwrap_err().is_stream_gone());
    assert_eq!(streams.publish_batches(&new_job(), &[]).await.unwrap(), Published::default());
}
