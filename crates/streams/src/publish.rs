//! Publishing: pipelined, paced by the stream's own limit, idempotent, and exact about how far it got.

use crate::JobStreams;
use crate::Streams;
use crate::denial::Concern;
use crate::error::{ErrorKind, StreamsError, classify};
use crate::message::{self, BatchMessage, ChallengeBytes, TRACE_HEADER};
use crate::names::{KEYS, RECORDS};
use crate::request::Nothing;
use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode, stream};
use bytes::Bytes;
use std::collections::VecDeque;
use std::error::Error;

/// Unacknowledged publishes at a time: enough to hide the round trip, few enough to stop soon when the stream is full.
const IN_FLIGHT_LIMIT: usize = 512;

/// How far publishing got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many from the start of the slice are settled: stored now or there already. Continue with the rest later.
    pub done: usize,
    /// Messages stored now.
    pub stored: usize,
    /// Messages that were there already, queued or held.
    pub already: usize,
    /// Whether it stopped because the stream is full.
    pub full: bool,
}

/// A challenge, and its name in the subject of the message that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishChallenge {
    /// Lower-case hexadecimal digits.
    pub name: String,
    /// The challenge.
    pub challenge: ChallengeBytes,
}

/// A message to publish.
struct Outgoing {
    subject: String,
    payload: Bytes,
    /// The value of [`TRACE_HEADER`].
    trace: Option<String>,
}

impl Outgoing {
    fn new(subject: String, payload: Bytes) -> Self {
        Self { subject, payload, trace: None }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Stored,
    Already,
    Full,
}

impl Streams {
    /// Publishes batches, in order. One that is still queued or held is not doubled; one that was acked is published again.
    ///
    /// It stops where the stream is full, and where NATS fails after some were stored: `done` tells how far it got, and calling
    /// again with the rest, or with everything, is right.
    ///
    /// # Errors
    /// When nothing of the slice could be settled for a reason other than a full stream, or the rest never will be.
    pub async fn publish_batches(&self, job: &JobStreams, batches: &[BatchMessage]) -> Result<Published, StreamsError> {
        self.publish_traced(job, batches, |_| None).await
    }

    /// The same, with a header [`TRACE_HEADER`] for those batches for which `trace` returns its value. It is asked once for
    /// each batch that is sent, in their order.
    ///
    /// # Errors
    /// As [`Streams::publish_batches`].
    pub async fn publish_traced(
        &self,
        job: &JobStreams,
        batches: &[BatchMessage],
        mut trace: impl FnMut(&BatchMessage) -> Option<String>,
    ) -> Result<Published, StreamsError> {
        if batches.is_empty() {
            return Ok(Published::default());
        }
        // Asking first keeps what is beyond the cap from being sent at all.
        let name = job.batch_stream();
        let info: stream::Info = self.call(job.id(), &format!("STREAM.INFO.{name}"), &Nothing {}).await?;
        let room = u64::try_from(info.config.max_messages)
            .map_or(usize::MAX, |most| usize::try_from(most.saturating_sub(info.state.messages)).unwrap_or(usize::MAX));
        // At least one: a batch that is there already needs no room.
        let sendable = &batches[..batches.len().min(room.max(1))];
        let messages = sendable.iter().map(|batch| {
            let payload = message::encode_batch(batch)?;
            Ok(Outgoing { subject: job.batch_subject(batch.batch), payload, trace: trace(batch) })
        });
        let mut published = settled(self.pipeline(job, RECORDS, messages).await?)?;
        published.full |= published.done == sendable.len() && sendable.len() < batches.len();
        Ok(published)
    }

    /// Publishes the message that asks for the plan of a table; at most one is in the stream.
    ///
    /// # Errors
    /// As [`Streams::publish_batches`]; a full stream counts as a success with `done` = 0.
    pub async fn publish_plan(&self, job: &JobStreams) -> Result<Published, StreamsError> {
        let message = message::encode_plan(job.uid).map(|payload| Outgoing::new(job.plan_subject(), payload));
        settled(self.pipeline(job, RECORDS, std::iter::once(message)).await?)
    }

    /// Publishes the message that asks for the receipt, and with a challenge for the certificate of its key; at most one for each
    /// challenge is in the stream.
    ///
    /// # Errors
    /// As [`Streams::publish_batches`]; a full stream counts as a success with `done` = 0.
    pub async fn publish_finish(
        &self,
        job: &JobStreams,
        challenge: Option<&FinishChallenge>,
    ) -> Result<Published, StreamsError> {
        let subject = job.finish_subject(challenge.map(|challenge| challenge.name.as_str()));
        let payload = message::encode_finish(job.uid, challenge.map(|challenge| &challenge.challenge));
        let message = payload.map(|payload| Outgoing::new(subject, payload));
        settled(self.pipeline(job, RECORDS, std::iter::once(message)).await?)
    }

    /// Publishes tokens of keys, in the order in which they shall be used. A token that is there is replaced, held or not, and
    /// moves to the end. Calling again with all of them is right.
    ///
    /// # Errors
    /// When not all of them are known to be there: a key without a token is not used.
    pub async fn publish_keys(&self, job: &JobStreams, keys: &[i64]) -> Result<(), StreamsError> {
        let payload = |key: i64| message::encode_key(job.naming, job.uid, key);
        let tokens = keys.iter().map(|key| Ok(Outgoing::new(job.key_subject(*key), payload(*key)?)));
        match self.pipeline(job, KEYS, tokens).await? {
            (_, Some(failure)) => Err(failure),
            (_, None) => Ok(()),
        }
    }

