//! Records a second, and the time that is left.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use indicatif::HumanCount;

/// Length of the window over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(20);
/// No rate is told of a shorter time.
const MIN_WINDOW: Duration = Duration::from_secs(1);
/// Without a change for longer than this the rate falls.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Measures records a second. Work is done in batches, so the rate is measured between moments at which the number grew.
#[derive(Default)]
pub(crate) struct RateMeter {
    grown: VecDeque<(Instant, u64)>,
}

impl RateMeter {
    /// The rate once `done` records are done at `now`. `None` while it is unknown, or below one a second.
    pub(crate) fn update(&mut self, now: Instant, done: u64) -> Option<u64> {
        if self.grown.back().is_some_and(|(_, before)| *before > done) {
            // A new stage counts from the beginning.
            self.grown.clear();
        }
        if self.grown.back().is_none_or(|(_, before)| *before < done) {
            self.grown.push_back((now, done));
        }
        while self.grown.len() > 2 && self.grown.front().is_some_and(|(then, _)| now - *then > WINDOW) {
            self.grown.pop_front();
        }
        let ((then, before), (last, after)) = (*self.grown.front()?, *self.grown.back()?);
        let until = if now - last > STALL_TIMEOUT { now } else { last };
        let passed = until - then;
        let rate = (after - before) as f64 / passed.as_secs_f64();
        (passed >= MIN_WINDOW && rate >= 1.0).then_some(rate as u64)
    }
}

/// A stage with its rate and the time that is left, as far as they are known. Without a total the words say how much is done.
pub(crate) fn with_rate(stage: &str, done: u64, total: u64, rate: Option<u64>) -> String {
    let mut words = stage.to_owned();
    if total == 0 {
        words.push_str(&format!(" {} records", HumanCount(done)));
    }
    if let Some(rate) = rate {
        words.push_str(&format!(" {}/s", HumanCount(rate)));
        let seconds = total.saturating_sub(done) / rate.max(1);
        if seconds > 0 {
            words.push_str(&format!(", {} left", humantime::format_duration(Duration::from_secs(seconds))));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_come_in_jumps_give_a_steady_rate() {
        let (start, mut rate) = (Instant::now(), RateMeter::default());
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
    fn a_stalled_stage_has_a_falling_rate_and_a_new_one_has_none() {
        let (start, mut rate) = (Instant::now(), RateMeter::default());
        for second in 0..=10 {
            rate.update(start + Duration::from_secs(second), second * 100);
        }
        assert_eq!(rate.update(start + Duration::from_secs(12), 1000), Some(100));
        let later = rate.update(start + Duration::from_secs(20), 1000);
        assert!(later.is_some_and(|later| later < 60), "{later:?}");
        assert_eq!(rate.update(start + Duration::from_secs(21), 5), None);
        assert_eq!(rate.update(start + Duration::from_secs(7221), 5), None);
    }

    #[test]
    fn a_rate_and_the_time_left_are_told_as_far_as_they_are_known() {
        let cases = [
            ((0, 100, None), "default/job: signing"),
            ((10, 100, Some(30)), "default/job: signing 30/s, 3s left"),
            ((10, 100_000, Some(1_000)), "default/job: signing 1,000/s, 1m 39s left"),
            // Less than a second is not told.
            ((90, 100, Some(30)), "default/job: signing 30/s"),
            ((100, 100, Some(30)), "default/job: signing 30/s"),
            // Without a total nothing is left that could be told.
            ((1_234, 0, None), "default/job: signing 1,234 records"),
            ((1_234, 0, Some(30)), "default/job: signing 1,234 records 30/s"),
        ];
        for ((done, total, rate), words) in cases {
            assert_eq!(with_rate("default/job: signing", done, total, rate), words);
        }
    }
}
