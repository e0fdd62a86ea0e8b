//! The worker's side of the batch stream: a bounded buffer that a task keeps filled.

use crate::JobStreams;
use crate::Streams;
use crate::buffer::{Buffer, Taken};
use crate::delivery::Delivery;
use crate::error::StreamsError;
use crate::pull::Pull;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An upper bound for the memory of one message, subjects included.
const MESSAGE_BYTES: usize = 1_024;

/// The limit of messages that are held and not handed out yet: the smaller of both, at least one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAhead {
    /// Messages.
    pub messages: usize,
    /// Bytes of memory; a message counts as 1 KiB.
    pub bytes: usize,
}

impl ReadAhead {
    fn capacity(self) -> usize {
        self.messages.min(self.bytes / MESSAGE_BYTES).max(1)
    }
}

/// Pulls batches of one generation. Messages that wait in it are kept alive, and returned when it is dropped.
#[derive(Debug)]
pub struct BatchPuller {
    buffer: Arc<Buffer>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
    ack_wait: Duration,
}

impl Streams {
    /// Binds to the batch stream and starts to pull, never holding more than `read_ahead`.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`] when the stream or its consumer does not exist; [`StreamsError::Unreachable`].
    pub async fn batches(&self, job: &JobStreams, read_ahead: ReadAhead) -> Result<BatchPuller, StreamsError> {
        let generation = self.generation(job);
        if generation.has_ended() {
            return Err(StreamsError::StreamGone(job.id()));
        }
        let ack_wait = self.look(job, &job.batch_stream()).await?.config.ack_wait;
        let buffer = Arc::new(Buffer::new(read_ahead.capacity()));
        let stop = CancellationToken::new();
        let pull = Pull::new(self.clone(), generation, Arc::clone(&buffer), ack_wait, stop.clone()).await?;
        let task = Some(tokio::spawn(pull.run()));
        Ok(BatchPuller { buffer, stop, task, ack_wait })
    }
}

impl BatchPuller {
    /// The next message. Waits without a limit, through losses of the connection, too. `None` after
    /// [`BatchPuller::stop`], when everything held was handed out. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`]: bind anew with the job's present generation. Other errors are final for this puller, too.
    pub async fn next(&mut self) -> Result<Option<Delivery>, StreamsError> {
        loop {
            let arrived = self.buffer.arrived.notified();
            match self.buffer.take() {
                Taken::Delivery(delivery) => return Ok(Some(delivery)),
                Taken::End(end) => return end.map_or(Ok(None), Err),
                Taken::Nothing => arrived.await,
            }
        }
    }

    /// Messages held and not handed out.
    pub fn held(&self) -> usize {
        self.buffer.held()
    }

    /// Time without ack or progress after which a delivered message is delivered again.
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    /// Pulls no more. What is held can still be taken with [`BatchPuller::next`].
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops and returns everything held at once, to be delivered to other workers. [`Streams::flush`] makes sure of it.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.buffer.close();
        if let Some(task) = self.task.take() {
            // It only fails with the runtime.
            let _ = task.await;
        }
    }
}

impl Drop for BatchPuller {
    fn drop(&mut self) {
        self.stop.cancel();
        self.buffer.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_counts_and_one_message_is_always_held() {
        for (messages, bytes, capacity) in [(100, 1 << 20, 100), (5_000, 1 << 20, 1_024), (0, 1 << 20, 1), (10, 100, 1)]
        {
            assert_eq!(ReadAhead { messages, bytes }.capacity(), capacity, "{messages} {bytes}");
        }
    }
}
