//! Limits how often figures are written: every two seconds for each job, and 20 times a second for all jobs, in the order in
//! which they asked. Phases and conditions are written at once, and figures give way to them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use uuid::Uuid;

/// How often the figures of one job may be written.
const JOB_WRITE_INTERVAL: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);
/// Writes of figures in a second, of all jobs together.
const WRITES_PER_SECOND_LIMIT: u32 = 20;

/// When each job's status was written last, and when each job that waits may write.
#[derive(Default)]
pub(super) struct StatusRateLimit {
    written: HashMap<Uuid, Instant>,
    /// When each job that waits may write. Without slots of their own, all would ask again at the same moment, and all but 20
    /// fail.
    slots: HashMap<Uuid, Instant>,
    /// The next free slot.
    next: Option<Instant>,
}

impl StatusRateLimit {
    /// Whether this job's figures may be written now. The error says when to ask again.
    pub(super) fn try_acquire(&mut self, uid: Uuid, now: Instant) -> Result<(), Duration> {
        if let Some(elapsed) =
            self.written.get(&uid).map(|at| now - *at).filter(|elapsed| *elapsed < JOB_WRITE_INTERVAL)
        {
            return Err(JOB_WRITE_INTERVAL - elapsed);
        }
        let due = self.slots.get(&uid).copied();
        if let Some(slot) = due.filter(|slot| *slot > now) {
            return Err(slot - now);
        }
        let free = self.next.map_or(now, |next| next.max(now));
        let slot = match due {
            _ if self.is_busy(now) => free.max(now + SECOND),
            Some(_) => now,
            None => free,
        };
        if due.is_none() || slot > now {
            self.next = Some(slot + SECOND / WRITES_PER_SECOND_LIMIT);
        }
        if slot > now {
            self.slots.insert(uid, slot);
            return Err(slot - now);
        }
        Ok(())
    }

    /// The status is written now.
    pub(super) fn record(&mut self, uid: Uuid, now: Instant) {
        self.slots.remove(&uid);
        self.written.insert(uid, now);
    }

    /// The job is gone.
    pub(super) fn forget(&mut self, uid: Uuid) {
        self.slots.remove(&uid);
        self.written.remove(&uid);
    }

    /// Whether more is written than figures alone could be.
    fn is_busy(&self, now: Instant) -> bool {
        self.written.values().filter(|at| now - **at < SECOND).count() > WRITES_PER_SECOND_LIMIT as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u32) -> Uuid {
        Uuid::from_u128(number.into())
    }

    /// Lets each of `waiting` jobs ask again after each delay, until all are written. Returns when each was, since `start`.
    fn drain(limit: &mut StatusRateLimit, start: Instant, waiting: u32) -> Vec<Duration> {
        let mut asks: Vec<(Instant, u32)> = (0..waiting).map(|number| (start, number)).collect();
        let mut written = Vec::new();
        while let Some(first) = asks.iter().min().copied() {
            asks.retain(|ask| *ask != first);
            let (now, number) = first;
            match limit.try_acquire(job(number), now) {
                Ok(()) => {
                    limit.record(job(number), now);
                    written.push(now - start);
                }
                Err(wait) => asks.push((now + wait, number)),
            }
            assert!(written.len() as u32 + asks.len() as u32 == waiting);
        }
        written
    }

    #[test]
    fn figures_that_wait_together_are_written_in_order_at_no_more_than_20_a_second() {
        let written = drain(&mut StatusRateLimit::default(), Instant::now(), 200);
        assert!(written.iter().max().unwrap() <= &Duration::from_secs(10), "{written:?}");
        for second in 0..10 {
            let in_it = written.iter().filter(|at| at.as_secs() == second).count();
            assert!(in_it <= 20, "{in_it} in second {second}");
        }
    }

    #[test]
    fn the_figures_of_one_job_are_written_no_more_than_every_two_seconds() {
        let (mut limit, start) = (StatusRateLimit::default(), Instant::now());
        assert_eq!(limit.try_acquire(job(1), start), Ok(()));
        limit.record(job(1), start);
        let wait = limit.try_acquire(job(1), start + SECOND).unwrap_err();
        assert_eq!(wait, SECOND);
        assert_eq!(limit.try_acquire(job(1), start + SECOND + wait), Ok(()));
    }

    #[test]
    fn figures_give_way_to_phases_and_are_written_after_them() {
        let (mut limit, start) = (StatusRateLimit::default(), Instant::now());
        (100..130).for_each(|number| limit.record(job(number), start));
        let wait = limit.try_acquire(job(1), start).unwrap_err();
        assert!(wait >= SECOND, "{wait:?}");
        assert_eq!(limit.try_acquire(job(1), start + wait), Ok(()));
    }

    const SLOT: Duration = Duration::from_millis(50);

    #[test]
    fn a_job_that_comes_later_waits_behind_those_that_wait() {
        let (mut limit, start) = (StatusRateLimit::default(), Instant::now());
        let waits: Vec<_> = (0..10).map(|number| limit.try_acquire(job(number), start)).collect();
        assert_eq!((waits[0], waits[1], waits[9]), (Ok(()), Err(SLOT), Err(9 * SLOT)));
        let now = start + SLOT;
        assert_eq!(limit.try_acquire(job(1), now), Ok(()));
        assert_eq!(limit.try_acquire(job(10), now), Err(9 * SLOT), "the tenth slot is the next free one");
        assert_eq!(limit.try_acquire(job(2), now), Err(SLOT), "it keeps its slot");
    }

    #[test]
    fn jobs_that_give_way_wait_for_slots_of_their_own() {
        let (mut limit, start) = (StatusRateLimit::default(), Instant::now());
        assert_eq!([1, 2].map(|number| limit.try_acquire(job(number), start)), [Ok(()), Err(SLOT)]);
        let now = start + SLOT;
        (100..130).for_each(|number| limit.record(job(number), now));
        let waits = [2, 3].map(|number| limit.try_acquire(job(number), now));
        assert_eq!(waits, [Err(SECOND), Err(SECOND + SLOT)]);
    }

    #[test]
    fn only_more_writes_than_figures_may_have_in_a_second_are_busy() {
        let (mut limit, start) = (StatusRateLimit::default(), Instant::now());
        (0..WRITES_PER_SECOND_LIMIT).for_each(|number| limit.record(job(number), start));
        assert!(!limit.is_busy(start));
        limit.record(job(WRITES_PER_SECOND_LIMIT), start);
        assert!(limit.is_busy(start) && limit.is_busy(start + SECOND - SLOT) && !limit.is_busy(start + SECOND));
    }

    #[test]
    fn a_job_that_is_gone_is_forgotten() {
        let (mut limit, now) = (StatusRateLimit::default(), Instant::now());
        limit.record(job(1), now);
        limit.forget(job(1));
        assert_eq!(limit.try_acquire(job(1), now), Ok(()));
    }
}
