//! Whether NATS is connected, as something to wait for: repair starts at once on a reconnect.

use async_nats::Event;
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// The connection to NATS as last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether it is up.
    pub up: bool,
    /// How often it was established; more than 1 means that it was lost in between.
    pub established: u64,
}

/// Follows the connection; made by [`crate::Streams::link`].
#[derive(Clone, Debug)]
pub struct LinkWatch {
    receiver: watch::Receiver<Link>,
    seen: u64,
}

impl LinkWatch {
    pub(crate) fn new(receiver: watch::Receiver<Link>) -> Self {
        let seen = receiver.borrow().established;
        Self { receiver, seen }
    }

    /// The connection now.
    pub fn now(&self) -> Link {
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

/// Takes one event of the client: called in their order.
pub(crate) fn note(event: &Event, link: &watch::Sender<Link>) {
    match event {
        Event::Connected => link.send_modify(|link| *link = Link { up: true, established: link.established + 1 }),
        Event::Disconnected => {
            warn!("the connection to nats is down");
            link.send_modify(|link| link.up = false);
        }
        // By ourselves, at the end.
        Event::Closed => link.send_modify(|link| link.up = false),
        Event::LameDuckMode => info!("the nats server is about to shut down"),
        Event::ServerError(error) => warn!(%error, "nats reported an error"),
        // Every failed attempt to reconnect is one of these.
        other => debug!(event = %other, "nats"),
    }
}
