//! Announcements: messages of core NATS, for whoever listens. Nothing is kept of them.

use async_nats::client::PublishErrorKind;
use bytes::Bytes;

use crate::{Streams, error::StreamsError};

impl Streams {
    /// Announces a checkpoint of the job of this namespace and name on `vaultstream.checkpoints.<namespace>.<name>`. Whoever listens has it
    /// from then on, whatever becomes of the ledger. It may be announced more than once.
    ///
    /// # Errors
    /// When it is larger than the server takes, or the connection is closed for good. A server that is away gets it later, or not at all.
    pub async fn announce_checkpoint(&self, namespace: &str, name: &str, jws: &str) -> Result<(), StreamsError> {
        let subject = format!("vaultstream.checkpoints.{namespace}.{name}");
        let sent = self.client().publish(subject, Bytes::copy_from_slice(jws.as_bytes())).await;
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => StreamsError::TooLarge(error.into()),
            _ => StreamsError::Unreachable(error.into()),
        })
    }
}
