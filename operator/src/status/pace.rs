//! When figures may be written: each job's every two seconds at most, those of all jobs 20 times a second, in the order in which
//! they asked. News, such as phases, are written at once, and figures make way for them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use uuid::Uuid;

/// From one write of a job's figures to the next.
const PATIENCE: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);
/// Writes of figures a second, of all jobs together.
const MOST_A_SECOND: u32 = 20;

/// Who wrote when, and whose turn is when.
#[derive(Default)]
pub(super) struct Pace {
    written: HashMap<Uuid, Instant>,
    /// Of those that wait. Without turns of their own they would all ask again at the same moment, and 20 of them get through.
    turns: HashMap<Uuid, Instant>,
    /// The next turn that is free.
    next: Option<Instant>,
}

impl Pace {
    /// Whether this job's figures may be written now; otherwise how long to wait before asking again.
    pub(super) fn turn(&mut self, uid: Uuid, now: Instant) -> Result<(), Duration> {
        if let Some(rested) = self.written.get(&uid).map(|at| now - *at).filter(|rested| *rested < PATIENCE) {
            return Err(PATIENCE - rested);
        }
        let due = self.turns.get(&uid).copied();
        if let Some(turn) = due.filter(|turn| *turn > now) {
            return Err(turn - now);
        }
        let free = self.next.map_or(now, |next| next.max(now));
        let turn = match due {
            _ if self.is_busy(now) => free.max(now + SECOND),
            Some(_) => now,
            None => free,
        };
        if due.is_none() || turn > now {
            self.next = Some(turn + SECOND / MOST_A_SECOND);
        }
        if turn > now {
            self.turns.insert(uid, turn);
            return Err(turn - now);
        }
        Ok(())
    }

    /// It is written now.
    pub(super) fn note(&mut self, uid: Uuid, now: Instant) {
        self.turns.remove(&uid);
        self.written.insert(uid, now);
    }

    /// The job is gone.
    pub(super) fn forget(&mut self, uid: Uuid) {
        self.turns.remove(&uid);
        self.written.remove(&uid);
    }

    /// More is written than figures alone could be.
    fn is_busy(&self, now: Instant) -> bool {
        self.written.values().filter(|at| now - **at < SECOND).count() > MOST_A_SECOND as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u32) -> Uuid {
        Uuid::from_u128(number.into())
    }

    /// Asks for each of `waiting` when it was told to, until all are written; returns when each was, since `start`.
    fn drain(pace: &mut Pace, start: Instant, waiting: u32) -> Vec<Duration> {
        let mut asks: Vec<(Instant, u32)> = (0..waiting).map(|number| (start, number)).collect();
        let mut written = Vec::new();
        while let Some(first) = asks.iter().min().copied() {
            asks.retain(|ask| *ask != first);
            let (now, number) = first;
            match pace.turn(job(number), now) {
                Ok(()) => {
                    pace.note(job(number), now);
                    written.push(now - start);
                }
                Err(wait) => asks.push((now + wait, number)),
            }
            assert!(written.len() as u32 + asks.len() as u32 == waiting);
        }
        written
    }

    #[test]
    fn figures_that_wait_at_once_are_written_in_turn_and_no_faster_than_20_a_second() {
        let written = drain(&mut Pace::default(), Instant::now(), 200);
        assert!(written.iter().max().unwrap() <= &Duration::from_secs(10), "{written:?}");
        for second in 0..10 {
            let in_it = written.iter().filter(|at| at.as_secs() == second).count();
            assert!(in_it <= 20, "{in_it} in second {second}");
        }
    }

    #[test]
    fn one_job_writes_every_two_seconds_at_most() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.turn(job(1), start), Ok(()));
        pace.note(job(1), start);
        let wait = pace.turn(job(1), start + SECOND).unwrap_err();
        assert_eq!(wait, SECOND);
        assert_eq!(pace.turn(job(1), start + SECOND + wait), Ok(()));
    }

    #[test]
    fn figures_make_way_for_news_and_come_after_them() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        (100..130).for_each(|number| pace.note(job(number), start));
        let wait = pace.turn(job(1), start).unwrap_err();
        assert!(wait >= SECOND, "{wait:?}");
        assert_eq!(pace.turn(job(1), start + wait), Ok(()));
    }
}
