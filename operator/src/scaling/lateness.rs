//! How late a job is that follows its table, and how many workers that needs. Pure, and the same for every scaler.

use std::time::Duration;

/// The number of workers is kept while the lag is between these shares of the target: a number that is computed anew each second would
/// otherwise go up and down with it.
const KEPT: (f64, f64) = (0.5, 1.1);

/// The lag of a job that has a target for it, and what could shorten it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lateness {
    /// How old the oldest row is that is not signed.
    pub(crate) lag: Duration,
    /// `autoscaling.targetLag`.
    pub(crate) target: Duration,
    /// Workers that are ready.
    pub(crate) workers: u32,
    /// Batches that are not signed.
    pub(crate) batches: u64,
}

impl Lateness {
    /// The lag, as far as workers could shorten it: while the source is away, or the last batch is tried again and again, more of them
    /// than there are batches would have nothing to do.
    pub(crate) fn counted(&self) -> Duration {
        let most = self.target.as_secs_f64() * self.batches as f64 / f64::from(self.workers.max(1));
        self.lag.min(Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX))
    }

    /// Workers wanted: as many times those that there are as the lag is longer than the target, and no more than there are batches.
    pub(crate) fn workers_wanted(&self) -> u64 {
        let ratio = self.lag.as_secs_f64() / self.target.as_secs_f64().max(f64::MIN_POSITIVE);
        let workers = self.workers.max(1);
        let is_kept = ratio > KEPT.0 && ratio <= KEPT.1;
        let wanted = if is_kept { workers.into() } else { (f64::from(workers) * ratio).ceil() as u64 };
        wanted.min(self.batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a target of ten seconds.
    fn late(seconds: u64, workers: u32, batches: u64) -> Lateness {
        Lateness { lag: Duration::from_secs(seconds), target: Duration::from_secs(10), workers, batches }
    }

    #[test]
    fn workers_are_added_as_the_lag_is_longer_than_the_target_and_removed_below_half_of_it() {
        let wanted = |seconds, workers| late(seconds, workers, 1_000).workers_wanted();
        assert_eq!([wanted(12, 1), wanted(20, 3), wanted(35, 2)], [2, 6, 7]);
        assert_eq!([wanted(6, 4), wanted(10, 4), wanted(11, 4)], [4, 4, 4], "about the target");
        assert_eq!([wanted(5, 4), wanted(2, 4), wanted(0, 4)], [2, 1, 0]);
        assert_eq!(wanted(20, 0), 2, "none is ready yet");
    }

    #[test]
    fn no_more_workers_are_wanted_than_there_are_batches() {
        assert_eq!(late(86_400, 4, 3).workers_wanted(), 3);
        assert_eq!(late(86_400, 1, 1).workers_wanted(), 1, "one batch that cannot be signed");
        assert_eq!(late(86_400, 4, 0).workers_wanted(), 0, "the source is away");
        assert_eq!(late(86_400, 4, 2).counted(), Duration::from_secs(5), "half of the target: half of the workers");
        assert_eq!(late(20, 4, 1_000).counted(), Duration::from_secs(20));
    }
}
