//! What a server refuses is told at once, with what to grant or to change. It is no outage, which is waited out.

use crate::plain::Plain;
use crate::server::{LONG, Server, ahead, batches, chain, new_job, next, workers};
use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use vaultstream_streams::{Limits, Streams};

/// Users and what they may do; `admin` may do all.
const USERS: &[(&str, &str)] = &[
    ("admin", "publish: \">\", subscribe: \">\""),
    ("no_api", "publish: [\"records.>\"], subscribe: [\"_INBOX.>\"]"),
    ("no_inbox", "publish: [\">\"], subscribe: [\"other\"]"),
    ("no_records", "publish: [\"$JS.>\"], subscribe: [\"_INBOX.>\"]"),
    ("two_keys", "publish: {allow: [\">\"], deny: [\"keys.*.*.*.3\"]}, subscribe: [\"_INBOX.>\"]"),
    ("no_create", "publish: {allow: [\">\"], deny: [\"$JS.API.STREAM.CREATE.>\"]}, subscribe: [\"_INBOX.>\"]"),
    ("no_pull", "publish: {allow: [\">\"], deny: [\"$JS.API.CONSUMER.MSG.NEXT.>\"]}, subscribe: [\"_INBOX.>\"]"),
    ("no_ack", "publish: {allow: [\">\"], deny: [\"$JS.ACK.>\"]}, subscribe: [\"_INBOX.>\"]"),
];

fn users() -> String {
    let mut text = "jetstream { store_dir: STORE }\nauthorization { users: [\n".to_owned();
    for (name, permissions) in USERS {
        writeln!(text, "{{user: {name}, password: pass, permissions: {{ {permissions} }} }}").unwrap();
    }
    text + "] }"
}

#[track_caller]
fn assert_asks_for(error: &dyn Error, grant: &str) {
    let told = chain(error);
    assert!(told.contains("does not allow this user to"), "{told}");
    assert!(told.contains(&format!("grant the user {grant}")), "{told}");
}

#[tokio::test]
async fn what_a_login_may_not_do_is_told_at_once_with_what_to_grant() {
    let server = Plain::start(&users());
    for (user, grant) in
        [("no_api", "publish on \"$JS.API.INFO\""), ("no_inbox", "subscribe on \"_INBOX.vaultstream.>\"")]
    {
        let begun = Instant::now();
        let Err(error) = Streams::connect(&server.options_of(user)).await else { panic!("{user} got in") };
        assert_asks_for(&error, grant);
        assert!(begun.elapsed() < LONG / 2, "{user}: {:?}", begun.elapsed());
    }
    let (admin, job) = (server.streams_of("admin").await, new_job());
    admin.create(&job, &Limits::default()).await.unwrap();

    let streams = server.streams_of("no_create").await;
    assert_asks_for(
        &streams.create(&new_job(), &Limits::default()).await.unwrap_err(),
        "publish on \"$JS.API.STREAM.CREATE.*\"",
    );
    let streams = server.streams_of("no_records").await;
    let refused = streams.publish_batches(&job, &batches(&job, 0..3)).await.unwrap_err();
    assert_asks_for(&refused, "publish on \"records.*.*.*.*\"");
    assert!(!refused.is_unreachable() && !refused.is_stream_gone());
    assert_asks_for(&streams.publish_finish(&job, None).await.unwrap_err(), "publish on \"records.*.*.*.*\"");
    assert_asks_for(&streams.publish_keys(&job, &[1]).await.unwrap_err(), "publish on \"keys.*.*.*.*\"");
    // Half of it is not success.
    let streams = server.streams_of("two_keys").await;
    assert_asks_for(&streams.publish_keys(&job, &[1, 2, 3]).await.unwrap_err(), "publish on \"keys.*.*.*.*\"");

    let streams = server.streams_of("no_pull").await;
    let mut puller = streams.batches(&job, ahead(8)).await.unwrap();
    let refused = timeout(LONG, puller.next()).await.unwrap().unwrap_err();
    assert_asks_for(&refused, "publish on \"$JS.API.CONSUMER.MSG.NEXT.*.*\"");
    let refused = streams.tokens(&job).next(LONG).await.unwrap_err();
    assert_asks_for(&refused, "publish on \"$JS.API.CONSUMER.MSG.NEXT.*.*\"");

    admin.publish_batches(&job, &batches(&job, 0..2)).await.unwrap();
    let streams = server.streams_of("no_ack").await;
    let mut puller = streams.batches(&job, ahead(8)).await.unwrap();
    next(&mut puller).await.ack();
    next(&mut puller).await.ack();
    let refused = timeout(LONG, puller.next()).await.unwrap().unwrap_err();
    assert_asks_for(&refused, "publish on \"$JS.ACK.*.*.*.*.*.*.*\"");
}

