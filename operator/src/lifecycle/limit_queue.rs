//! The jobs that wait because of a limit of the ledger, and how often each of them tries again.
//!
//! Within a namespace they begin in the order of their age, so the oldest ones try often. A thousand others try seldom, so that
//! waiting costs the ledger next to nothing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use crate::lifecycle::request::JobAge;

/// How often one of the oldest jobs of a namespace tries again.
const HEAD_INTERVAL: Duration = Duration::from_secs(5);
/// How often the others do.
const TAIL_INTERVAL: Duration = Duration::from_secs(60);
/// The jobs of a namespace that count as its oldest.
const HEAD_LIMIT: usize = 10;

/// The jobs that wait. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct LimitQueue(Arc<Mutex<HashMap<String, BTreeSet<JobAge>>>>);

/// One job's place among those that wait. Dropping it leaves.
pub(crate) struct LimitPlace {
    queue: LimitQueue,
    namespace: String,
    job: JobAge,
}

impl LimitQueue {
    /// Adds a job to those that wait.
    pub(crate) fn enter(&self, namespace: &str, job: JobAge) -> LimitPlace {
        self.0.lock().entry(namespace.to_owned()).or_default().insert(job);
        LimitPlace { queue: self.clone(), namespace: namespace.to_owned(), job }
    }
}

impl LimitPlace {
    /// The delay before the job tries again.
    pub(crate) fn retry_interval(&self) -> Duration {
        let waiting = self.queue.0.lock();
        let is_head =
            waiting.get(&self.namespace).is_some_and(|jobs| jobs.iter().take(HEAD_LIMIT).any(|job| *job == self.job));
        if is_head { HEAD_INTERVAL } else { TAIL_INTERVAL }
    }
}

impl Drop for LimitPlace {
    fn drop(&mut self) {
        let mut waiting = self.queue.0.lock();
        if let Some(jobs) = waiting.get_mut(&self.namespace) {
            jobs.remove(&self.job);
            if jobs.is_empty() {
                waiting.remove(&self.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use uuid::Uuid;

    use super::*;

    fn age(number: u64) -> JobAge {
        (SystemTime::UNIX_EPOCH + Duration::from_secs(number), Uuid::from_u128(number.into()))
    }

    #[test]
    fn the_oldest_jobs_of_each_namespace_try_often_and_the_others_move_up() {
        let queue = LimitQueue::default();
        let mut many: Vec<_> = (0..100).rev().map(|number| queue.enter("many", age(number))).collect();
        let few = queue.enter("few", age(1_000));
        let often = |places: &[LimitPlace]| {
            places
                .iter()
                .filter(|place| place.retry_interval() == HEAD_INTERVAL)
                .map(|place| place.job)
                .collect::<Vec<_>>()
        };
        assert_eq!(often(&many), (0..10).rev().map(age).collect::<Vec<_>>());
        assert_eq!(few.retry_interval(), HEAD_INTERVAL, "another namespace's jobs are not ahead of it");
        many.truncate(95);
        assert_eq!(often(&many), (5..15).rev().map(age).collect::<Vec<_>>());
        drop((many, few));
        assert!(queue.0.lock().is_empty());
    }
}
