//! How fast a job's records are signed, by all its workers and by one. Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The total rate is measured over this long.
const TOTAL_WINDOW: Duration = Duration::from_secs(10);
/// The rate of one worker is measured over this long.
const WORKER_WINDOW: Duration = Duration::from_secs(30);
/// The least time of workers, added up, from which the rate of one is computed.
const WORKER_TIME_MINIMUM: Duration = Duration::from_secs(10);

/// The number of records signed so far, and of workers that were ready.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) signed: i64,
    pub(super) workers: u32,
}

/// A job's samples of the last [`WORKER_WINDOW`].
#[derive(Default)]
pub(super) struct Throughput(VecDeque<Sample>);

impl Throughput {
    /// Adds a sample, and removes those that are too old.
    pub(super) fn record(&mut self, sample: Sample) {
        self.0.push_back(sample);
        while self.0.len() > 2 && self.0.front().is_some_and(|first| sample.at - first.at > WORKER_WINDOW) {
            self.0.pop_front();
        }
    }

    /// Records a second of all workers together, over the last [`TOTAL_WINDOW`]; `None` with less than half a second of
    /// samples.
    pub(super) fn total_rate(&self, now: Instant) -> Option<u64> {
        let mut samples = self.0.iter().rev().take_while(|sample| now - sample.at <= TOTAL_WINDOW);
        let last = samples.next()?;
        let first = samples.last()?;
        let seconds = (last.at - first.at).as_secs_f64();
        (seconds >= 0.5).then(|| ((last.signed - first.signed).max(0) as f64 / seconds).round() as u64)
    }

    /// Records a second of one worker; `None` before workers have run for [`WORKER_TIME_MINIMUM`] in total. Time without
    /// workers does not count. Commits come in lumps, so a rate from the first seconds would ask for far too many workers.
    pub(super) fn per_worker(&self) -> Option<f64> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let spans = self.0.iter().zip(self.0.iter().skip(1));
        let worked: f64 = spans.map(|(one, next)| (next.at - one.at).as_secs_f64() * f64::from(one.workers)).sum();
        (worked >= WORKER_TIME_MINIMUM.as_secs_f64()).then(|| (last.signed - first.signed).max(0) as f64 / worked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_measured_over_the_last_seconds_and_never_from_one_sample() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut throughput = Throughput::default();
        let mut sample = |seconds, signed| {
            throughput.record(Sample { at: at(seconds), signed, workers: 2 });
            throughput.total_rate(at(seconds))
        };
        assert_eq!(sample(0, 500), None);
        assert_eq!(sample(2, 700), Some(100));
        assert_eq!(sample(11, 700), Some(0), "what is older than the window does not count");
    }

    #[test]
    fn the_rate_of_a_worker_is_measured_only_while_there_are_workers_and_not_from_the_first_seconds() {
        let start = Instant::now();
        let mut throughput = Throughput::default();
        let mut sample = |seconds, signed, workers| {
            throughput.record(Sample { at: start + Duration::from_secs(seconds), signed, workers });
            throughput.per_worker()
        };
        assert_eq!(sample(0, 0, 0), None);
        assert_eq!(sample(8, 0, 1), None, "no worker has run for long enough");
        assert_eq!(sample(12, 100, 1), None, "too early to tell");
        assert_eq!(sample(18, 300, 2), Some(30.0));
        assert_eq!(sample(23, 600, 2), Some(30.0), "two workers for five seconds are ten of one");
    }
}
