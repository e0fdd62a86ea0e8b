//! One message in a worker's hands.

use crate::message::Work;
use crate::settle::AckHandle;
use std::time::Duration;

/// One delivered message and the right to settle it. Dropped unsettled, it is given back.
#[derive(Debug)]
pub struct Delivery {
    work: Work,
    deliveries: u64,
    pending: u64,
    handle: AckHandle,
}

impl Delivery {
    pub(crate) fn new(work: Work, deliveries: u64, pending: u64, handle: AckHandle) -> Self {
        Self { work, deliveries, pending, handle }
    }

    /// What is to be done.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Whether the message was delivered before. No measure of failures: those are counted in the ledger.
    pub fn redelivered(&self) -> bool {
        self.deliveries > 1
    }

    /// About how many messages waited behind it in the stream when it was delivered.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// The work is committed. See [`AckHandle::ack`].
    pub fn ack(self) {
        self.handle.ack();
    }

    /// Give it back, to be delivered again after `delay`.
    pub fn nak(self, delay: Duration) {
        self.handle.nak(delay);
    }

    /// Work goes on: start the ack wait anew.
    pub fn progress(&self) {
        self.handle.progress();
    }

    /// The work and the right to settle it, apart.
    pub fn split(self) -> (Work, AckHandle) {
        (self.work, self.handle)
    }

    /// From now on in the hands of our user.
    pub(crate) fn handed_out(&mut self) {
        self.handle.handed_out();
    }

    /// Drops it without a word to the server.
    pub(crate) fn forget(self) {
        self.handle.forget();
    }
}
