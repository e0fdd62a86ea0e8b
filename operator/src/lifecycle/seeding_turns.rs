//! Turns of seeding: how many jobs seed at the same time, and which one is next.
//!
//! A turn is one bounded step, after which the job asks for the next one. So a job of any size holds up no other for longer than a step.
//!
//! ```text
//! namespace a: job 1, job 4 ┐
//! namespace b: job 2        ├─▶ the namespace with the fewest turns, of those the one served longest ago ─▶ its oldest job
//! namespace c: job 3, job 5 ┘
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::lifecycle::request::JobAge;

/// Shares out turns. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SeedingTurns(Arc<Mutex<Turns>>);

struct Turns {
    free: usize,
    /// Counts turns.
    given: u64,
    /// Every namespace that had a turn since this leader began: a job has none between two steps, and must not go first again.
    namespaces: HashMap<String, NamespaceTurns>,
}

#[derive(Default)]
struct NamespaceTurns {
    running: usize,
    /// The number of its latest turn; 0 before the first.
    latest: u64,
    /// The jobs that wait, the oldest first.
    waiting: BTreeMap<JobAge, oneshot::Sender<()>>,
}

/// A job's turn, or its place among those that wait for one. Dropping it gives either up.
pub(crate) struct Turn {
    turns: SeedingTurns,
    namespace: String,
    job: JobAge,
}

impl SeedingTurns {
    /// For `limit` jobs at the same time.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Turns { free: limit, given: 0, namespaces: HashMap::new() })))
    }

    /// Waits for the turn of a job, which has no other one. May be dropped at any instant.
    pub(crate) async fn take(&self, namespace: &str, job: JobAge) -> Turn {
        let (sender, given) = oneshot::channel();
        let turn = Turn { turns: self.clone(), namespace: namespace.to_owned(), job };
        {
            let mut turns = self.0.lock();
            turns.namespaces.entry(turn.namespace.clone()).or_default().waiting.insert(job, sender);
            turns.give();
        }
        // The sender is kept until it has sent.
        let _ = given.await;
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().end(&self.namespace, &self.job);
    }
}

impl Turns {
    /// Gives all turns that are free.
    fn give(&mut self) {
        while self.free > 0 {
            let next = self.namespaces.values_mut().filter(|namespace| !namespace.waiting.is_empty());
            let order = |namespace: &&mut NamespaceTurns| {
                (namespace.running, namespace.latest, namespace.waiting.keys().next().copied())
            };
            let Some(namespace) = next.min_by_key(order) else { return };
            let Some((_, job)) = namespace.waiting.pop_first() else { return };
            self.given += 1;
            namespace.latest = self.given;
            namespace.running += 1;
            self.free -= 1;
            // A job that stopped waiting has not dropped its turn yet; then that is given up.
            let _ = job.send(());
        }
    }

    fn end(&mut self, name: &str, job: &JobAge) {
        let Some(namespace) = self.namespaces.get_mut(name) else { return };
        if namespace.waiting.remove(job).is_none() {
            namespace.running -= 1;
            self.free += 1;
        }
        self.give();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use futures_util::future::{BoxFuture, FutureExt};
    use uuid::Uuid;

    use super::*;

    /// A job that seeds chunk after chunk.
    struct Seeder {
        name: &'static str,
        namespace: &'static str,
        age: JobAge,
        turn: Option<Turn>,
        asked: Option<BoxFuture<'static, Turn>>,
    }

    impl Seeder {
        fn new(name: &'static str, namespace: &'static str, created: u64) -> Self {
            let age = (SystemTime::UNIX_EPOCH + Duration::from_secs(created), Uuid::from_u128(created.into()));
            Self { name, namespace, age, turn: None, asked: None }
        }

        fn ask(&mut self, turns: &SeedingTurns) {
            let (turns, namespace, age) = (turns.clone(), self.namespace, self.age);
            self.asked = Some(async move { turns.take(namespace, age).await }.boxed());
            self.poll();
        }

        fn poll(&mut self) {
            if let Some(turn) = self.asked.as_mut().and_then(|asked| asked.now_or_never()) {
                (self.turn, self.asked) = (Some(turn), None);
            }
        }
    }

    /// Lets all of them seed with `limit` turns, and returns who ended a step, in this order.
    fn seed(limit: usize, seeders: &mut [Seeder], steps: usize) -> Vec<&'static str> {
        let turns = SeedingTurns::new(limit);
        seeders.iter_mut().for_each(|seeder| seeder.ask(&turns));
        let mut ended = Vec::new();
        while ended.len() < steps {
            // The one whose turn began first ends its step.
            let first = (0..seeders.len()).filter(|at| seeders[*at].turn.is_some());
            let first = first.min_by_key(|at| ended.iter().filter(|name| **name == seeders[*at].name).count());
            let first = &mut seeders[first.unwrap()];
            ended.push(first.name);
            first.turn = None;
            first.ask(&turns);
            seeders.iter_mut().for_each(Seeder::poll);
        }
        ended
    }

    #[test]
    fn namespaces_take_turns_however_many_jobs_each_of_them_has() {
        let mut seeders = [
            Seeder::new("a1", "a", 1),
            Seeder::new("a2", "a", 2),
            Seeder::new("a3", "a", 3),
            Seeder::new("b1", "b", 4),
            Seeder::new("c1", "c", 5),
        ];
        assert_eq!(seed(1, &mut seeders, 7), ["a1", "b1", "c1", "a1", "b1", "c1", "a1"]);
    }

    #[test]
    fn more_namespaces_than_turns_are_all_served() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let mut seeders: Vec<_> = (1..).zip(names).map(|(age, name)| Seeder::new(name, name, age)).collect();
        let ended = seed(4, &mut seeders, 70);
        for name in names {
            let steps = ended.iter().filter(|ended| **ended == name).count();
            assert!((9..=11).contains(&steps), "{name} had {steps} of 70 turns: {ended:?}");
        }
    }

    #[test]
    fn within_a_namespace_the_oldest_jobs_seed_first() {
        let mut seeders = [Seeder::new("young", "a", 9), Seeder::new("old", "a", 1), Seeder::new("older", "a", 0)];
        let turns = SeedingTurns::new(1);
        let other = turns.take("b", (SystemTime::UNIX_EPOCH, Uuid::nil())).now_or_never().unwrap();
        seeders.iter_mut().for_each(|seeder| seeder.ask(&turns));
        let with_turn = |seeders: &mut [Seeder]| {
            seeders.iter_mut().for_each(Seeder::poll);
            seeders.iter().filter(|seeder| seeder.turn.is_some()).map(|seeder| seeder.name).collect::<Vec<_>>()
        };
        assert_eq!(with_turn(&mut seeders), Vec::<&str>::new());
        drop(other);
        assert_eq!(with_turn(&mut seeders), ["older"]);
        seeders[2].turn = None;
        assert_eq!(with_turn(&mut seeders), ["old"]);
    }

    #[test]
    fn no_turn_is_lost_with_a_job_that_stops_waiting() {
        let turns = SeedingTurns::new(1);
        let mut jobs = [Seeder::new("first", "a", 1), Seeder::new("second", "a", 2), Seeder::new("third", "b", 3)];
        jobs.iter_mut().for_each(|job| job.ask(&turns));
        // One gives up while it waits, one after its turn was given and before it noticed.
        jobs[2].asked = None;
        jobs[0].turn = None;
        jobs[1].asked = None;
        assert_eq!(turns.0.lock().free, 1);
        assert!(turns.take("c", jobs[0].age).now_or_never().is_some(), "a turn was lost");
    }
}
