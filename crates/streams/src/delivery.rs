//! One message that a worker has.

use crate::message::Work;
use crate::settle::AckHandle;
use std::time::Duration;

/// One delivered message and the right to settle it. Dropped unsettled, it is returned to the stream.
#[derive(Debug)]
pub struct Delivery {
    work: Work,
    deliveries: u64,
    pending: u64,
    trace: Option<String>,
    handle: AckHandle,
}

impl Delivery {
    pub(crate) fn new(work: Work, deliveries: u64, pending: u64, trace: Option<String>, handle: AckHandle) -> Self {
        Self { work, deliveries, pending, trace, handle }
    }

    /// What is to be done.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Whether the message was delivered before. Failures are counted in the ledger, not here.
    pub fn redelivered(&self) -> bool {
        self.deliveries > 1
    }

    /// About how many messages waited behind it in the stream when it was delivered.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// The value of the message's header [`TRACE_HEADER`](crate::TRACE_HEADER).
    pub fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// The work is committed. See [`AckHandle::ack`].
    pub fn ack(self) {
        self.handle.ack();
    }

    /// Return it, to be delivered again after `delay`.
    pub fn nak(self, delay: Duration) {
        self.handle.nak(delay);
    }

    /// The work continues: start the ack wait anew.
    pub fn progress(&self) {
        self.handle.progress();
    }

    /// The work and the right to settle it, apart.
    pub fn split(self) -> (Work, AckHandle) {
        (self.work, self.handle)
    }

    /// The caller has it now.
    pub(crate) fn handed_out(&mut self) {
        self.handle.handed_out();
    }

    /// Drops it and tells the server nothing.
    pub(crate) fn mark_settled(self) {
        self.handle.mark_settled();
    }
}
