//! Pulling batches: one request at a time, for exactly the room there is.
//!
//! The client library's own pull stream holds up to one and a half times what it is told, and after a silence waits for half a minute
//! before it asks again. Here a request asks for the free room and no more. It counts as lost when the server was silent for two
//! heartbeats, or the connection was lost. A message beyond the room is returned at once.

use crate::Streams;
use crate::backoff::Backoff;
use crate::buffer::Buffer;
use crate::connection_state::ConnectionWatch;
use crate::delivery::Delivery;
use crate::denial::{Concern, Listener};
use crate::error::{ErrorKind, StreamsError};
use crate::message::{TRACE_HEADER, decode_work};
use crate::settle::{AckHandle, Generation};
use async_nats::jetstream::Message as Delivered;
use async_nats::{Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How long a request waits at the server.
const PULL_TIMEOUT: Duration = Duration::from_secs(6);
/// How often the server confirms that it still has the request.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
/// A server that is silent this long has lost the request: two heartbeats and a bit.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a message that may be on its way.
const COLLECT_TIMEOUT: Duration = Duration::from_millis(50);
/// The delay of a message that only a newer program understands.
const NEWER_DELAY: Duration = Duration::from_secs(30);
/// The delay after a failed request.
const RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// A request for messages.
#[derive(Serialize)]
pub(crate) struct PullRequest {
    pub(crate) batch: usize,
    /// Nanoseconds.
    pub(crate) expires: u64,
    /// Nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_heartbeat: Option<u64>,
}

impl PullRequest {
    pub(crate) fn new(batch: usize, expires: Duration, heartbeat: Option<Duration>) -> Self {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { batch, expires: nanos(expires), idle_heartbeat: heartbeat.map(nanos) }
    }
}

/// The task behind a [`crate::BatchPuller`].
pub(crate) struct Pull {
    streams: Streams,
    generation: Arc<Generation>,
    buffer: Arc<Buffer>,
    stop: CancellationToken,
    keep_alive_every: Duration,
    link: ConnectionWatch,
    denials: Listener,
    subscriber: Subscriber,
    inbox: String,
    /// The number of the request that is out, in its reply subject.
    request: u64,
    /// Messages still to come from it.
    outstanding: usize,
    silent_at: Instant,
    failures: u32,
    not_before: Instant,
}

impl Pull {
    pub(crate) async fn new(
        streams: Streams,
        generation: Arc<Generation>,
        buffer: Arc<Buffer>,
        ack_wait: Duration,
        stop: CancellationToken,
    ) -> Result<Self, StreamsError> {
        let denials = streams.denials().listen(Concern::Job(generation.job.id()));
        let inbox = streams.client().new_inbox();
        let subscribed = streams.client().subscribe(format!("{inbox}.*")).await;
        let subscriber = subscribed.map_err(|error| StreamsError::Unreachable(error.into()))?;
        let now = Instant::now();
        Ok(Self {
            link: streams.connection(),
            denials,
            streams,
            generation,
            buffer,
            stop,
            keep_alive_every: (ack_wait / 3).max(Duration::from_millis(10)),
            subscriber,
            inbox,
            request: 0,
            outstanding: 0,
            silent_at: now,
            failures: 0,
            not_before: now,
        })
    }

    pub(crate) async fn run(mut self) {
        let end = match self.pull().await {
            Ok(()) => {
                self.collect().await;
                None
            }
            Err(error) => {
                if error.is_stream_gone() {
                    self.buffer.clear();
                }
                Some(error)
            }
        };
        self.buffer.end(end);
    }

    /// Until stopped, or the stream is gone.
    async fn pull(&mut self) -> Result<(), StreamsError> {
        let mut keep_alive = interval(self.keep_alive_every);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        loop {
            if self.generation.has_ended() {
                return Err(StreamsError::StreamGone(self.generation.job.id()));
            }
            let idle = self.outstanding == 0;
            let resting = Instant::now() < self.not_before;
            // Not for each message that was taken, and not only when none is left.
            let wanting = idle && !resting && self.buffer.room() * 2 >= self.buffer.capacity().max(2);
            if wanting && self.link.now().up {
                self.ask().await?;
                continue;
            }
            let buffer = Arc::clone(&self.buffer);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                denial = self.denials.denied() => return Err(StreamsError::Denied(denial)),
                message = self.subscriber.next() => match message {
                    Some(message) => self.take(message).await?,
                    None => return Err(StreamsError::Unreachable("the connection was closed".into())),
                },
                () = buffer.taken.notified(), if idle => {}
                () = sleep_until(self.not_before), if resting => {}
                () = sleep_until(self.silent_at), if !idle => {
                    debug!("a pull request got no answer");
                    self.outstanding = 0;
                    self.check_stream().await?;
                }
                // This also ends the wait without a connection.
                () = self.link.reconnected() => {
                    // The server knows nothing of requests made over another connection.
                    self.outstanding = 0;
                    self.failures = 0;
                    self.not_before = Instant::now();
                }
                _ = keep_alive.tick() => self.buffer.keep_alive(),
            }
        }
    }

    async fn ask(&mut self) -> Result<(), StreamsError> {
        let room = self.buffer.room();
        if room == 0 {
            return Ok(());
        }
        self.request += 1;
        let request = PullRequest::new(room, PULL_TIMEOUT, Some(HEARTBEAT_INTERVAL));
        let payload = serde_json::to_vec(&request).map_err(StreamsError::Unreadable)?;
        let job = &self.generation.job;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", job.batch_stream(), job.consumer());
        let reply = format!("{}.{}", self.inbox, self.request);
        let sent = self.streams.client().publish_with_reply(subject, reply, payload.into()).await;
        sent.map_err(|error| StreamsError::Unreachable(error.into()))?;
        self.outstanding = room;
        self.silent_at = Instant::now() + SILENCE_TIMEOUT;
        Ok(())
    }

    async fn take(&mut self, message: Message) -> Result<(), StreamsError> {
        let status = match message.status {
            None | Some(StatusCode::OK) => {
                self.outstanding = self.outstanding.saturating_sub(1);
                self.silent_at = Instant::now() + SILENCE_TIMEOUT;
                self.failures = 0;
                self.deliver(message);
                return Ok(());
            }
            Some(status) => status,
        };
        let of: Option<u64> = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        if of != Some(self.request) {
            return Ok(());
        }
        match status {
            StatusCode::IDLE_HEARTBEAT => self.silent_at = Instant::now() + SILENCE_TIMEOUT,
            // The request is over; ask again.
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                self.outstanding = 0;
                self.failures = 0;
            }
            // The consumer was deleted, its leader changed, the server is shutting down, or does not take requests.
            status => {
                debug!(%status, description = message.description, "a pull request was refused");
                self.outstanding = 0;
                self.check_stream().await?;
            }
        }
        Ok(())
    }

    /// After a failure: fails when the stream is gone; else sets a pause before the next request.
    async fn check_stream(&mut self) -> Result<(), StreamsError> {
        let (job, stop) = (&self.generation.job, self.stop.clone());
        let stream = job.batch_stream();
        let found = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            found = self.streams.look(job, &stream) => found,
        };
        match found {
            Err(error) if error.is_stream_gone() || error.kind() != ErrorKind::Transient => return Err(error),
            Err(error) => debug!(%error, "cannot tell whether the stream is there"),
            Ok(_) => {}
        }
        self.not_before = Instant::now() + RETRY.at_least_half(self.failures);
        self.failures += 1;
        Ok(())
    }

    fn deliver(&self, message: Message) {
        let Some(reply) = message.reply.clone() else { return };
        let handle = AckHandle::new(reply, Arc::clone(&self.generation));
        let work = decode_work(&message.payload, self.generation.job.uid);
        let trace = message.headers.as_ref().and_then(|headers| headers.get(TRACE_HEADER)).map(ToString::to_string);
        let (deliveries, pending) = Delivered { message, context: self.streams.jetstream().clone() }
            .info()
            .map_or((1, 0), |info| (u64::try_from(info.delivered).unwrap_or(1), info.pending));
        match work {
            Ok(work) => self.buffer.put(Delivery::new(work, deliveries, pending, trace, handle)),
            Err(error) if error.is_newer() => {
                self.generation.tell_newer(&error);
                handle.nak(NEWER_DELAY);
            }
            Err(error) => {
                // Repair publishes the batch again if it was one.
                self.generation.tell_unusable(&error);
                self.streams.note_unusable();
                handle.terminate();
            }
        }
    }

    /// Takes in the messages that are on their way, so that none has to wait for its ack wait, and ends the subscription.
    async fn collect(&mut self) {
        while self.outstanding > 0 {
            match timeout(COLLECT_TIMEOUT, self.subscriber.next()).await {
                Ok(Some(message)) => {
                    if self.take(message).await.is_err() {
                        return;
                    }
                }
                // No message is on its way: the request waits at an empty stream. A message that is published now finds no
                // subscriber, and the server gives it to the next one.
                Ok(None) | Err(_) => break,
            }
        }
        if let Ok(Ok(())) = timeout(HEARTBEAT_INTERVAL, self.subscriber.drain()).await {
            while let Ok(Some(message)) = timeout(HEARTBEAT_INTERVAL, self.subscriber.next()).await {
                if message.status.is_none() {
                    self.deliver(message);
                }
            }
        }
    }
}
