//! All jobs this leader works on: a task each, started by the first reconcile and ended by deletion or by the end of the job.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::work::{self, Order, Shared, View};

/// The jobs at work.
pub(crate) struct Fleet {
    shared: Shared,
    stop: CancellationToken,
    works: Mutex<HashMap<Uuid, Working>>,
}

struct Working {
    orders: watch::Sender<Order>,
    view: watch::Receiver<View>,
    task: JoinHandle<()>,
    /// Workers wanted for it, for the limit across jobs.
    workers: u32,
}

impl Fleet {
    pub(crate) fn new(shared: Shared, stop: CancellationToken) -> Self {
        Self { shared, stop, works: Mutex::default() }
    }

    /// Starts the job's work, or hands it a changed order; answers how far it is.
    pub(crate) fn see(&self, order: &Order) -> View {
        let mut works = self.lock();
        let working = works.entry(order.uid).or_insert_with(|| {
            let (orders, receiver) = watch::channel(order.clone());
            let (sender, view) = watch::channel(View::default());
            let task = tokio::spawn(work::work(self.shared.clone(), receiver, sender, self.stop.child_token()));
            Working { orders, view, task, workers: 0 }
        });
        working.orders.send_if_modified(|known| {
            let news = known != order;
            if news {
                known.clone_from(order);
            }
            news
        });
        working.view.borrow().clone()
    }

    /// Ends the job's work at once; whatever step was under way is rolled back by the ledger.
    pub(crate) async fn dismiss(&self, uid: Uuid) {
        let working = self.lock().remove(&uid);
        if let Some(working) = working {
            working.task.abort();
            let _ = working.task.await;
        }
    }

    /// Takes up to `wanted` workers for the job, within `limit` for all jobs together.
    pub(crate) fn allot(&self, uid: Uuid, wanted: u32, limit: u32) -> u32 {
        let mut works = self.lock();
        let others: u32 = works.iter().filter(|(other, _)| **other != uid).map(|(_, working)| working.workers).sum();
        let granted = wanted.min(limit.saturating_sub(others));
        if let Some(working) = works.get_mut(&uid) {
            working.workers = granted;
        }
        granted
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Working>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
