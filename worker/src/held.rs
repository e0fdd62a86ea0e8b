//! The batch messages this worker holds, kept from being delivered elsewhere while their units wait or are at work.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use vaultstream_streams::AckHandle;

type Handles = Mutex<HashMap<u64, AckHandle>>;

/// Every message held, by a number of its own.
#[derive(Clone, Default)]
pub(crate) struct HeldMessages {
    handles: Arc<Handles>,
    numbers: Arc<AtomicU64>,
}

/// One message held. Dropped unsettled, it is given back.
pub(crate) struct HeldMessage {
    number: u64,
    handles: Arc<Handles>,
    /// Further deliveries of the same batch.
    others: Vec<HeldMessage>,
}

impl HeldMessages {
    /// Begins to keep a message.
    pub(crate) fn hold(&self, ack: AckHandle) -> HeldMessage {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        locked(&self.handles).insert(number, ack);
        HeldMessage { number, handles: Arc::clone(&self.handles), others: Vec::new() }
    }

    /// Tells the server that what is held is still at work, three times within the stream's `ack_wait`, so that two may be
    /// lost. Until `stop`.
    pub(crate) async fn keep_alive(&self, ack_wait: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval((ack_wait / 3).max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            for handle in locked(&self.handles).values() {
                handle.progress();
            }
        }
    }
}

impl HeldMessage {
    /// Settles another delivery of the same batch together with this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.others.push(other);
    }

    /// Tells the server that the batch is committed. A lost ack costs a redelivery, which changes nothing.
    pub(crate) fn ack(mut self) {
        std::mem::take(&mut self.others).into_iter().for_each(Self::ack);
        if let Some(handle) = self.take() {
            handle.ack();
        }
    }

    /// Gives the batch back, to be delivered again after `delay`.
    pub(crate) fn give_back(mut self, delay: Duration) {
        std::mem::take(&mut self.others).into_iter().for_each(|other| other.give_back(delay));
        if let Some(handle) = self.take() {
            handle.nak(delay);
        }
    }

    fn take(&self) -> Option<AckHandle> {
        locked(&self.handles).remove(&self.number)
    }
}

impl fmt::Debug for HeldMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldMessage").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        // An unsettled handle gives its message back when it is dropped; outside the lock, for it may send.
        drop(self.take());
    }
}

fn locked(handles: &Handles) -> MutexGuard<'_, HashMap<u64, AckHandle>> {
    // A map of handles is whole whatever a panicking holder was doing.
    handles.lock().unwrap_or_else(PoisonError::into_inner)
}