#[tokio::test]
async fn limits_of_an_account_are_met_or_named() {
    let limits = ["max_bytes_required: true, max_file: 100MB", "max_ack_pending: 50", "max_streams: 1"];
    let accounts: String = limits
        .iter()
        .enumerate()
        .map(|(n, limits)| format!("A{n} {{ jetstream: {{ {limits} }}, users: [{{user: a{n}, password: pass}}] }}\n"))
        .collect();
    let server = Plain::start(&format!("jetstream {{ store_dir: STORE }}\naccounts {{ {accounts} }}"));
    let job = new_job();

    let streams = server.streams_of("a0").await;
    streams.create(&job, &Limits::default()).await.unwrap();
    streams.publish_batches(&job, &batches(&job, 0..1_000)).await.unwrap();
    streams.publish_keys(&job, &(1..=1_000).collect::<Vec<_>>()).await.unwrap();
    // As it is made, it is found.
    streams.create(&job, &Limits::default()).await.unwrap();
    let too_much = Limits { max_bytes: Some(200_000_000), ..Limits::default() };
    let refused = chain(&streams.create(&new_job(), &too_much).await.unwrap_err());
    assert!(refused.contains("--nats-max-bytes"), "{refused}");

    let streams = server.streams_of("a1").await;
    streams.create(&job, &Limits::default()).await.unwrap();
    for stream in [job.batch_stream(), job.key_stream()] {
        let stream = server.plain_of("a1").await.get_stream(stream).await.unwrap();
        assert_eq!(workers(&stream).await.config.max_ack_pending, 50);
    }

    let streams = server.streams_of("a2").await;
    let refused = chain(&streams.create(&job, &Limits::default()).await.unwrap_err());
    assert!(refused.contains("raise max_streams of the account") && refused.contains("two streams"), "{refused}");
}

#[tokio::test]
async fn a_stream_with_a_limit_in_bytes_waits_for_room_like_any_other() {
    let server = Server::start();
    let limits = Limits { max_bytes: Some(64 << 10), ..Limits::default() };
    let (streams, job) = server.job_with(&limits).await;
    let all = batches(&job, 0..2_000);
    let published = streams.publish_batches(&job, &all).await.unwrap();
    assert!(published.full && published.done > 50 && published.done < 1_000, "{published:?}");
    let mut puller = streams.batches(&job, ahead(100)).await.unwrap();
    for _ in 0..published.done {
        next(&mut puller).await.ack();
    }
    streams.flush(LONG).await.unwrap();
    let more = streams.publish_batches(&job, &all[published.done..]).await.unwrap();
    assert!(more.done > 50, "{more:?}");
}

#[tokio::test]
async fn a_server_that_takes_only_small_messages_is_told() {
    let server = Plain::start("max_payload: 256\njetstream { store_dir: STORE }");
    let streams = server.streams_of("").await;
    let refused = streams.create(&new_job(), &Limits::default()).await.unwrap_err();
    assert!(!refused.is_unreachable());
    assert!(chain(&refused).contains("raise max_payload"), "{}", chain(&refused));
}

#[tokio::test]
async fn a_login_that_is_not_accepted_any_more_is_told() {
    let with = |user: &str| {
        format!("jetstream {{ store_dir: STORE }}\nauthorization {{ users: [{{user: {user}, password: pass}}] }}")
    };
    let server = Plain::start(&with("worker"));
    let (streams, job) = (server.streams_of("worker").await, new_job());
    streams.create(&job, &Limits::default()).await.unwrap();
    server.reconfigure(&with("other"));
    crate::server::eventually("the connection is lost", async || !streams.connection().now().up).await;
    let begun = Instant::now();
    let refused = loop {
        let error = streams.state(&job).await.unwrap_err();
        if !error.is_unreachable() {
            break error;
        }
        assert!(begun.elapsed() < LONG, "{}", chain(&error));
    };
    assert!(chain(&refused).contains("refuses the login"), "{}", chain(&refused));
    // Granted again, it is used again.
    server.reconfigure(&with("worker"));
    crate::server::eventually("the connection is back", async || streams.state(&job).await.is_ok()).await;
}

/// What is logged, for a test to read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_on_purpose_is_no_news() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone());
    // Everything of this test runs on this thread.
    let _logged = tracing::subscriber::set_default(subscriber.finish());
    const DOWN: &str = "the connection to NATS is down";

    let mut server = Plain::start("jetstream { store_dir: STORE }");
    let streams = server.streams_of("").await;
    server.kill();
    // It is told a moment after it is known.
    crate::server::eventually("the loss is told", async || !streams.connection().now().up && log.text().contains(DOWN))
        .await;

    log.0.lock().unwrap().clear();
    let mut server = Plain::start("jetstream { store_dir: STORE }");
    let (left, dropped) = (server.streams_of("").await, server.streams_of("").await);
    left.leave();
    drop(dropped);
    server.kill();
    crate::server::eventually("the loss is noticed", async || !left.connection().now().up).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(log.text(), "");
}
