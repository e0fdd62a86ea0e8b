use crate::server::{LONG, Server, ahead, batch, batches, eventually, next, number, workers};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use vaultstream_streams::{Limits, ReadAhead, StreamsState};

#[tokio::test]
async fn a_puller_never_holds_more_than_allowed() {
    let server = Server::start();
    for allowed in [1, 2, 7, 64] {
        let (streams, job) = server.job().await;
        streams.publish_batches(&job, &batches(&job, 0..500)).await.unwrap();
        let stream = server.batch_stream(&job).await;
        let mut puller = streams.batches(&job, ahead(allowed)).await.unwrap();
        let mut in_hand = Vec::new();
        for _ in 0..100 {
            in_hand.push(next(&mut puller).await);
            // What the server calls pending is in our hands, in the buffer, or on its way to it.
            let pending = workers(&stream).await.num_ack_pending;
            assert!(pending <= in_hand.len() + allowed, "{pending} pending, {} in hand", in_hand.len());
            assert!(puller.held() <= allowed);
        }
        eventually("the buffer is filled again", async || puller.held() * 2 >= allowed).await;
        in_hand.into_iter().for_each(|delivery| delivery.ack());
    }
}

#[tokio::test]
async fn bytes_bound_the_buffer_too() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &batches(&job, 0..100)).await.unwrap();
    let puller = streams.batches(&job, ReadAhead { messages: 1_000, bytes: 5 * 1_024 }).await.unwrap();
    eventually("the buffer is full", async || puller.held() == 5).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(workers(&server.batch_stream(&job).await).await.num_ack_pending, 5);
}

