//! Making the streams and consumers of a generation, and bringing them to other limits.

use crate::JobStreams;
use crate::Streams;
use crate::error::{StreamsError, classify};
use crate::limits::{Limits, batch_config, key_config};
use crate::request::Nothing;
use async_nats::jetstream::{self, ErrorCode, consumer, stream};
use serde::Serialize;
use tracing::{info, warn};

/// Copies of a stream in a cluster: one server may be lost.
const COPIES: usize = 3;

#[derive(Serialize)]
struct NewConsumer<'a> {
    stream_name: &'a str,
    config: &'a consumer::Config,
}

impl Streams {
    /// Makes both streams and their consumers. Called again for the same generation, it finishes what was begun and does what
    /// [`Streams::adjust`] does.
    ///
    /// Raise the job's generation in the ledger before calling this for streams that [`Streams::state`] called absent: a stream
    /// made again under its old name takes late acks for messages it never sent.
    ///
    /// # Errors
    /// [`StreamsError::NoRoom`] and [`StreamsError::Refused`] as the server says; [`StreamsError::StreamGone`] when this
    /// process has seen the generation vanish.
    pub async fn create(&self, job: &JobStreams, limits: &Limits) -> Result<(), StreamsError> {
        self.bring_to(job, limits, true).await
    }

    /// Brings streams that exist to these limits; what does not differ is not touched. Never creates.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`] when something is missing; as [`Streams::create`].
    pub async fn adjust(&self, job: &JobStreams, limits: &Limits) -> Result<(), StreamsError> {
        self.bring_to(job, limits, false).await
    }

    async fn bring_to(&self, job: &JobStreams, limits: &Limits, create: bool) -> Result<(), StreamsError> {
        if self.generation(job).has_ended() {
            return Err(StreamsError::StreamGone(job.id()));
        }
        let wanted =
            [(batch_config(job, limits), limits.bytes_of_batches()), (key_config(job, limits), limits.bytes_of_keys())];
        for ((stream, consumer), bytes) in wanted {
            self.bring_stream_to(job, limits, stream.clone(), bytes, create).await?;
            self.bring_consumer_to(job, &stream.name, consumer, create).await?;
        }
        Ok(())
    }

    async fn bring_stream_to(
        &self,
        job: &JobStreams,
        limits: &Limits,
        mut wanted: stream::Config,
        bytes: i64,
        create: bool,
    ) -> Result<(), StreamsError> {
        let name = wanted.name.clone();
        match self.call::<_, stream::Info>(job.id(), &format!("STREAM.INFO.{name}"), &Nothing {}).await {
            Ok(found) => {
                // What was left to be chosen was chosen when it was made.
                if limits.replicas.is_none() {
                    wanted.num_replicas = found.config.num_replicas;
                }
                if limits.max_bytes.is_none() {
                    wanted.max_bytes = found.config.max_bytes;
                }
                if same_stream(&found.config, &wanted) {
                    return Ok(());
                }
                info!(stream = name, "changing the stream's limits");
                self.call::<_, stream::Info>(job.id(), &format!("STREAM.UPDATE.{name}"), &wanted).await.map(drop)
            }
            Err(StreamsError::StreamGone(_)) if create => self.make_stream(job, limits, wanted, bytes).await,
            Err(error) => Err(error),
        }
    }

    /// Makes a stream, asking for less where the server refuses a default of ours.
    async fn make_stream(
        &self,
        job: &JobStreams,
        limits: &Limits,
        mut wanted: stream::Config,
        bytes: i64,
    ) -> Result<(), StreamsError> {
        if limits.replicas.is_none() && self.is_clustered() {
            wanted.num_replicas = COPIES;
        }
        let name = wanted.name.clone();
        loop {
            info!(stream = name, copies = wanted.num_replicas, "making a stream");
            let refusal = match self.ask::<_, stream::Info>(&format!("STREAM.CREATE.{name}"), &wanted).await? {
                Ok(_) => return Ok(()),
                Err(refusal) => refusal,
            };
            if limits.replicas.is_none() && wanted.num_replicas > 1 && is_about_copies(&refusal) {
                warn!(stream = name, %refusal, "the cluster has no room for copies of the stream: making one only");
                wanted.num_replicas = 1;
            } else if wanted.max_bytes < 0 && refusal.error_code() == ErrorCode::STREAM_MAX_BYTES_REQUIRED {
                wanted.max_bytes = bytes;
            } else {
                return Err(classify(refusal, job.id()));
            }
        }
    }

