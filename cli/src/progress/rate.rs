//! Records a second, from the moments at which more of them were done.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What lies longer back does not count.
const WINDOW: Duration = Duration::from_secs(20);
/// Too short to tell a rate from.
const LEAST: Duration = Duration::from_secs(1);
/// A change that is overdue by this makes the rate sink.
const OVERDUE: Duration = Duration::from_secs(5);

/// Records a second of late. Work comes in batches: only the moments at which the number has grown are counted from.
#[derive(Default)]
pub(super) struct Rate {
    grown: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// The rate when `done` were done at `now`; none while it cannot be told, or nothing moves.
    pub(super) fn update(&mut self, now: Instant, done: u64) -> Option<u64> {
        if self.grown.back().is_some_and(|(_, before)| *before > done) {
            // Something else is counted from now on.
            self.grown.clear();
        }
        if self.grown.back().is_none_or(|(_, before)| *before < done) {
            self.grown.push_back((now, done));
        }
        while self.grown.len() > 2 && self.grown.front().is_some_and(|(then, _)| now - *then > WINDOW) {
            self.grown.pop_front();
        }
        let ((then, before), (last, after)) = (*self.grown.front()?, *self.grown.back()?);
        let until = if now - last > OVERDUE { now } else { last };
        let passed = until - then;
        let rate = (after - before) as f64 / passed.as_secs_f64();
        (passed >= LEAST && rate >= 1.0).then_some(rate as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_come_in_jumps_give_a_steady_rate() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        assert_eq!(rate.update(start, 0), None);
        // A batch of 5,000 every two seconds, looked at four times a second.
        for look in 1..=80_u64 {
            let now = start + Duration::from_millis(250 * look);
            let shown = rate.update(now, look / 8 * 5000);
            if look > 8 {
                assert_eq!(shown, Some(2500), "look {look}");
            }
        }
    }

    #[test]
    fn what_stands_still_has_a_sinking_rate_and_what_begins_anew_none() {
        let (start, mut rate) = (Instant::now(), Rate::default());
        for second in 0..=10 {
            rate.update(start + Duration::from_secs(second), second * 100);
        }
        assert_eq!(rate.update(start + Duration::from_secs(12), 1000), Some(100));
        let later = rate.update(start + Duration::from_secs(20), 1000);
        assert!(later.is_some_and(|later| later < 60), "{later:?}");
        assert_eq!(rate.update(start + Duration::from_secs(21), 5), None);
        assert_eq!(rate.update(start + Duration::from_secs(7221), 5), None);
    }
}
