//! Which batches and reconciles are recorded where the variables of OpenTelemetry say nothing.

use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

/// The share that is recorded unless `OTEL_TRACES_SAMPLER_ARG` gives another.
const DEFAULT: f64 = 0.01;

/// A share of all batches and reconciles, chosen by chance. Jobs do not count: each of them is recorded.
///
/// A sampler of OpenTelemetry decides, too, but only once everything about a span is put together. This costs a random number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Random numbers of 63 bits below this one choose.
    below: u64,
}

impl Share {
    /// The share that `argument` gives, if it is one.
    pub(super) fn new(argument: Option<&str>) -> Self {
        let share: f64 = argument.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT);
        Self { below: (share.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64 }
    }

    /// Whether the next one is recorded.
    pub(super) fn chooses(self) -> bool {
        u64::from_be_bytes(RandomIdGenerator::default().new_span_id().to_bytes()) >> 1 < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(argument: Option<&str>) -> usize {
        let share = Share::new(argument);
        (0..100_000).filter(|_| share.chooses()).count()
    }

    #[test]
    fn one_in_a_hundred_is_chosen_or_the_share_that_is_given() {
        for argument in [None, Some("nonsense"), Some("0.01")] {
            assert!((700..1300).contains(&chosen(argument)), "{argument:?}");
        }
        assert!((49_000..51_000).contains(&chosen(Some("0.5"))));
        for (argument, count) in [("0", 0), ("-1", 0), ("nan", 0), ("1", 100_000), ("7", 100_000)] {
            assert_eq!(chosen(Some(argument)), count, "{argument}");
        }
    }
}
