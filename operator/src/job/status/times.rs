//! Times as the API stores them: in whole seconds.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A point in time, rounded down.
pub(super) fn whole_seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

/// A time of the ledger, rounded down.
pub(super) fn from_system(at: std::time::SystemTime) -> Time {
    let seconds = at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default())
}

/// An estimate that differs from the old one by less than a tenth of the time left keeps the old value. Otherwise it would
/// change each time it is computed.
pub(super) fn steady(old: Option<&Time>, new: Timestamp, now: Timestamp) -> Time {
    let seconds = |from: Timestamp, to: Timestamp| (to.as_second() - from.as_second()).unsigned_abs();
    match old {
        Some(Time(old)) if seconds(*old, new) * 10 <= seconds(now, new) => Time(*old),
        _ => whole_seconds(new),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn times_are_rounded_down_to_whole_seconds() {
        assert_eq!(whole_seconds(Timestamp::from_millisecond(1_999).unwrap()), Time(at(1)));
        assert_eq!(from_system(UNIX_EPOCH + Duration::from_millis(1_999)), Time(at(1)));
    }

    #[test]
    fn an_estimate_moves_only_by_more_than_a_tenth_of_the_time_left() {
        let old = Time(at(1_100));
        assert_eq!(steady(None, at(1_105), at(1_000)), Time(at(1_105)));
        assert_eq!(steady(Some(&old), at(1_110), at(1_000)), old, "ten seconds of 110");
        assert_eq!(steady(Some(&old), at(1_090), at(1_000)), Time(at(1_090)), "ten seconds of 90");
        assert_eq!(steady(Some(&old), at(1_120), at(1_000)), Time(at(1_120)), "20 seconds of 120");
    }
}
