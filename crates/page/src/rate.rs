//! How fast a job goes: from what was done between readings.

use std::{collections::VecDeque, time::SystemTime};

/// How far back a rate looks.
const WINDOW_SECONDS: f64 = 30.0;
/// A shorter time says little.
const LEAST_SECONDS: f64 = 1.5;
/// Readings that are kept: one in about two seconds.
const SPACING_SECONDS: f64 = 1.9;

/// Readings of what was done.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    readings: VecDeque<(SystemTime, i64)>,
}

impl Rate {
    /// Takes a reading. Returns the records a second, once that is known.
    pub(crate) fn take(&mut self, at: SystemTime, done: i64) -> Option<f64> {
        // Another ledger in its place, or rejects that are tried again.
        if self.readings.back().is_some_and(|(before, counted)| *before > at || *counted > done) {
            self.readings.clear();
        }
        while self.readings.get(1).is_some_and(|(next, _)| age(*next, at) >= WINDOW_SECONDS) {
            self.readings.pop_front();
        }
        let rate = self.readings.front().and_then(|(begun, counted)| {
            let seconds = age(*begun, at);
            (seconds >= LEAST_SECONDS).then(|| (done - counted) as f64 / seconds)
        });
        if self.readings.back().is_none_or(|(last, _)| age(*last, at) >= SPACING_SECONDS) {
            self.readings.push_back((at, done));
        }
        rate
    }
}

fn age(earlier: SystemTime, later: SystemTime) -> f64 {
    later.duration_since(earlier).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(1_000.0 + seconds)
    }

    #[test]
    fn a_rate_is_of_the_last_half_minute_and_needs_two_readings() {
        let mut rate = Rate::default();
        assert_eq!(rate.take(at(0.0), 0), None);
        assert_eq!(rate.take(at(1.0), 100), None);
        assert_eq!(rate.take(at(2.0), 200), Some(100.0));
        for second in 3..=100 {
            rate.take(at(f64::from(second)), 200);
        }
        assert_eq!(rate.take(at(101.0), 200), Some(0.0));
        assert!(rate.readings.len() < 20, "{}", rate.readings.len());
    }

    #[test]
    fn what_goes_backwards_begins_anew() {
        let mut rate = Rate::default();
        rate.take(at(0.0), 1_000);
        assert_eq!(rate.take(at(5.0), 10), None);
        assert_eq!(rate.take(at(10.0), 60), Some(10.0));
        assert_eq!(rate.take(at(3.0), 100), None);
    }
}