#[tokio::test]
async fn what_waits_in_the_buffer_is_kept_alive() {
    let server = Server::start();
    let limits = Limits { batch_ack_wait: Duration::from_secs(1), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    streams.publish_batches(&job, &batches(&job, 0..10)).await.unwrap();
    let mut puller = streams.batches(&job, ahead(10)).await.unwrap();
    eventually("the buffer is full", async || puller.held() == 10).await;
    let mut other = streams.batches(&job, ahead(10)).await.unwrap();
    assert!(timeout(Duration::from_secs(4), other.next()).await.is_err(), "a buffered message was delivered again");
    for expected in 0..10 {
        let delivery = next(&mut puller).await;
        assert_eq!((number(&delivery), delivery.redelivered()), (expected, false));
        delivery.ack();
    }
}

#[tokio::test]
async fn shutting_down_gives_everything_to_another_consumer_at_once() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &batches(&job, 0..20)).await.unwrap();
    for way in ["shutdown", "drop"] {
        let puller = streams.batches(&job, ahead(20)).await.unwrap();
        eventually("the buffer is full", async || puller.held() == 20).await;
        let begun = Instant::now();
        if way == "shutdown" {
            puller.shutdown().await;
        } else {
            drop(puller);
        }
        let mut other = streams.batches(&job, ahead(20)).await.unwrap();
        let mut seen = BTreeSet::new();
        let mut held = Vec::new();
        while seen.len() < 20 {
            let delivery = next(&mut other).await;
            seen.insert(number(&delivery));
            held.push(delivery);
        }
        // The ack wait is 30 s.
        assert!(begun.elapsed() < Duration::from_secs(3), "{way}: {:?}", begun.elapsed());
        held.into_iter().for_each(|delivery| delivery.nak(Duration::ZERO));
        other.shutdown().await;
        streams.flush(Duration::from_secs(5)).await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_puller_hands_out_what_it_holds_and_takes_nothing_more() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    streams.publish_batches(&job, &batches(&job, 0..5)).await.unwrap();
    let mut puller = streams.batches(&job, ahead(10)).await.unwrap();
    eventually("all are held", async || puller.held() == 5).await;
    puller.stop();
    let begun = Instant::now();
    for expected in 0..5 {
        let delivery = next(&mut puller).await;
        assert_eq!(number(&delivery), expected);
        delivery.ack();
    }
    assert!(puller.next().await.unwrap().is_none());
    assert!(puller.next().await.unwrap().is_none());
    assert!(begun.elapsed() < Duration::from_secs(1), "an idle worker must not take long to leave");
    streams.publish_batches(&job, &[batch(&job, 9)]).await.unwrap();
    let mut other = streams.batches(&job, ahead(1)).await.unwrap();
    let begun = Instant::now();
    let delivery = next(&mut other).await;
    assert_eq!((number(&delivery), delivery.redelivered()), (9, false));
    assert!(begun.elapsed() < Duration::from_secs(1));
    delivery.ack();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopping_under_load_neither_loses_nor_redelivers() {
    const BATCHES: i64 = 6_000;
    let server = Server::start();
    // Anything lost would be missing for longer than the test runs.
    let limits = Limits { batch_ack_wait: Duration::from_secs(300), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    let publishing = tokio::spawn({
        let (streams, job) = (streams.clone(), job.clone());
        async move {
            for chunk in batches(&job, 0..BATCHES).chunks(50) {
                streams.publish_batches(&job, chunk).await.unwrap();
            }
        }
    });
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let steady = tokio::spawn({
        let (sender, streams, job) = (sender.clone(), server.streams().await, job.clone());
        async move {
            let mut puller = streams.batches(&job, ahead(16)).await.unwrap();
            while let Ok(Some(delivery)) = puller.next().await {
                sender.send((number(&delivery), delivery.redelivered())).unwrap();
                delivery.ack();
            }
        }
    });
    let restless = tokio::spawn({
        let (sender, streams, job) = (sender, server.streams().await, job.clone());
        async move {
            let mut stops = 0;
            while !sender.is_closed() {
                let mut puller = streams.batches(&job, ahead(16)).await.unwrap();
                for _ in 0..20 {
                    let Ok(Ok(Some(delivery))) = timeout(Duration::from_millis(20), puller.next()).await else { break };
                    sender.send((number(&delivery), delivery.redelivered())).unwrap();
                    delivery.ack();
                }
                puller.stop();
                while let Some(delivery) = puller.next().await.unwrap() {
                    let _ = sender.send((number(&delivery), delivery.redelivered()));
                    delivery.ack();
                }
                stops += 1;
            }
            stops
        }
    });
    let mut all = BTreeSet::new();
    while all.len() < BATCHES as usize {
        let (number, redelivered) = timeout(LONG, seen.recv()).await.expect("nothing is lost").unwrap();
        assert!(!redelivered, "{number} was delivered twice");
        assert!(all.insert(number), "{number} came twice");
    }
    drop(seen);
    publishing.await.unwrap();
    let stops = restless.await.unwrap();
    steady.abort();
    println!("{stops} stops");
    assert!(stops > 5);
}

#[tokio::test]
async fn a_puller_goes_on_after_the_server_was_killed() {
    let server = Server::start();
    // Acks that were on their way to the dead server are lost, and their messages come again.
    let limits = Limits { batch_ack_wait: Duration::from_secs(3), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    streams.publish_batches(&job, &batches(&job, 0..20)).await.unwrap();
    let mut puller = streams.batches(&job, ahead(4)).await.unwrap();
    let mut link = streams.connection();
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        for _ in 0..4 {
            let delivery = next(&mut puller).await;
            seen.insert(number(&delivery));
            delivery.ack();
        }
        if round < 2 {
            streams.flush(Duration::from_secs(5)).await.unwrap();
            server.servers.kill_nats();
            // Nothing comes, nothing fails, while there is no server; what is held may still be taken.
            let mut held = Vec::new();
            while let Ok(delivery) = timeout(Duration::from_millis(300), puller.next()).await {
                held.push(delivery.unwrap().unwrap());
            }
            assert!(!streams.connection().now().up);
            server.servers.start_nats().unwrap();
            timeout(LONG, link.reconnected()).await.unwrap();
            let begun = Instant::now();
            let delivery = next(&mut puller).await;
            assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
            seen.insert(number(&delivery));
            delivery.ack();
            for delivery in held {
                seen.insert(number(&delivery));
                delivery.ack();
            }
        }
    }
    while seen.len() < 20 {
        let delivery = next(&mut puller).await;
        seen.insert(number(&delivery));
        delivery.ack();
    }
    eventually("all acked", async || {
        while let Ok(Ok(Some(delivery))) = timeout(Duration::from_millis(50), puller.next()).await {
            delivery.ack();
        }
        matches!(streams.state(&job).await, Ok(StreamsState::Present { batches: 0, .. }))
    })
    .await;
}

#[tokio::test]
async fn next_can_be_dropped_without_losing_a_message() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let mut puller = streams.batches(&job, ahead(8)).await.unwrap();
    let publishing = tokio::spawn({
        let (streams, job) = (streams.clone(), job.clone());
        async move {
            for number in 0..200 {
                streams.publish_batches(&job, &[batch(&job, number)]).await.unwrap();
            }
        }
    });
    let mut expected = 0;
    while expected < 200 {
        if let Ok(delivery) = timeout(Duration::from_micros(300), puller.next()).await {
            let delivery = delivery.unwrap().unwrap();
            assert_eq!((number(&delivery), delivery.redelivered()), (expected, false));
            delivery.ack();
            expected += 1;
        }
    }
    publishing.await.unwrap();
}
