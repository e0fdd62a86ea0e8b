//! The messages between the task that pulls and the worker that takes: bounded, kept alive, and returned when it is closed.

use crate::delivery::Delivery;
use crate::error::StreamsError;
use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::Notify;

/// The messages between the pulling task and the puller.
#[derive(Debug)]
pub(crate) struct Buffer {
    capacity: usize,
    held: Mutex<Held>,
    /// Notified when there is a message to take.
    pub(crate) arrived: Notify,
    /// Notified when there is room again.
    pub(crate) taken: Notify,
}

#[derive(Debug, Default)]
struct Held {
    deliveries: VecDeque<Delivery>,
    closed: bool,
    /// No more messages will come, and why.
    end: Option<Option<StreamsError>>,
}

/// What [`Buffer::take`] found.
pub(crate) enum Taken {
    Delivery(Delivery),
    Nothing,
    End(Option<StreamsError>),
}

impl Buffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::default(), arrived: Notify::new(), taken: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }

    pub(crate) fn take(&self) -> Taken {
        let mut held = self.lock();
        if let Some(mut delivery) = held.deliveries.pop_front() {
            self.taken.notify_one();
            delivery.handed_out();
            return Taken::Delivery(delivery);
        }
        match &mut held.end {
            None => Taken::Nothing,
            // An error is returned once; later calls return the end without it.
            Some(end) => Taken::End(end.take()),
        }
    }

    /// The number of messages held.
    pub(crate) fn held(&self) -> usize {
        self.lock().deliveries.len()
    }

    /// How many more may be requested.
    pub(crate) fn room(&self) -> usize {
        let held = self.lock();
        if held.closed { 0 } else { self.capacity - held.deliveries.len() }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Stores a delivery, or returns it at once when it does not fit.
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

    /// Drops everything held and tells the server nothing: their stream is gone.
    pub(crate) fn clear(&self) {
        self.lock().deliveries.drain(..).for_each(|delivery| delivery.mark_settled());
    }

    pub(crate) fn end(&self, error: Option<StreamsError>) {
        self.lock().end = Some(error);
        self.arrived.notify_one();
    }

    /// Returns everything at once, and every message that still arrives.
    pub(crate) fn close(&self) {
        let mut held = self.lock();
        held.closed = true;
        held.deliveries.drain(..).for_each(|delivery| delivery.nak(Duration::ZERO));
    }
}