    async fn bring_consumer_to(
        &self,
        job: &JobStreams,
        stream: &str,
        mut wanted: consumer::Config,
        create: bool,
    ) -> Result<(), StreamsError> {
        let name = job.consumer();
        match self.call::<_, consumer::Info>(job.id(), &format!("CONSUMER.INFO.{stream}.{name}"), &Nothing {}).await {
            Ok(found) => {
                wanted.num_replicas = found.config.num_replicas;
                if same_consumer(&found.config, &wanted) {
                    return Ok(());
                }
                info!(stream, "changing the consumer's limits");
            }
            Err(StreamsError::StreamGone(_)) if create => {}
            Err(error) => return Err(error),
        }
        loop {
            let what = format!("CONSUMER.CREATE.{stream}.{name}");
            let request = NewConsumer { stream_name: stream, config: &wanted };
            let refusal = match self.ask::<_, consumer::Info>(&what, &request).await? {
                Ok(_) => return Ok(()),
                Err(refusal) => refusal,
            };
            let Some(most) = pending_allowed(&refusal).filter(|most| *most < wanted.max_ack_pending) else {
                return Err(classify(refusal, job.id()));
            };
            info!(stream, most, wanted = wanted.max_ack_pending, "the account allows fewer messages in flight");
            wanted.max_ack_pending = most;
        }
    }
}

/// The cluster has too few servers that are up, or too little room for several copies.
fn is_about_copies(refusal: &jetstream::Error) -> bool {
    let codes = [
        ErrorCode::CLUSTER_NO_PEERS,
        ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ];
    codes.contains(&refusal.error_code())
}

/// `consumer max ack pending exceeds system limit of 100`: the number is nowhere else.
fn pending_allowed(refusal: &jetstream::Error) -> Option<i64> {
    if refusal.error_code() != ErrorCode::CONSUMER_MAX_PENDING_ACK_EXCESS {
        return None;
    }
    let text = refusal.to_string();
    let (_, number) = text.split_once("limit of ")?;
    number.split(' ').next()?.parse().ok().filter(|most| *most > 0)
}

/// Compares what we set; the server adds defaults of its own.
fn same_stream(found: &stream::Config, wanted: &stream::Config) -> bool {
    found.subjects == wanted.subjects
        && found.retention == wanted.retention
        && found.storage == wanted.storage
        && found.discard == wanted.discard
        && found.discard_new_per_subject == wanted.discard_new_per_subject
        && found.max_messages == wanted.max_messages
        && found.max_messages_per_subject == wanted.max_messages_per_subject
        && found.max_bytes == wanted.max_bytes
        && found.max_message_size == wanted.max_message_size
        && found.num_replicas == wanted.num_replicas
}

fn same_consumer(found: &consumer::Config, wanted: &consumer::Config) -> bool {
    found.ack_policy == wanted.ack_policy
        && found.ack_wait == wanted.ack_wait
        && found.max_ack_pending == wanted.max_ack_pending
        && found.max_deliver == wanted.max_deliver
        && found.backoff == wanted.backoff
        && found.headers_only == wanted.headers_only
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tenant;
    use serde_json::json;
    use uuid::Uuid;

    fn refusal(code: u64, description: &str) -> jetstream::Error {
        serde_json::from_value(json!({"code": 400, "err_code": code, "description": description})).unwrap()
    }

    #[test]
    fn the_limit_of_an_account_is_read_from_its_refusal() {
        let code = ErrorCode::CONSUMER_MAX_PENDING_ACK_EXCESS.0;
        let text = |limit: &str| format!("consumer max ack pending exceeds system limit of {limit}");
        assert_eq!(pending_allowed(&refusal(code, &text("100"))), Some(100));
        for nonsense in [text("0"), text("-1"), text("many"), String::new()] {
            assert_eq!(pending_allowed(&refusal(code, &nonsense)), None, "{nonsense}");
        }
        assert_eq!(pending_allowed(&refusal(ErrorCode::STREAM_NOT_FOUND.0, &text("100"))), None);
    }

    #[test]
    fn only_refusals_about_copies_are_answered_with_fewer_copies() {
        for code in [ErrorCode::CLUSTER_NO_PEERS, ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED] {
            assert!(is_about_copies(&refusal(code.0, "")));
        }
        for code in [ErrorCode::STREAM_NOT_FOUND, ErrorCode::STREAM_MAX_BYTES_REQUIRED] {
            assert!(!is_about_copies(&refusal(code.0, "")));
        }
    }

    #[test]
    fn every_limit_that_differs_is_brought_to_the_streams() {
        let job = JobStreams::new(Tenant::new("c", "n"), Uuid::nil(), 1);
        let limits = Limits::default();
        let (stream, consumer) = batch_config(&job, &limits);
        assert!(same_stream(&stream, &stream.clone()) && same_consumer(&consumer, &consumer.clone()));
        for other in [
            Limits { replicas: Some(3), ..limits },
            Limits { max_batches: limits.max_batches + 1, ..limits },
            Limits { max_bytes: Some(1), ..limits },
        ] {
            assert!(!same_stream(&stream, &batch_config(&job, &other).0), "{other:?}");
        }
        for other in [
            Limits { max_ack_pending: limits.max_ack_pending + 1, ..limits },
            Limits { batch_ack_wait: limits.batch_ack_wait * 2, ..limits },
        ] {
            assert!(!same_consumer(&consumer, &batch_config(&job, &other).1), "{other:?}");
        }
        let (keys, tokens) = key_config(&job, &limits);
        assert!(!same_stream(&stream, &keys));
        let longer = Limits { key_ack_wait: limits.key_ack_wait * 2, ..limits };
        assert!(!same_consumer(&tokens, &key_config(&job, &longer).1));
    }
}
