use crate::server::{Server, ahead, batches, new_job, next, number};
use std::time::{Duration, Instant};
use vaultstream_streams::{Limits, StreamsState};

#[tokio::test]
async fn messages_that_were_deleted_are_missing_in_the_index() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &batches(&job, 0..10)).await.unwrap();
    streams.publish_keys(&job, &[100, 101, 102]).await.unwrap();
    let mut puller = streams.batches(&job, ahead(1)).await.unwrap();
    let held = next(&mut puller).await;
    let token = streams.tokens(&job).next(Duration::from_secs(5)).await.unwrap().unwrap();
    // What is held counts as there.
    let index = streams.message_index(&job).await.unwrap();
    assert!(index.batches.into_iter().eq(0..10) && index.keys.into_iter().eq(100..103));

    // The fifth batch, the held one, and the held token's.
    let stream = server.batch_stream(&job).await;
    stream.delete_message(5).await.unwrap();
    stream.delete_message(1).await.unwrap();
    server.key_stream(&job).await.delete_message(1).await.unwrap();
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 8, keys: 2 });
    let index = streams.message_index(&job).await.unwrap();
    assert!(index.batches.into_iter().eq([1, 2, 3, 5, 6, 7, 8, 9]));
    assert!(index.keys.into_iter().eq([101, 102]));

    // Repair, while a worker still holds what was deleted; then its late ack.
    streams.publish_batches(&job, &batches(&job, 0..10)).await.unwrap();
    streams.publish_keys(&job, &[100]).await.unwrap();
    assert_eq!(number(&held), 0);
    held.ack();
    token.discard();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 10, keys: 3 });
}

#[tokio::test]
async fn the_index_counts_more_than_a_page() {
    const BATCHES: i64 = 120_000;
    let server = Server::start();
    let (streams, job) = server.job_with(&Limits { max_batches: 200_000, keys: 10_000, ..Limits::default() }).await;
    let begun = Instant::now();
    let mut done = 0;
    let all = batches(&job, 0..BATCHES);
    while done < all.len() {
        done += streams.publish_batches(&job, &all[done..]).await.unwrap().done;
    }
    println!("published {BATCHES} in {:?}", begun.elapsed());
    streams.publish_keys(&job, &(0..10_000).collect::<Vec<_>>()).await.unwrap();
    let begun = Instant::now();
    let index = streams.message_index(&job).await.unwrap();
    println!("counted them in {:?}", begun.elapsed());
    assert!(index.batches.into_iter().eq(0..BATCHES));
    assert!(index.keys.into_iter().eq(0..10_000));
    let begun = Instant::now();
    let state = streams.state(&job).await.unwrap();
    println!("the cheap look took {:?}", begun.elapsed());
    assert_eq!(state, StreamsState::Present { batches: 120_000, keys: 10_000 });
}

#[tokio::test]
async fn unknown_is_not_absent() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    assert_eq!(streams.state(&new_job()).await.unwrap(), StreamsState::Absent);
    assert!(streams.message_index(&new_job()).await.unwrap_err().is_stream_gone());
    server.servers.kill_nats();
    assert!(streams.state(&job).await.unwrap_err().is_unreachable());
    assert!(streams.message_index(&job).await.unwrap_err().is_unreachable());
    assert!(streams.publish_batches(&job, &batches(&job, 0..3)).await.unwrap_err().is_unreachable());
    server.servers.start_nats().unwrap();
    let mut link = streams.connection();
    link.up().await;
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 0 });
}