    /// How far it got, and the error that ended it. `to` is the first token of the messages' subjects.
    async fn pipeline(
        &self,
        job: &JobStreams,
        to: &'static str,
        messages: impl Iterator<Item = Result<Outgoing, serde_json::Error>>,
    ) -> Result<(Published, Option<StreamsError>), StreamsError> {
        let mut on_their_way: VecDeque<PublishAckFuture> = VecDeque::with_capacity(IN_FLIGHT_LIMIT);
        let mut messages = messages.fuse();
        let mut result = Published::default();
        let mut failure = None;
        let mut unbroken = true;
        self.connected().await?;
        let mut listener = self.denials().listen(Concern::Messages(job.id(), to));
        loop {
            let stopped = result.full || failure.is_some();
            let next = if stopped || on_their_way.len() >= IN_FLIGHT_LIMIT { None } else { messages.next() };
            if let Some(message) = next {
                match self.send(message.map_err(StreamsError::Unreadable)?).await {
                    Ok(ack) => on_their_way.push_back(ack),
                    Err(error) => failure = Some(self.failure(job, error).await),
                }
                continue;
            }
            let Some(ack) = on_their_way.pop_front() else { break };
            let answer = tokio::select! {
                answer = ack.into_future() => answer,
                denial = listener.denied() => {
                    failure.get_or_insert(StreamsError::Denied(denial));
                    break;
                }
            };
            match self.outcome(job, answer).await {
                Ok(Outcome::Stored) => result.stored += 1,
                Ok(Outcome::Already) => result.already += 1,
                Ok(Outcome::Full) => {
                    result.full = true;
                    unbroken = false;
                }
                Err(error) => {
                    // Each ack that is still out could take its whole timeout to be missed.
                    failure.get_or_insert(error);
                    break;
                }
            }
            result.done += usize::from(unbroken);
        }
        Ok((result, failure))
    }

    async fn send(&self, message: Outgoing) -> Result<PublishAckFuture, PublishError> {
        let Outgoing { subject, payload, trace } = message;
        match trace {
            None => self.jetstream().publish(subject, payload).await,
            Some(trace) => {
                let mut headers = HeaderMap::new();
                headers.insert(TRACE_HEADER, trace);
                self.jetstream().publish_with_headers(subject, headers, payload).await
            }
        }
    }

    async fn outcome(
        &self,
        job: &JobStreams,
        answer: Result<jetstream::publish::PublishAck, PublishError>,
    ) -> Result<Outcome, StreamsError> {
        let error = match answer {
            Ok(_) => return Ok(Outcome::Stored),
            Err(error) => error,
        };
        let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
        // One code for two refusals; only the text tells them apart.
        if let Some(refusal) = refusal.filter(|refusal| refusal.error_code() == ErrorCode::STREAM_STORE_FAILED)
            && let Some(outcome) = refused_by_the_stream(&refusal.to_string())
        {
            return Ok(outcome);
        }
        Err(self.failure(job, error).await)
    }

    async fn failure(&self, job: &JobStreams, error: PublishError) -> StreamsError {
        if error.kind() == PublishErrorKind::MaxPayloadExceeded {
            return StreamsError::TooLarge(error.into());
        }
        if let Some(refusal) = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>()) {
            return classify(refusal.clone(), job.id());
        }
        // No stream takes the subject: it is gone, or JetStream is starting.
        if error.kind() == PublishErrorKind::StreamNotFound
            && let Err(gone @ StreamsError::StreamGone(_)) = self.look(job, &job.batch_stream()).await
        {
            return gone;
        }
        StreamsError::Unreachable(error.into())
    }
}

/// What a stream's refusal to store a message means; `None` for others.
fn refused_by_the_stream(text: &str) -> Option<Outcome> {
    if text.contains("maximum messages per subject exceeded") {
        return Some(Outcome::Already);
    }
    let full = ["maximum messages exceeded", "maximum bytes exceeded"].iter().any(|limit| text.contains(limit));
    full.then_some(Outcome::Full)
}

/// A partial success, unless nothing was settled or the error does not pass.
fn settled((published, failure): (Published, Option<StreamsError>)) -> Result<Published, StreamsError> {
    match failure {
        Some(error) if published.done == 0 || error.is_stream_gone() || error.kind() != ErrorKind::Transient => {
            Err(error)
        }
        _ => Ok(published),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_refusal_of_the_stream_is_a_message_that_is_there_or_no_room() {
        for (text, expected) in [
            ("nats: maximum messages per subject exceeded", Some(Outcome::Already)),
            ("maximum messages exceeded", Some(Outcome::Full)),
            ("maximum bytes exceeded", Some(Outcome::Full)),
            ("no space left on device", None),
            ("", None),
        ] {
            assert_eq!(refused_by_the_stream(text), expected, "{text}");
        }
    }

    #[test]
    fn a_part_that_was_stored_counts_when_the_rest_may_follow() {
        let published = |done| Published { done, stored: done, ..Published::default() };
        let gone = crate::GenerationId { uid: Uuid::nil(), generation: 1 };
        let unreachable = || StreamsError::Unreachable("away".into());
        assert_eq!(settled((published(0), None)).unwrap(), published(0));
        assert_eq!(settled((published(3), Some(unreachable()))).unwrap(), published(3));
        assert!(settled((published(0), Some(unreachable()))).is_err(), "nothing was stored");
        assert!(settled((published(3), Some(StreamsError::StreamGone(gone)))).is_err(), "what was stored is gone, too");
        assert!(settled((published(3), Some(StreamsError::Login))).is_err(), "it does not pass");
    }
}
