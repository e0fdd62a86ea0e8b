//! Admission: how many jobs have workers at the same time. Fair by namespace, then by age.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::SystemTime,
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;
use vaultstream_api::Source;
use vaultstream_ledger::{Job, JobState};

/// Whether a job has work for workers at this point of its life, for which it has to be admitted: a table is planned by them, too.
pub(crate) fn needs_workers(row: &Job) -> bool {
    match row.state {
        JobState::Seeding => matches!(row.spec.source, Source::Table(_)),
        JobState::Signing | JobState::Finishing => true,
        _ => false,
    }
}

/// The limit, and the jobs that are admitted or wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AdmissionQueue {
    state: Arc<Mutex<QueueState>>,
    changed: Arc<Notify>,
}

struct QueueState {
    limit: usize,
    jobs: BTreeMap<Uuid, Entry>,
    /// The position of each job that waits, from 1. `None` after a change: computed when one is asked for.
    positions: Option<HashMap<Uuid, usize>>,
}

struct Entry {
    namespace: String,
    /// Creation of the SigningJob.
    since: SystemTime,
    admitted: bool,
}

/// One job's place: it waits, or is admitted. Dropping it gives the place to another job.
pub(crate) struct Admission {
    queue: AdmissionQueue,
    uid: Uuid,
}

impl AdmissionQueue {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(QueueState { limit, jobs: BTreeMap::new(), positions: None })),
            changed: Arc::default(),
        }
    }

    /// Adds a job, created at `since`, to those that wait.
    pub(crate) fn enqueue(&self, uid: Uuid, namespace: &str, since: SystemTime) -> Admission {
        let mut state = self.state.lock();
        state.jobs.insert(uid, Entry { namespace: namespace.to_owned(), since, admitted: false });
        state.positions = None;
        drop(state);
        Admission { queue: self.clone(), uid }
    }
}

impl Admission {
    /// Returns when the job is admitted.
    pub(crate) async fn admitted(&self) {
        loop {
            let changed = self.queue.changed.notified();
            if self.try_admit() {
                // There may be room for another one.
                self.queue.changed.notify_waiters();
                return;
            }
            changed.await;
        }
    }

    fn try_admit(&self) -> bool {
        let mut state = self.queue.state.lock();
        if state.jobs.get(&self.uid).is_some_and(|job| job.admitted) {
            return true;
        }
        let room = state.jobs.values().filter(|job| job.admitted).count() < state.limit;
        if !room || state.position(self.uid) != Some(1) {
            return false;
        }
        if let Some(job) = state.jobs.get_mut(&self.uid) {
            job.admitted = true;
        }
        state.positions = None;
        true
    }

    /// Its position in the queue, from 1; `None` when it is admitted.
    pub(crate) fn position(&self) -> Option<usize> {
        self.queue.state.lock().position(self.uid)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.jobs.remove(&self.uid);
        state.positions = None;
        drop(state);
        self.queue.changed.notify_waiters();
    }
}

impl QueueState {
    fn position(&mut self, uid: Uuid) -> Option<usize> {
        if self.positions.is_none() {
            self.positions = Some(self.waiting().into_iter().zip(1..).collect());
        }
        self.positions.as_ref()?.get(&uid).copied()
    }

    /// The jobs that wait, in the order in which they are admitted: from the namespace with the fewest jobs ahead, then the
    /// oldest.
    fn waiting(&self) -> Vec<Uuid> {
        let mut ahead: BTreeMap<&str, usize> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.admitted) {
            *ahead.entry(&job.namespace).or_default() += 1;
        }
        let mut waiting: Vec<_> = self.jobs.iter().filter(|(_, job)| !job.admitted).collect();
        waiting.sort_by_key(|(uid, job)| (job.since, **uid));
        let mut ranked: Vec<_> = waiting
            .into_iter()
            .map(|(uid, job)| {
                let rank = ahead.entry(&job.namespace).or_default();
                *rank += 1;
                (*rank, job.since, *uid)
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, uid)| uid).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn namespaces_take_turns_and_the_oldest_job_is_admitted_first() {
        let queue = AdmissionQueue::new(2);
        let many: Vec<_> = (0..4).map(|n| queue.enqueue(Uuid::from_u128(n), "many", at(n as u64))).collect();
        many[0].admitted().await;
        many[1].admitted().await;
        let few = queue.enqueue(Uuid::from_u128(9), "few", at(9));
        assert_eq!((few.position(), many[2].position(), many[3].position()), (Some(1), Some(2), Some(3)));
        let waits = tokio::time::timeout(Duration::from_millis(20), few.admitted()).await;
        assert!(waits.is_err(), "one more was admitted beyond the limit");
        drop(many.into_iter().next());
        few.admitted().await;
        assert_eq!(few.position(), None);
    }

    #[tokio::test]
    async fn a_job_that_waits_is_admitted_when_another_leaves() {
        let queue = AdmissionQueue::new(1);
        let first = queue.enqueue(Uuid::from_u128(1), "a", at(1));
        first.admitted().await;
        let second = queue.enqueue(Uuid::from_u128(2), "a", at(2));
        let waiting = tokio::spawn(async move {
            second.admitted().await;
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_namespace_with_admitted_jobs_waits_behind_one_without() {
        let queue = AdmissionQueue::new(2);
        let old = queue.enqueue(Uuid::from_u128(1), "a", at(1));
        old.admitted().await;
        let second_of_a = queue.enqueue(Uuid::from_u128(2), "a", at(2));
        let first_of_b = queue.enqueue(Uuid::from_u128(3), "b", at(3));
        assert_eq!((first_of_b.position(), second_of_a.position(), old.position()), (Some(1), Some(2), None));
        assert!(!second_of_a.try_admit(), "there is room, but it is not first");
        assert!(first_of_b.try_admit());
        assert!(first_of_b.try_admit(), "it is admitted already");
        drop(old);
        assert_eq!(second_of_a.position(), Some(1));
        assert!(second_of_a.try_admit());
    }

    #[test]
    fn jobs_of_two_namespaces_that_wait_are_admitted_alternately() {
        let queue = AdmissionQueue::new(1);
        let of_a = [1, 2, 3].map(|n| queue.enqueue(Uuid::from_u128(n), "a", at(n as u64)));
        let of_b = [11, 12].map(|n| queue.enqueue(Uuid::from_u128(n), "b", at(n as u64)));
        let positions = |jobs: &[Admission]| jobs.iter().filter_map(Admission::position).collect::<Vec<_>>();
        assert_eq!((positions(&of_a), positions(&of_b)), (vec![1, 3, 5], vec![2, 4]));
    }
}
