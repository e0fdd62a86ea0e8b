//! How many workers a backlog needs. Pure, and the same for every scaler.

use std::time::Duration;

use vaultstream_api::SigningJobSpec;

use crate::scaling::lateness::Lateness;

/// What is known of a job that signs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Workload {
    /// Records neither signed nor rejected.
    pub(crate) backlog: u64,
    /// Records a second that one worker signs; `None` before it was measured.
    pub(crate) rate_per_worker: Option<f64>,
    /// Time left until `autoscaling.targetDrain` is over; `None` without one.
    pub(crate) time_left: Option<Duration>,
    /// It follows its table.
    pub(crate) follows: bool,
    /// How late it is, if it has a target for that.
    pub(crate) lateness: Option<Lateness>,
}

/// Workers wanted: backlog / targetBacklog, or with targetDrain as many as the measured rate needs to be done in time. Within
/// minReplicas and maxReplicas, and zero without a backlog. A job that follows its table has one at least, which reads what arrives, and
/// more while its lag is above targetLag.
pub(crate) fn desired_workers(spec: &SigningJobSpec, workload: &Workload) -> u32 {
    if workload.backlog == 0 && !workload.follows {
        return 0;
    }
    let wanted = match (workload.time_left, workload.rate_per_worker) {
        (Some(left), Some(rate)) if rate > 0.0 => {
            let one_worker_signs = (rate * left.as_secs_f64()).max(f64::MIN_POSITIVE);
            // Without time left it is the maximum: the cast saturates.
            (workload.backlog as f64 / one_worker_signs).ceil() as u64
        }
        _ => workload.backlog.div_ceil(spec.autoscaling.target_backlog.max(1)),
    };
    let wanted = wanted.max(workload.lateness.map_or(0, |lateness| lateness.workers_wanted()));
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    wanted.clamp(spec.workers.min_replicas.max(1), spec.workers.max_replicas.max(1))
}

#[cfg(test)]
mod tests {
    use vaultstream_api::{GenerateSource, Source};

    use super::*;

    fn spec() -> SigningJobSpec {
        let mut spec = SigningJobSpec::new(Source::Generate(GenerateSource { records: 1, payload_bytes: 32 }));
        spec.workers.max_replicas = 10;
        spec.autoscaling.target_backlog = 1000;
        spec
    }

    fn load(backlog: u64, rate_per_worker: Option<f64>, seconds: Option<u64>) -> Workload {
        let time_left = seconds.map(Duration::from_secs);
        Workload { backlog, rate_per_worker, time_left, follows: false, lateness: None }
    }

    #[test]
    fn the_backlog_decides_within_the_limits() {
        let mut spec = spec();
        for (backlog, wanted) in [(0, 0), (1, 1), (1000, 1), (1001, 2), (9999, 10), (u64::MAX, 10)] {
            assert_eq!(desired_workers(&spec, &load(backlog, Some(5.0), None)), wanted, "{backlog}");
        }
        spec.workers.min_replicas = 3;
        assert_eq!(desired_workers(&spec, &load(1, None, None)), 3);
        assert_eq!(
            desired_workers(&spec, &load(0, None, None)),
            0,
            "without work there are none, whatever the minimum"
        );
    }

    #[test]
    fn a_job_that_follows_has_a_worker_without_a_backlog_and_more_while_it_is_late() {
        let mut spec = spec();
        let following = |backlog, lateness| Workload { follows: true, lateness, ..load(backlog, None, None) };
        assert_eq!(desired_workers(&spec, &following(0, None)), 1);
        assert_eq!(desired_workers(&spec, &following(3_000, None)), 3);
        let late = |seconds| {
            let (lag, target) = (Duration::from_secs(seconds), Duration::from_secs(10));
            Some(Lateness { lag, target, workers: 2, batches: 100 })
        };
        assert_eq!(desired_workers(&spec, &following(3_000, late(25))), 5, "for the lag");
        assert_eq!(desired_workers(&spec, &following(7_000, late(25))), 7, "for the backlog");
        assert_eq!(desired_workers(&spec, &following(3_000, late(900))), 10, "the most that it may have");
        spec.workers.min_replicas = 3;
        assert_eq!(desired_workers(&spec, &following(0, None)), 3);
    }

    #[test]
    fn a_deadline_decides_once_the_rate_is_known() {
        let spec = spec();
        assert_eq!(desired_workers(&spec, &load(10_000, Some(100.0), Some(50))), 2);
        assert_eq!(desired_workers(&spec, &load(10_001, Some(100.0), Some(50))), 3);
        assert_eq!(desired_workers(&spec, &load(10_000, Some(100.0), Some(0))), 10, "no time is left");
        assert_eq!(desired_workers(&spec, &load(3_000, None, Some(50))), 3, "no rate was measured");
        assert_eq!(desired_workers(&spec, &load(3_000, Some(0.0), Some(50))), 3, "nothing was signed yet");
    }
}
