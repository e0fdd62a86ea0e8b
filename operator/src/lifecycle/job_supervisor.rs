//! The tasks of all jobs of this leader. The first reconcile starts a job's task. It ends with the job, or when it is aborted.

use std::collections::HashMap;

use futures_util::{FutureExt as _, future::join};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::lifecycle::{
    job_task::{self, TaskResources},
    request::{JobRequest, KnownProgress},
    requeue::RequeueSender,
    snapshot::JobSnapshot,
};

/// Starts, informs and aborts the tasks, and shares out workers among their jobs.
pub(crate) struct JobSupervisor {
    resources: TaskResources,
    requeue: RequeueSender,
    stop: CancellationToken,
    tasks: Mutex<HashMap<Uuid, RunningTask>>,
}

/// The workers that one job may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerGrant {
    /// How many it is to run; `None` leaves the number as it is.
    pub(crate) granted: Option<u32>,
    /// The most it could have beside the other jobs.
    pub(crate) max: u32,
}

struct RunningTask {
    requests: watch::Sender<JobRequest>,
    snapshot: watch::Receiver<JobSnapshot>,
    handle: JoinHandle<()>,
    /// Workers granted, which count against the limit for all jobs.
    workers: u32,
}

/// Runs a job and requeues it. The last snapshot is followed, too: following ends when the run has dropped its sender. No async block,
/// which would have room for both twice.
fn both(run: impl Future<Output = ()>, requeue: impl Future<Output = ()>) -> impl Future<Output = ()> {
    join(run, requeue).map(drop)
}

impl JobSupervisor {
    pub(crate) fn new(resources: TaskResources, requeue: RequeueSender, stop: CancellationToken) -> Self {
        Self { resources, requeue, stop, tasks: Mutex::default() }
    }

    /// Starts the job's task, which is to find at least what is `known`, or hands it a changed request. Returns its snapshot.
    pub(crate) fn ensure_running(&self, request: &JobRequest, known: KnownProgress) -> JobSnapshot {
        let mut tasks = self.tasks.lock();
        let task = tasks.entry(request.uid).or_insert_with(|| {
            let (requests, receiver) = watch::channel(request.clone());
            let (sender, snapshot) = watch::channel(JobSnapshot::default());
            let run = job_task::run(self.resources.clone(), receiver, known, sender, self.stop.child_token());
            let requeue =
                self.requeue.clone().follow(request.namespace.clone(), request.name.clone(), snapshot.clone());
            let handle = tokio::spawn(both(run, requeue));
            RunningTask { requests, snapshot, handle, workers: 0 }
        });
        task.requests.send_if_modified(|known| {
            let changed = known != request;
            if changed {
                known.clone_from(request);
            }
            changed
        });
        task.snapshot.borrow().clone()
    }

    /// The jobs that have a task.
    pub(crate) fn jobs(&self) -> Vec<Uuid> {
        self.tasks.lock().keys().copied().collect()
    }

    /// Ends the job's task at once. The ledger rolls back a step that was under way.
    pub(crate) async fn abort(&self, uid: Uuid) {
        let task = self.tasks.lock().remove(&uid);
        if let Some(task) = task {
            task.handle.abort();
            let _ = task.handle.await;
        }
    }

    /// Grants the job up to `wanted` workers, within `limit` for all jobs together. `None` leaves the number as it is.
    pub(crate) fn grant_workers(&self, uid: Uuid, wanted: Option<u32>, limit: u32) -> WorkerGrant {
        let mut tasks = self.tasks.lock();
        let others: u32 = tasks.iter().filter(|(other, _)| **other != uid).map(|(_, task)| task.workers).sum();
        let max = limit.saturating_sub(others);
        let granted = wanted.map(|wanted| wanted.min(max));
        if let (Some(task), Some(granted)) = (tasks.get_mut(&uid), granted) {
            task.workers = granted;
        }
        WorkerGrant { granted, max }
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::Reason;

    use super::*;
    use crate::lifecycle::fixtures::{request, resources};

    /// Its tasks find neither Postgres nor NATS.
    fn supervisor() -> JobSupervisor {
        let stop = CancellationToken::new();
        JobSupervisor::new(resources(&stop), RequeueSender::new(&[]).0, stop)
    }

    #[tokio::test]
    async fn a_task_has_room_for_its_run_once() {
        let run = async {
            let room = [1_u8; 4096];
            tokio::task::yield_now().await;
            std::hint::black_box(&room);
        };
        let (run_bytes, task_bytes) = (size_of_val(&run), size_of_val(&both(run, std::future::ready(()))));
        assert!(task_bytes < run_bytes + 256, "{task_bytes} bytes for a run of {run_bytes}");
    }

    fn start(supervisor: &JobSupervisor, uid: u128) -> JobSnapshot {
        supervisor.ensure_running(&request(uid), KnownProgress::default())
    }

    #[tokio::test]
    async fn jobs_share_the_limit_of_workers() {
        let supervisor = supervisor();
        let [first, second] = [1, 2].map(Uuid::from_u128);
        start(&supervisor, 1);
        start(&supervisor, 2);
        let grant = |uid, wanted| supervisor.grant_workers(uid, wanted, 10);
        assert_eq!(grant(first, Some(7)), WorkerGrant { granted: Some(7), max: 10 });
        assert_eq!(grant(second, Some(7)), WorkerGrant { granted: Some(3), max: 3 });
        assert_eq!(grant(first, None), WorkerGrant { granted: None, max: 7 }, "unknown: it keeps what it has");
        assert_eq!(grant(second, Some(7)), WorkerGrant { granted: Some(3), max: 3 });
        assert_eq!(grant(first, Some(0)), WorkerGrant { granted: Some(0), max: 7 });
        assert_eq!(grant(second, Some(7)), WorkerGrant { granted: Some(7), max: 10 });
        supervisor.abort(second).await;
        assert_eq!(grant(first, Some(10)), WorkerGrant { granted: Some(10), max: 10 }, "an aborted job has none");
    }

    #[tokio::test]
    async fn a_task_that_cannot_connect_says_so_in_its_snapshot() {
        let supervisor = supervisor();
        assert_eq!(start(&supervisor, 1).fault, None);
        let fault = tokio::time::timeout(std::time::Duration::from_secs(10), async {
            loop {
                if let Some(fault) = start(&supervisor, 1).fault {
                    return fault;
                }
                tokio::task::yield_now().await;
            }
        });
        let reason = fault.await.unwrap().reason;
        assert!(matches!(reason, Reason::LedgerUnavailable | Reason::LedgerRefused), "{reason}");
        assert_eq!(supervisor.tasks.lock().len(), 1, "it is one task");
    }
}
