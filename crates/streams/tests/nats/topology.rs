use crate::server::{Server, workers};
use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy, StorageType};
use futures_util::StreamExt;
use std::time::Duration;
use vaultstream_streams::Limits;

#[tokio::test]
async fn the_streams_are_made_as_designed() {
    let server = Server::start();
    let limits = Limits { max_ack_pending: 7_200, ..Limits::default() };
    let (_, job) = server.job_with(&limits).await;
    let batches = server.batch_stream(&job).await;
    let keys = server.key_stream(&job).await;
    for stream in [&batches, &keys] {
        let config = &stream.cached_info().config;
        assert_eq!(config.retention, RetentionPolicy::WorkQueue);
        assert_eq!(config.storage, StorageType::File);
        assert_eq!(config.max_messages_per_subject, 1);
        assert_eq!(config.max_bytes, -1);
        assert_eq!(config.num_replicas, 1);
        assert!(config.max_age.is_zero());
        assert_eq!(config.max_message_size, 512);
    }
    let config = &batches.cached_info().config;
    assert_eq!(config.subjects, [format!("records.cluster_namespace.{}.1.*", job.uid)]);
    assert_eq!((config.discard, config.discard_new_per_subject), (DiscardPolicy::New, true));
    assert_eq!(config.max_messages, 100_000);
    let config = &keys.cached_info().config;
    assert_eq!(config.subjects, [format!("keys.cluster_namespace.{}.1.*", job.uid)]);
    assert_eq!((config.discard, config.discard_new_per_subject), (DiscardPolicy::Old, false));
    assert_eq!(config.max_messages, 2_100);
    for (stream, ack_wait, pending, headers_only) in [(&batches, 30, 7_200, false), (&keys, 75, 1_000, true)] {
        let config = workers(stream).await.config;
        assert_eq!(config.durable_name.as_deref(), Some("cluster_namespace"));
        assert_eq!(config.ack_wait, Duration::from_secs(ack_wait));
        assert_eq!(config.max_ack_pending, pending);
        assert_eq!(config.max_deliver, -1);
        assert_eq!(config.headers_only, headers_only);
        assert!(config.backoff.is_empty());
        assert!(config.inactive_threshold.is_zero());
    }
}

#[tokio::test]
async fn the_configuration_is_changed_only_on_a_real_difference() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    let client = server.plain().await.client();
    let mut changes = client.subscribe("$JS.EVENT.ADVISORY.STREAM.*.>").await.unwrap();
    let mut calls = client.subscribe("$JS.EVENT.ADVISORY.API").await.unwrap();
    client.flush().await.unwrap();
    streams.create(&job, &Limits::default()).await.unwrap();
    streams.adjust(&job, &Limits::default()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(500), changes.next()).await.is_err());
    // The server tells of every call that could change something.
    while let Ok(Some(call)) = tokio::time::timeout(Duration::from_millis(200), calls.next()).await {
        let text = String::from_utf8_lossy(&call.payload).into_owned();
        assert!(!text.contains("CREATE") && !text.contains("UPDATE"), "{text}");
    }
    let limits = Limits {
        max_batches: 5,
        max_ack_pending: 20_000,
        key_ack_pending: 20_000,
        batch_ack_wait: Duration::from_secs(40),
        key_ack_wait: Duration::from_secs(100),
        ..Limits::default()
    };
    streams.adjust(&job, &limits).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(5), changes.next()).await.is_ok());
    let stream = server.batch_stream(&job).await;
    assert_eq!(stream.cached_info().config.max_messages, 5);
    assert_eq!(workers(&stream).await.config.ack_wait, Duration::from_secs(40));
    let config = workers(&server.key_stream(&job).await).await.config;
    assert_eq!((config.ack_wait, config.max_ack_pending), (Duration::from_secs(100), 20_000));
}

#[tokio::test]
async fn adjusting_never_creates() {
    let server = Server::start();
    let (streams, job) = server.job().await;
    server.key_stream(&job).await.delete_consumer(job.consumer()).await.unwrap();
    assert!(streams.adjust(&job, &Limits::default()).await.unwrap_err().is_stream_gone());
    server.plain().await.delete_stream(job.batch_stream()).await.unwrap();
    assert!(streams.adjust(&job, &Limits::default()).await.unwrap_err().is_stream_gone());
    assert!(server.plain().await.get_stream(job.batch_stream()).await.is_err());
}
