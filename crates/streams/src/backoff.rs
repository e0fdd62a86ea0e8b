//! The delay before a retry: exponential, with full jitter, so that callers that failed together do not retry together.

use rand::{Rng, RngExt};
use std::time::Duration;

/// Delays that double from `initial` up to `max`. Attempts count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

impl Backoff {
    /// `initial` × 2^attempt, `max` at most.
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The longest delay before the retry that follows `attempt`.
    pub fn ceiling(self, attempt: u32) -> Duration {
        let factor = 1u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.initial.checked_mul(factor).unwrap_or(self.max).min(self.max)
    }

    /// A random delay from zero up to the ceiling (full jitter).
    pub fn jittered<R: Rng + ?Sized>(self, attempt: u32, rng: &mut R) -> Duration {
        self.ceiling(attempt).mul_f64(rng.random_range(0.0..=1.0))
    }

    /// A random delay from half of the ceiling: for loops of our own, which must not spin.
    pub fn at_least_half(self, attempt: u32) -> Duration {
        let half = self.ceiling(attempt) / 2;
        half + half.mul_f64(rand::rng().random_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

    fn ceiling(attempt: u32) -> Duration {
        Duration::from_secs_f64((0.2 * 2f64.powi(attempt.min(60) as i32)).min(30.0))
    }

    #[test]
    fn the_ceiling_doubles_up_to_its_limit() {
        for attempt in [0, 1, 5, 7, 8, 31, 32, 1000] {
            assert_eq!(BACKOFF.ceiling(attempt), ceiling(attempt), "attempt {attempt}");
        }
    }

    #[test]
    fn the_delay_stays_below_its_ceiling_and_fills_it() {
        let seed: u64 = rand::rng().random();
        println!("seed {seed}");
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        for attempt in [0, 1, 5, 7, 8, 31, 32, 1000] {
            let ceiling = ceiling(attempt);
            let seen: Vec<_> = (0..1000).map(|_| BACKOFF.jittered(attempt, &mut rng)).collect();
            assert!(seen.iter().all(|delay| *delay <= ceiling), "attempt {attempt}");
            assert!(seen.iter().any(|delay| *delay < ceiling / 10), "attempt {attempt}");
            assert!(seen.iter().any(|delay| *delay > ceiling * 9 / 10), "attempt {attempt}");
        }
    }

    #[test]
    fn a_loop_never_waits_less_than_half_of_the_ceiling() {
        let seen: Vec<_> = (0..1000).map(|_| BACKOFF.at_least_half(3)).collect();
        assert!(seen.iter().all(|delay| (ceiling(3) / 2..=ceiling(3)).contains(delay)));
        assert!(seen.iter().any(|delay| *delay < ceiling(3) * 6 / 10));
        assert!(seen.iter().any(|delay| *delay > ceiling(3) * 9 / 10));
    }
}
