use crate::server::{LONG, Server, eventually, workers};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use vaultstream_streams::{KeyTokens, Limits, StreamsState, Token};

async fn take(tokens: &KeyTokens) -> Token {
    tokens.next(LONG).await.unwrap().expect("a token in time")
}

#[tokio::test]
async fn keys_are_used_least_recently_used_first() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_keys(&job, &[4, 2, 9, 7]).await.unwrap();
    let tokens = streams.tokens(&job);
    let mut used = Vec::new();
    for _ in 0..3 {
        for _ in 0..4 {
            let token = take(&tokens).await;
            used.push(token.key());
            token.requeue().await.unwrap();
        }
    }
    assert_eq!(used, [4, 2, 9, 7].repeat(3));
    // Returned in another order than taken: the order of return counts.
    let (a, b) = (take(&tokens).await, take(&tokens).await);
    assert_eq!((a.key(), b.key()), (4, 2));
    b.requeue().await.unwrap();
    a.requeue().await.unwrap();
    let mut order = Vec::new();
    for _ in 0..4 {
        let token = take(&tokens).await;
        order.push(token.key());
        token.discard();
    }
    assert_eq!(order, [9, 7, 2, 4]);
}

#[tokio::test]
async fn giving_a_held_token_back_leaves_exactly_one() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_keys(&job, &[1, 2]).await.unwrap();
    let tokens = streams.tokens(&job);
    let stream = server.key_stream(&job).await;
    for _ in 0..10 {
        let token = take(&tokens).await;
        assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 2 });
        token.requeue().await.unwrap();
        assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 2 });
    }
    // Publishing for repair what is there, held or not, doubles nothing either.
    let held = take(&tokens).await;
    streams.publish_keys(&job, &[1, 2]).await.unwrap();
    streams.publish_keys(&job, &[1, 2]).await.unwrap();
    assert!(streams.message_index(&job).await.unwrap().keys.into_iter().eq([1, 2]));
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 2 });
    // A late ack of the replaced token removes nothing.
    held.discard();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 2 });
    // And what was replaced does not stay pending, or the consumer would run into its limit.
    eventually("nothing is pending", async || workers(&stream).await.num_ack_pending == 0).await;
}

#[tokio::test]
async fn a_token_with_a_delayed_nak_comes_back_later_and_holds_no_other_up() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_keys(&job, &[1, 2]).await.unwrap();
    let tokens = streams.tokens(&job);
    let first = take(&tokens).await;
    let since = Instant::now();
    first.nak_after(Duration::from_millis(1_500));
    let second = take(&tokens).await;
    assert_eq!(second.key(), 2);
    assert!(tokens.next(Duration::from_millis(200)).await.unwrap().is_none());
    let again = take(&tokens).await;
    let took = since.elapsed();
    assert_eq!(again.key(), 1);
    assert!(took > Duration::from_millis(1_400) && took < Duration::from_secs(5), "{took:?}");
    again.discard();
    second.discard();
    streams.flush(Duration::from_secs(5)).await.unwrap();
    crate::server::emptied(&streams, &job).await;
}

#[tokio::test]
async fn waiting_for_a_token_ends_in_time_and_at_once_when_one_comes() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let tokens = streams.tokens(&job);
    for wait in [0, 50, 700] {
        let begun = Instant::now();
        assert!(tokens.next(Duration::from_millis(wait)).await.unwrap().is_none());
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(wait), "{took:?}");
        assert!(took < Duration::from_millis(wait + 500), "{took:?}");
    }
    let waiting = tokio::spawn({
        let tokens = tokens.clone();
        async move { (take(&tokens).await.key(), Instant::now()) }
    });
    sleep(Duration::from_millis(300)).await;
    let given = Instant::now();
    streams.publish_keys(&job, &[5]).await.unwrap();
    let (key, at) = waiting.await.unwrap();
    assert_eq!(key, 5);
    assert!(at.duration_since(given) < Duration::from_millis(500));
}

#[tokio::test]
async fn a_token_that_arrives_after_its_caller_gave_up_is_returned_at_once() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let tokens = streams.tokens(&job);
    for _ in 0..5 {
        assert!(timeout(Duration::from_millis(50), tokens.next(LONG)).await.is_err());
    }
    streams.publish_keys(&job, &[1]).await.unwrap();
    let begun = Instant::now();
    assert_eq!(take(&tokens).await.key(), 1);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_token_whose_holder_vanished_comes_back_after_the_ack_wait() {
    let server = Server::start();
    let limits = Limits { key_ack_wait: Duration::from_secs(1), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    streams.publish_keys(&job, &[1]).await.unwrap();
    std::mem::forget(take(&streams.tokens(&job)).await);
    assert!(streams.tokens(&job).next(Duration::from_millis(250)).await.unwrap().is_none(), "it is held");
    let again = take(&streams.tokens(&job)).await;
    again.requeue().await.unwrap();
}

#[tokio::test]
async fn a_dropped_token_comes_back() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_keys(&job, &[1]).await.unwrap();
    let tokens = streams.tokens(&job);
    drop(take(&tokens).await);
    let begun = Instant::now();
    assert_eq!(take(&tokens).await.key(), 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_lanes_share_few_keys_and_never_one_at_once() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_keys(&job, &[1, 2, 3]).await.unwrap();
    let held = Arc::new(Mutex::new(BTreeSet::new()));
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..24 {
        // Two workers.
        let streams = if lane % 2 == 0 { streams.clone() } else { server.streams().await };
        let (tokens, held) = (streams.tokens(&job), Arc::clone(&held));
        lanes.spawn(async move {
            for _ in 0..10 {
                let token = take(&tokens).await;
                let key = token.key();
                assert!(held.lock().unwrap().insert(key), "key {key} is held twice");
                sleep(Duration::from_millis(3)).await;
                held.lock().unwrap().remove(&key);
                token.requeue().await.unwrap();
            }
        });
    }
    timeout(LONG, lanes.join_all()).await.expect("no lane starves");
    assert_eq!(streams.state(&job).await.unwrap(), StreamsState::Present { batches: 0, keys: 3 });
}

#[tokio::test]
async fn waiting_goes_on_through_a_restart_of_the_server() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let tokens = streams.tokens(&job);
    let waiting = tokio::spawn(async move { take(&tokens).await.key() });
    sleep(Duration::from_millis(200)).await;
    let mut link = streams.connection();
    server.servers.kill_nats();
    server.servers.start_nats().unwrap();
    timeout(LONG, link.reconnected()).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    let given = Instant::now();
    streams.publish_keys(&job, &[8]).await.unwrap();
    assert_eq!(waiting.await.unwrap(), 8);
    assert!(given.elapsed() < Duration::from_secs(2), "{:?}", given.elapsed());
}

#[tokio::test]
async fn without_a_server_a_wait_ends_in_time_with_an_error() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let tokens = streams.tokens(&job);
    streams.publish_keys(&job, &[3]).await.unwrap();
    let token = take(&tokens).await;
    server.servers.kill_nats();
    let begun = Instant::now();
    assert!(tokens.next(Duration::from_millis(500)).await.unwrap_err().is_unreachable());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(timeout(LONG, token.requeue()).await.unwrap().unwrap_err().is_unreachable());
    // It goes back as soon as there is a server.
    server.servers.start_nats().unwrap();
    eventually("the token is free", async || match tokens.next(Duration::from_secs(1)).await {
        Ok(Some(token)) => token.key() == 3,
        _ => false,
    })
    .await;
}
