//! The worker's side of the batch stream: a bounded buffer that a task keeps filled.

use crate::JobStreams;
use crate::connect::Streams;
use crate::error::StreamsError;
use crate::message::Work;
use crate::pull::Pull;
use crate::settle::AckHandle;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// More than one of our messages takes in memory, subjects and all.
const MESSAGE_BYTES: usize = 1_024;

/// What may be held that was not handed out yet. The smaller of both counts; at least one message.
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

    /// Messages that waited behind it in the stream when it was delivered.
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
}

/// Pulls batches of one generation. While messages wait in here they are kept alive; they are given back when this is dropped.
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
        let generation = self.generation(*job);
        if generation.has_ended() {
            return Err(StreamsError::StreamGone(*job));
        }
        let ack_wait = self.look(*job, &job.batch_stream()).await?.config.ack_wait;
        let buffer = Arc::new(Buffer::new(read_ahead.capacity()));
        let stop = CancellationToken::new();
        let pull = Pull::new(self.clone(), generation, Arc::clone(&buffer), ack_wait, stop.clone()).await?;
        let task = Some(tokio::spawn(pull.run()));
        Ok(BatchPuller { buffer, stop, task, ack_wait })
    }
}

impl BatchPuller {
    /// The next message, waiting for one as long as it takes, through losses of the connection too. `None` after
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

    /// The next message if one is held.
    pub fn try_next(&mut self) -> Option<Delivery> {
        match self.buffer.take() {
            Taken::Delivery(delivery) => Some(delivery),
            Taken::End(end) => {
                self.buffer.end(end);
                None
            }
            Taken::Nothing => None,
        }
    }

    /// Messages held and not handed out.
    pub fn held(&self) -> usize {
        self.buffer.lock().deliveries.len()
    }

    /// How long a delivered message may stay without ack or progress.
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    /// Pulls no more. What is held can still be taken with [`BatchPuller::next`].
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops and gives everything held back at once, to be delivered to somebody else. [`Streams::flush`] makes sure of it.
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

/// What lies between the pulling task and the puller.
#[derive(Debug)]
pub(crate) struct Buffer {
    capacity: usize,
    held: Mutex<Held>,
    arrived: Notify,
    /// Told when there is room again.
    pub(crate) taken: Notify,
}

#[derive(Debug, Default)]
struct Held {
    deliveries: VecDeque<Delivery>,
    closed: bool,
    /// Nothing more will come, and why.
    end: Option<Option<StreamsError>>,
}

enum Taken {
    Delivery(Delivery),
    Nothing,
    End(Option<StreamsError>),
}

impl Buffer {
    fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::default(), arrived: Notify::new(), taken: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Taken {
        let mut held = self.lock();
        if let Some(mut delivery) = held.deliveries.pop_front() {
            self.taken.notify_one();
            delivery.handle.handed_out();
            return Taken::Delivery(delivery);
        }
        match &mut held.end {
            None => Taken::Nothing,
            // An error is told once; asked again, there is just no more.
            Some(end) => Taken::End(end.take()),
        }
    }

    /// How many more may be asked for.
    pub(crate) fn room(&self) -> usize {
        let held = self.lock();
        if held.closed { 0 } else { self.capacity - held.deliveries.len() }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes a delivery in, or gives back at once what does not fit.
    pub(crate) fn put(&self, delivery: Delivery) {
        let mut held = self.lock();
        if held.closed || held.deliveries.len() >= self.capacity {
            drop(held);
            delivery.nak(Duration::ZERO);
            return;
        }
        held.deliveries.push_back(delivery);
        self.arrived.notify_one();
    }

    /// Keeps what is held from being delivered again.
    pub(crate) fn keep_alive(&self) {
        self.lock().deliveries.iter().for_each(Delivery::progress);
    }

    /// Drops everything held without a word to the server: their stream is gone.
    pub(crate) fn clear(&self) {
        self.lock().deliveries.drain(..).for_each(|delivery| delivery.handle.forget());
    }

    pub(crate) fn end(&self, error: Option<StreamsError>) {
        self.lock().end = Some(error);
        self.arrived.notify_one();
    }

    fn close(&self) {
        let mut held = self.lock();
        held.closed = true;
        held.deliveries.drain(..).for_each(|delivery| delivery.nak(Duration::ZERO));
    }
}
