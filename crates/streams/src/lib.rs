//! What travels over NATS JetStream: the two streams of a job, batch messages, key tokens, and what repair needs to see.
//!
//! A job has, per generation, a stream of batches and a stream of key tokens, each with one durable pull consumer that the job's
//! workers share. What must hold:
//!
//! - A name is used once. A stream that is lost comes back under the next generation, and every ack handle of the lost one is dead:
//!   sequences of a recreated stream start anew, so that a late ack would delete another message.
//! - A batch is in its stream at most once, queued or held; after its ack it can be published again. That is the stream's own
//!   `max_msgs_per_subject`, not `Nats-Msg-Id`, whose window outlives the ack and would swallow repairs.
//! - A key's token is in its stream at most once; requeueing it replaces the held one in one step.
//! - The ledger is the only authority: messages may be lost, doubled or wiped, and that only costs time.
//! - A worker's login can do nothing to another tenant: [`NatsPermissions`] says what it may do, and the server refuses the rest.
//!
//! ```text
//! Streams::connect ─▶ create ─▶ publish_batches, publish_keys          (lifecycle)
//!                     batches ─▶ next ─▶ ack │ nak │ progress           (worker)
//!                     tokens  ─▶ next ─▶ requeue │ nak_after │ discard  (worker)
//!                     state, message_index, connection                  (repair)
//! ```

mod address;
mod announce;
mod api;
mod backoff;
mod batches;
mod buffer;
mod connect;
mod connection_state;
mod delivery;
mod denial;
mod encryption;
mod error;
mod limits;
mod message;
mod message_index;
mod names;
mod options;
mod permissions;
mod publish;
mod pull;
mod request;
mod settle;
mod streams;
mod streams_admin;
mod tenant;
mod tokens;
mod topology;

pub use address::AddressError;
pub use backoff::Backoff;
pub use batches::{BatchPuller, ReadAhead};
pub use connection_state::{ConnectionState, ConnectionWatch};
pub use delivery::Delivery;
pub use denial::Denial;
pub use error::{ErrorKind, StreamsError};
pub use limits::{Limits, Shape};
pub use message::TRACE_HEADER;
pub use message::{BatchMessage, ChallengeBytes, Work};
pub use message_index::MessageIndex;
pub use names::{GenerationId, JobStreams, Naming};
pub use options::{ConnectError, ConnectOptions};
pub use permissions::{NatsPermissions, NatsUser};
pub use publish::{FinishChallenge, Published};
pub use settle::AckHandle;
pub use streams::Streams;
pub use streams_admin::StreamsState;
pub use tenant::Tenant;
pub use tokens::{KeyTokens, Token};
