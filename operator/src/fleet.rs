//! All jobs this leader works on: a task each, started by the first reconcile and ended by deletion or by the end of the job.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    wake::Wake,
    work::{self, Known, Order, Shared, View},
};

/// The jobs at work.
pub(crate) struct Fleet {
    shared: Shared,
    wake: Wake,
    stop: CancellationToken,
    works: Mutex<HashMap<Uuid, Working>>,
}

/// What a job gets of the workers that all jobs share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allotment {
    /// How many it may run; none leaves the number as it is.
    pub(crate) granted: Option<u32>,
    /// How many it could have at most, as things are with other jobs.
    pub(crate) most: u32,
}

struct Working {
    orders: watch::Sender<Order>,
    view: watch::Receiver<View>,
    task: JoinHandle<()>,
    /// Workers wanted for it, for the limit across jobs.
    workers: u32,
}

impl Fleet {
    pub(crate) fn new(shared: Shared, wake: Wake, stop: CancellationToken) -> Self {
        Self { shared, wake, stop, works: Mutex::default() }
    }

    /// Starts the job's work, with what is `known` of it, or hands it a changed order; answers how far it is.
    pub(crate) fn see(&self, order: &Order, known: Known) -> View {
        let mut works = self.lock();
        let working = works.entry(order.uid).or_insert_with(|| {
            let (orders, receiver) = watch::channel(order.clone());
            let (sender, view) = watch::channel(View::default());
            let work = work::work(self.shared.clone(), receiver, known, sender, self.stop.child_token());
            let telling = self.wake.clone().follow(order.namespace.clone(), order.name.clone(), view.clone());
            let task = tokio::spawn(async move {
                // The last word of the work is told, too: its end closes what is followed.
                tokio::join!(work, telling);
            });
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

    /// Takes up to `wanted` workers for the job, within `limit` for all jobs together; none wanted leaves what it has.
    pub(crate) fn allot(&self, uid: Uuid, wanted: Option<u32>, limit: u32) -> Allotment {
        let mut works = self.lock();
        let others: u32 = works.iter().filter(|(other, _)| **other != uid).map(|(_, working)| working.workers).sum();
        let most = limit.saturating_sub(others);
        let granted = wanted.map(|wanted| wanted.min(most));
        if let (Some(working), Some(granted)) = (works.get_mut(&uid), granted) {
            working.workers = granted;
        }
        Allotment { granted, most }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Working>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
