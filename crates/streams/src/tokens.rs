//! Key tokens: pulling one is waiting for a free key. The queue is first in, first out, so that keys are used least recently used
//! first.

use crate::JobStreams;
use crate::Streams;
use crate::backoff::Backoff;
use crate::denial::Concern;
use crate::error::{ErrorKind, StreamsError};
use crate::message::decode_key;
use crate::pull::PullRequest;
use crate::settle::{AckHandle, Generation};
use async_nats::{Message, Request, StatusCode};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

/// How long one request waits at the server at most.
const PULL_TIMEOUT: Duration = Duration::from_secs(8);
/// How much longer the server's response to a request may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The token of one key: its holder may try to lease the key. Dropped, it returns after a second.
#[derive(Debug)]
pub struct Token {
    key: i64,
    handle: AckHandle,
    tokens: KeyTokens,
}

impl Token {
    /// The key's id in the ledger.
    pub fn key(&self) -> i64 {
        self.key
    }

    /// Another worker leases the key: deliver the token again after `delay`.
    pub fn nak_after(self, delay: Duration) {
        self.handle.nak(delay);
    }

    /// The key is retired: remove its token.
    pub fn discard(self) {
        self.handle.ack();
    }

    /// Returns the key to the end of the queue: one publish that replaces this token in one step.
    ///
    /// # Errors
    /// When that is not known to have happened; then the token returns to the front as soon as NATS can be reached.
    pub async fn requeue(self) -> Result<(), StreamsError> {
        let given = self.tokens.requeue(self.key).await;
        match given {
            Ok(()) => self.handle.mark_settled(),
            Err(_) => self.handle.nak(Duration::ZERO),
        }
        given
    }
}

/// The key stream of one generation, for workers. Clones share it, and any number may wait for a token at a time.
#[derive(Clone)]
pub struct KeyTokens {
    streams: Streams,
    generation: Arc<Generation>,
}

impl std::fmt::Debug for KeyTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyTokens").field("job", &self.generation.job).finish_non_exhaustive()
    }
}

enum Pulled {
    Token(Token),
    /// The request ended without one.
    Nothing,
    Failed(StreamsError),
}

impl Streams {
    /// The key stream of a generation. Asks nothing of the server.
    pub fn tokens(&self, job: &JobStreams) -> KeyTokens {
        KeyTokens { streams: self.clone(), generation: self.generation(job) }
    }
}

impl KeyTokens {
    /// Waits up to `wait` for a token. `None` when there was none. May be dropped: a token that arrives later is returned at once.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`]: bind anew with the job's present generation. What the server refuses. And
    /// [`StreamsError::Unreachable`] when there was no connection for the whole wait or its end.
    pub async fn next(&self, wait: Duration) -> Result<Option<Token>, StreamsError> {
        let until = Instant::now() + wait;
        let mut link = self.streams.connection();
        let mut pulls = FuturesUnordered::new();
        let mut failures = 0;
        loop {
            if self.generation.has_ended() {
                return Err(StreamsError::StreamGone(self.generation.job.id()));
            }
            if pulls.is_empty() && link.now().up {
                pulls.push(self.spawn_pull(until.saturating_duration_since(Instant::now())));
            }
            tokio::select! {
                Some(pulled) = pulls.next() => match pulled {
                    Ok(Pulled::Token(mut token)) => {
                        token.handle.handed_out();
                        return Ok(Some(token));
                    }
                    Ok(Pulled::Nothing) if Instant::now() >= until => return Ok(None),
                    Ok(Pulled::Nothing) => {}
                    Ok(Pulled::Failed(error)) if error.is_stream_gone() || error.kind() != ErrorKind::Transient => {
                        return Err(error);
                    }
                    Ok(Pulled::Failed(error)) => {
                        let rest = Backoff::new(Duration::from_millis(100), Duration::from_secs(2)).at_least_half(failures);
                        failures += 1;
                        if Instant::now() + rest >= until {
                            return Err(error);
                        }
                        debug!(%error, "no key token yet");
                        sleep(rest).await;
                    }
                    // The task ended with the runtime.
                    Err(error) => return Err(StreamsError::Unreachable(error.into())),
                },
                // The server may have forgotten the request; if not, one of both tokens is returned.
                () = link.reconnected() => pulls.push(self.spawn_pull(until.saturating_duration_since(Instant::now()))),
                () = sleep_until(until + RESPONSE_TIMEOUT / 2) => return if link.now().up {
                    Ok(None)
                } else {
                    Err(StreamsError::Unreachable("there is no connection".into()))
                },
            }
        }
    }

    /// Publishes the key's token: it goes to the end of the queue and replaces the one that is there, held or not.
    ///
    /// # Errors
    /// When that is not known to have happened.
    pub async fn requeue(&self, key: i64) -> Result<(), StreamsError> {
        if self.generation.has_ended() {
            return Err(StreamsError::StreamGone(self.generation.job.id()));
        }
        self.streams.publish_keys(&self.generation.job, &[key]).await
    }

    /// A request in a task of its own: dropping the handle does not end it, so that a token that comes too late is returned
    /// instead of lost until its ack wait ends.
    fn spawn_pull(&self, wait: Duration) -> tokio::task::JoinHandle<Pulled> {
        let tokens = self.clone();
        tokio::spawn(async move { tokens.pull(wait.clamp(Duration::from_millis(1), PULL_TIMEOUT)).await })
    }

    async fn pull(self, wait: Duration) -> Pulled {
        let job = &self.generation.job;
        let stream = job.key_stream();
        let payload = match serde_json::to_vec(&PullRequest::new(1, wait, None)) {
            Ok(payload) => payload,
            Err(error) => return Pulled::Failed(StreamsError::Unreadable(error)),
        };
        // An inbox of its own: a token comes under its own subject, which the client's shared inbox would not recognise.
        let inbox = self.streams.client().new_inbox();
        let request = Request::new().payload(payload.into()).timeout(Some(wait + RESPONSE_TIMEOUT)).inbox(inbox);
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{}", job.consumer());
        let mut listener = self.streams.denials().listen(Concern::Job(job.id()));
        let answer = tokio::select! {
            answer = self.streams.client().send_request(subject, request) => answer,
            denial = listener.denied() => return Pulled::Failed(StreamsError::Denied(denial)),
        };
        let failure = match answer {
            Ok(message) => match message.status {
                None | Some(StatusCode::OK) => return self.read(message),
                Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => return Pulled::Nothing,
                Some(status) => {
                    let description = message.description.unwrap_or_default();
                    StreamsError::Unreachable(format!("a pull request was refused: {status} {description}").into())
                }
            },
            // The server forgot the request, or its response was lost.
            Err(error) => StreamsError::Unreachable(error.into()),
        };
        match self.streams.look(job, &stream).await {
            Err(known) if known.is_stream_gone() || known.kind() != ErrorKind::Transient => Pulled::Failed(known),
            _ => Pulled::Failed(failure),
        }
    }

    fn read(self, message: Message) -> Pulled {
        let Some(reply) = message.reply.clone() else { return Pulled::Nothing };
        let handle = AckHandle::new(reply, Arc::clone(&self.generation));
        match decode_key(&message.subject) {
            Ok(key) => Pulled::Token(Token { key, handle, tokens: self }),
            Err(error) => {
                self.generation.tell_unusable(&error);
                self.streams.note_unusable();
                handle.terminate();
                Pulled::Nothing
            }
        }
    }
}
