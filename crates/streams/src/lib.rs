//! What travels over NATS JetStream: the two streams of a job, batch messages, key tokens, and what repair needs to see.
//!
//! A job has, per generation, a stream of batches and a stream of key tokens, each with one durable pull consumer that the job's
//! workers share. What must hold:
//!
//! - A name is used once. A stream that is lost comes back under the next generation, and every ack handle of the lost one is dead:
//!   sequences of a recreated stream start anew, so that a late ack would delete somebody else's message.
//! - A batch is in its stream at most once, queued or held; after its ack it can be published again. That is the stream's own
//!   `max_msgs_per_subject`, not `Nats-Msg-Id`, whose window outlives the ack and would swallow repairs.
//! - A key's token is in its stream at most once; giving it back replaces the held one in one step.
//! - Nothing here is the truth. The ledger is; messages may be lost, doubled or wiped, and that only costs time.
//!
//! ```text
//! Streams::connect ─▶ create ─▶ publish_batches, publish_keys          (lifecycle)
//!                     batches ─▶ next ─▶ ack │ nak │ progress           (worker)
//!                     tokens  ─▶ next ─▶ give_back │ put_off │ discard  (worker)
//!                     state, census, link                               (repair)
//! ```

mod address;
mod api;
mod backoff;
mod batches;
mod buffer;
mod census;
mod connect;
mod delivery;
mod denial;
mod encryption;
mod error;
mod inventory;
mod limits;
mod link;
mod message;
mod names;
mod publish;
mod pull;
mod settle;
mod streams;
mod tokens;
mod topology;

pub use address::AddressError;
pub use backoff::backoff;
pub use batches::{BatchPuller, ReadAhead};
pub use census::Census;
pub use connect::{ConnectError, ConnectOptions};
pub use delivery::Delivery;
pub use denial::Denial;
pub use error::{Class, StreamsError};
pub use inventory::StreamsState;
pub use limits::{Limits, Shape};
pub use link::{Link, LinkWatch};
pub use message::{BatchMessage, Work};
pub use names::JobStreams;
pub use publish::Published;
pub use settle::AckHandle;
pub use streams::Streams;
pub use tokens::{KeyTokens, Token};
