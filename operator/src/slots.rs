//! Whose turn it is to sign: a limit across all jobs, fair by namespace, then by age.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::Notify;
use uuid::Uuid;

/// The limit and who is within it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Slots {
    table: Arc<Mutex<Table>>,
    changed: Arc<Notify>,
}

struct Table {
    limit: usize,
    jobs: BTreeMap<Uuid, Entry>,
    /// The place of each that waits, from 1; none after a change, until somebody asks.
    places: Option<HashMap<Uuid, usize>>,
}

struct Entry {
    namespace: String,
    /// Creation of the SigningJob.
    since: SystemTime,
    at_work: bool,
}

/// A place in the queue, or at work. Dropping it lets the next one in.
pub(crate) struct Turn {
    slots: Slots,
    uid: Uuid,
}

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            table: Arc::new(Mutex::new(Table { limit, jobs: BTreeMap::new(), places: None })),
            changed: Arc::default(),
        }
    }

    /// Stands in line.
    pub(crate) fn queue(&self, uid: Uuid, namespace: &str, since: SystemTime) -> Turn {
        let mut table = self.lock();
        table.jobs.insert(uid, Entry { namespace: namespace.to_owned(), since, at_work: false });
        table.places = None;
        drop(table);
        Turn { slots: self.clone(), uid }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Waits for a place at work.
    pub(crate) async fn begin(&self) {
        loop {
            let changed = self.slots.changed.notified();
            if self.try_begin() {
                // There may be room for one more.
                self.slots.changed.notify_waiters();
                return;
            }
            changed.await;
        }
    }

    fn try_begin(&self) -> bool {
        let mut table = self.slots.lock();
        if table.jobs.get(&self.uid).is_some_and(|job| job.at_work) {
            return true;
        }
        let room = table.jobs.values().filter(|job| job.at_work).count() < table.limit;
        if !room || table.place(self.uid) != Some(1) {
            return false;
        }
        if let Some(job) = table.jobs.get_mut(&self.uid) {
            job.at_work = true;
        }
        table.places = None;
        true
    }

    /// Its place in the queue, from 1; none when it is at work.
    pub(crate) fn position(&self) -> Option<usize> {
        self.slots.lock().place(self.uid)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut table = self.slots.lock();
        table.jobs.remove(&self.uid);
        table.places = None;
        drop(table);
        self.slots.changed.notify_waiters();
    }
}

impl Table {
    fn place(&mut self, uid: Uuid) -> Option<usize> {
        if self.places.is_none() {
            self.places = Some(self.line().into_iter().zip(1..).collect());
        }
        self.places.as_ref()?.get(&uid).copied()
    }

    /// Who waits, in the order of their turns: the namespace with the fewest jobs before it goes first, then the oldest.
    fn line(&self) -> Vec<Uuid> {
        let mut ahead: BTreeMap<&str, usize> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.at_work) {
            *ahead.entry(&job.namespace).or_default() += 1;
        }
        let mut waiting: Vec<_> = self.jobs.iter().filter(|(_, job)| !job.at_work).collect();
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
    async fn namespaces_take_turns_and_the_oldest_goes_first() {
        let slots = Slots::new(2);
        let many: Vec<_> = (0..4).map(|n| slots.queue(Uuid::from_u128(n), "many", at(n as u64))).collect();
        many[0].begin().await;
        many[1].begin().await;
        let few = slots.queue(Uuid::from_u128(9), "few", at(9));
        assert_eq!((few.position(), many[2].position(), many[3].position()), (Some(1), Some(2), Some(3)));
        let waits = tokio::time::timeout(Duration::from_millis(20), few.begin()).await;
        assert!(waits.is_err(), "the limit was reached, yet one more began");
        drop(many.into_iter().next());
        few.begin().await;
        assert_eq!(few.position(), None);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_one_leaves() {
        let slots = Slots::new(1);
        let first = slots.queue(Uuid::from_u128(1), "a", at(1));
        first.begin().await;
        let second = slots.queue(Uuid::from_u128(2), "a", at(2));
        let waiting = tokio::spawn(async move {
            second.begin().await;
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }
}
