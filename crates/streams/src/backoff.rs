//! The delay before a retry: exponential, with full jitter, so that callers that failed together do not retry together.

use rand::{Rng, RngExt};
use std::time::Duration;

/// A random delay from zero up to `initial` × 2^`attempt`, at most `max`. `attempt` counts from 0.
pub fn backoff<R: Rng + ?Sized>(initial: Duration, max: Duration, attempt: u32, rng: &mut R) -> Duration {
    ceiling(initial, max, attempt).mul_f64(rng.random_range(0.0..=1.0))
}

/// [`backoff`] that never returns less than half of its ceiling: for loops of our own, which must not spin.
pub(crate) fn pause(initial: Duration, max: Duration, attempt: u32) -> Duration {
    let ceiling = ceiling(initial, max, attempt);
    ceiling / 2 + (ceiling / 2).mul_f64(rand::rng().random_range(0.0..=1.0))
}

fn ceiling(initial: Duration, max: Duration, attempt: u32) -> Duration {
    initial.checked_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX)).unwrap_or(max).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_delay_stays_below_its_ceiling_and_fills_it() {
        let seed: u64 = rand::rng().random();
        println!("seed {seed}");
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let (initial, max) = (Duration::from_millis(200), Duration::from_secs(30));
        for attempt in [0, 1, 5, 7, 8, 31, 32, 1000] {
            let ceiling = initial.as_secs_f64() * 2f64.powi(attempt.min(60) as i32);
            let ceiling = Duration::from_secs_f64(ceiling.min(max.as_secs_f64()));
            let seen: Vec<_> = (0..1000).map(|_| backoff(initial, max, attempt, &mut rng)).collect();
            assert!(seen.iter().all(|delay| *delay <= ceiling), "attempt {attempt}");
            assert!(seen.iter().any(|delay| *delay < ceiling / 10), "attempt {attempt}");
            assert!(seen.iter().any(|delay| *delay > ceiling * 9 / 10), "attempt {attempt}");
        }
    }
}
