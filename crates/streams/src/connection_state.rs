//! Whether NATS is connected, as a state to wait for: repair starts at once after a reconnect.

use crate::denial::{Denial, Denials};
use crate::permissions::NatsPermissions;
use async_nats::{ClientError, ConnectErrorKind, Event, ServerError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// The connection to NATS as last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionState {
    /// Whether it is up.
    pub up: bool,
    /// How often it was established; more than 1 means that it was lost in between.
    pub established: u64,
    /// Whether the last attempt to come back was refused: the login is not accepted any more.
    pub(crate) refused: bool,
}

/// Follows the connection; made by [`crate::Streams::connection`].
#[derive(Clone, Debug)]
pub struct ConnectionWatch {
    receiver: watch::Receiver<ConnectionState>,
    seen: u64,
}

impl ConnectionWatch {
    pub(crate) fn new(receiver: watch::Receiver<ConnectionState>) -> Self {
        let seen = receiver.borrow().established;
        Self { receiver, seen }
    }

    /// The connection now.
    pub fn now(&self) -> ConnectionState {
        *self.receiver.borrow()
    }

    /// Waits for a connection newer than the one at the last call, or at the making of this watch. Never returns after the
    /// [`crate::Streams`] are gone. May be dropped and called again.
    pub async fn reconnected(&mut self) {
        let seen = self.seen;
        match self.receiver.wait_for(|link| link.up && link.established > seen).await.map(|link| link.established) {
            Ok(established) => self.seen = established,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the connection is up. Never returns after the [`crate::Streams`] are gone.
    pub async fn up(&mut self) {
        if self.receiver.wait_for(|link| link.up).await.is_err() {
            std::future::pending().await
        }
    }
}

/// What the client reports about its connection, for all who wait for it. Clones share it.
#[derive(Clone)]
pub(crate) struct Events {
    /// What our login is to be granted.
    needed: Arc<NatsPermissions>,
    link: watch::Sender<ConnectionState>,
    pub(crate) denials: Denials,
    leaving: Arc<AtomicBool>,
}

impl Events {
    pub(crate) fn new(needed: NatsPermissions) -> Self {
        let (needed, link) = (Arc::new(needed), watch::Sender::default());
        Self { needed, link, denials: Denials::default(), leaving: Arc::default() }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<ConnectionState> {
        self.link.subscribe()
    }

    /// From now on the end of the connection is expected.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// Takes one event of the client: called in their order.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.denials.clear();
                self.link.send_modify(|link| {
                    *link = ConnectionState { up: true, established: link.established + 1, refused: false }
                });
            }
            Event::Disconnected => {
                if !self.leaving.load(Ordering::SeqCst) {
                    warn!("the connection to NATS is down");
                }
                self.link.send_modify(|link| link.up = false);
            }
            // By ourselves, at the end.
            Event::Closed => self.link.send_modify(|link| link.up = false),
            Event::LameDuckMode => info!("the NATS server is about to shut down"),
            Event::ServerError(error) => match denial(error, &self.needed) {
                // Reported by the request that it concerns.
                Some(denial) => self.denials.note(denial),
                None => warn!(%error, "NATS reported an error"),
            },
            Event::ClientError(ClientError::Other(text)) => {
                debug!(error = text, "no connection to NATS yet");
                let refused = *text == ConnectErrorKind::AuthorizationViolation.to_string();
                self.link.send_modify(|link| link.refused = refused);
            }
            // Every failed attempt to reconnect is one of these.
            other => debug!(event = %other, "nats"),
        }
    }
}

fn denial(error: &ServerError, needed: &NatsPermissions) -> Option<Denial> {
    match error {
        ServerError::Other(text) => Denial::parse(text, needed),
        ServerError::AuthorizationViolation | ServerError::SlowConsumer(_) => None,
    }
}
