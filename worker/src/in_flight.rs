//! The batch messages that this worker holds. Progress reports keep the server from delivering them to another worker.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use vaultstream_streams::AckHandle;

type Handles = Mutex<HashMap<u64, AckHandle>>;

/// Every message that is held, by a number of its own.
#[derive(Clone, Default)]
pub(crate) struct InFlightMessages {
    handles: Arc<Handles>,
    numbers: Arc<AtomicU64>,
}

/// One message that is held. Dropped unsettled, it is delivered again.
pub(crate) struct InFlightMessage {
    number: u64,
    handles: Arc<Handles>,
    /// Further deliveries of the same batch.
    others: Vec<InFlightMessage>,
}

impl InFlightMessages {
    /// Holds a message from now on.
    pub(crate) fn hold(&self, ack: AckHandle) -> InFlightMessage {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.handles.lock().insert(number, ack);
        InFlightMessage { number, handles: Arc::clone(&self.handles), others: Vec::new() }
    }

    /// Reports progress on every message until `stop`, three times within the stream's `ack_wait`: two reports may be lost.
    pub(crate) async fn keep_alive(&self, ack_wait: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval((ack_wait / 3).max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            for handle in self.handles.lock().values() {
                handle.progress();
            }
        }
    }
}

impl InFlightMessage {
    /// Settles another delivery of the same batch together with this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.others.push(other);
    }

    /// Acknowledges the message, whose batch is committed. A lost ack costs a redelivery, which changes nothing.
    pub(crate) fn ack(mut self) {
        std::mem::take(&mut self.others).into_iter().for_each(Self::ack);
        if let Some(handle) = self.take() {
            handle.ack();
        }
    }

    /// Has the message delivered again after `delay`.
    pub(crate) fn redeliver_after(mut self, delay: Duration) {
        std::mem::take(&mut self.others).into_iter().for_each(|other| other.redeliver_after(delay));
        if let Some(handle) = self.take() {
            handle.nak(delay);
        }
    }

    /// Removes the message, which names nothing that can be signed.
    pub(crate) fn terminate(mut self) {
        std::mem::take(&mut self.others).into_iter().for_each(Self::terminate);
        if let Some(handle) = self.take() {
            handle.terminate();
        }
    }

    fn take(&self) -> Option<AckHandle> {
        self.handles.lock().remove(&self.number)
    }
}

impl fmt::Debug for InFlightMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlightMessage").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for InFlightMessage {
    fn drop(&mut self) {
        // Dropping an unsettled handle has its message delivered again. That may send, hence outside of the lock.
        drop(self.take());
    }
}
