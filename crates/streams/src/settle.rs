//! How a delivered message is settled: acknowledged, returned to the stream, or kept alive.
//!
//! All settlements go through one queue, in order, so that settling never waits, works from `Drop`, and can be flushed before exit.
//! Whether the generation still exists is checked right before the send.

use crate::JobStreams;
use crate::connection_state::ConnectionState;
use crate::error::BoxError;
use crate::message::MessageError;
use async_nats::{Client, Subject, jetstream::AckKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

/// The delay of a message whose handle was dropped unsettled, because its work may have failed.
const DROPPED_DELAY: Duration = Duration::from_secs(1);

/// One generation of a job's streams, shared by everything that was delivered from them.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) job: JobStreams,
    ended: AtomicBool,
    told_unusable: AtomicBool,
    told_newer: AtomicBool,
    queue: mpsc::UnboundedSender<Settlement>,
    link: watch::Receiver<ConnectionState>,
}

impl Generation {
    pub(crate) fn new(
        job: JobStreams,
        queue: mpsc::UnboundedSender<Settlement>,
        link: watch::Receiver<ConnectionState>,
    ) -> Self {
        let [ended, told_unusable, told_newer] = [false; 3].map(AtomicBool::new);
        Self { job, ended, told_unusable, told_newer, queue, link }
    }

    /// From now on no handle of this generation sends anything.
    pub(crate) fn end(&self) {
        if !self.ended.swap(true, Ordering::SeqCst) {
            debug!(job = %self.job.uid, generation = self.job.generation, "the streams are gone");
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Logs that a message is removed. A publisher can send any number of them: only the first one is a warning.
    pub(crate) fn tell_unusable(&self, error: &MessageError) {
        if self.told_unusable.swap(true, Ordering::SeqCst) {
            debug!(job = %self.job.uid, %error, "removing a message that cannot be used");
        } else {
            warn!(job = %self.job.uid, %error, "removing a message that cannot be used; further ones are counted only");
        }
    }

    /// Logs that a message is left to others. It comes again and again: only the first one is a warning.
    pub(crate) fn tell_newer(&self, error: &MessageError) {
        if self.told_newer.swap(true, Ordering::SeqCst) {
            debug!(job = %self.job.uid, %error, "leaving a message to a newer worker");
        } else {
            warn!(job = %self.job.uid, %error, "leaving messages to a newer worker");
        }
    }
}

#[derive(Debug)]
pub(crate) enum Settlement {
    Send { subject: Subject, kind: AckKind, generation: Arc<Generation> },
    Flush(oneshot::Sender<Result<(), BoxError>>),
}

/// Sends settlements until every sender is gone. `probe` is a request that gets a response.
pub(crate) async fn send_settlements(client: Client, mut queue: mpsc::UnboundedReceiver<Settlement>, probe: String) {
    while let Some(settlement) = queue.recv().await {
        match settlement {
            Settlement::Send { generation, .. } if generation.has_ended() => {}
            Settlement::Send { subject, kind, .. } => {
                if let Err(error) = client.publish(subject, kind.into()).await {
                    // Only when the client was closed for good; the message comes back after its ack wait.
                    debug!(%error, "a settlement was not sent");
                }
            }
            Settlement::Flush(done) => {
                // A round trip: the server handles one connection's commands in order.
                let reached = client.request(probe.clone(), bytes::Bytes::new()).await;
                let _ = done.send(reached.map(|_| ()).map_err(Into::into));
            }
        }
    }
}

/// The right to settle one delivered message, once. It belongs to one generation: when that is gone it does nothing.
///
/// Dropped unsettled, it returns the message with a delay of a second.
#[derive(Debug)]
pub struct AckHandle {
    subject: Subject,
    generation: Arc<Generation>,
    settled: bool,
    /// The delay with which the message is returned when this is dropped.
    if_dropped: Duration,
}

impl AckHandle {
    pub(crate) fn new(subject: Subject, generation: Arc<Generation>) -> Self {
        Self { subject, generation, settled: false, if_dropped: Duration::ZERO }
    }

    /// The caller has the message now. Before that, it may be returned without a delay.
    pub(crate) fn handed_out(&mut self) {
        self.if_dropped = DROPPED_DELAY;
    }

    /// The message's work is committed: remove it. Call [`crate::Streams::flush`] before the process ends.
    pub fn ack(mut self) {
        self.settle(AckKind::Ack);
    }

    /// Return the message, to be delivered again after `delay`, to any worker.
    pub fn nak(mut self, delay: Duration) {
        self.send_nak(delay);
    }

    /// No worker can use the message: remove it.
    pub fn terminate(mut self) {
        self.settle(AckKind::Term);
    }

    /// The message does not exist any more, because another took its place: send nothing.
    pub(crate) fn mark_settled(mut self) {
        self.settled = true;
    }

    /// The work continues: start the ack wait anew. Does nothing without a connection, because it would be sent too late.
    pub fn progress(&self) {
        if self.generation.link.borrow().up {
            self.send(AckKind::Progress);
        }
    }

    /// Whether the streams that the message came from are known to be gone, so that settling does nothing.
    pub fn is_dead(&self) -> bool {
        self.generation.has_ended()
    }

    fn send_nak(&mut self, delay: Duration) {
        self.settle(AckKind::Nak(Some(delay).filter(|delay| !delay.is_zero())));
    }

    fn settle(&mut self, kind: AckKind) {
        self.settled = true;
        self.send(kind);
    }

    fn send(&self, kind: AckKind) {
        let (subject, generation) = (self.subject.clone(), Arc::clone(&self.generation));
        // The receiver lives as long as any sender does, unless the runtime is shutting down.
        let _ = self.generation.queue.send(Settlement::Send { subject, kind, generation });
    }
}

impl Drop for AckHandle {
    fn drop(&mut self) {
        if !self.settled {
            self.send_nak(self.if_dropped);
        }
    }
}
