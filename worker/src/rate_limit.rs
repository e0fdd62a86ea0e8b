//! The per-worker rate limit, `spec.workers.maxRecordsPerSecond`: units wait for their turn, records are never dropped.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

/// Spaces units so that their records stay at or below a rate.
pub(crate) struct RateLimit {
    seconds_per_record: Option<f64>,
    free_at: Mutex<Instant>,
}

impl RateLimit {
    /// At most `rate` records a second; without one, no limit.
    pub(crate) fn new(rate: Option<u32>) -> Self {
        Self {
            seconds_per_record: rate.filter(|rate| *rate > 0).map(|rate| 1.0 / f64::from(rate)),
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// Waits until a unit of `records` records may proceed; the next one then waits for this one's time.
    pub(crate) async fn wait(&self, records: usize) {
        let Some(seconds_per_record) = self.seconds_per_record else { return };
        let start = {
            let mut free_at = self.free_at.lock().await;
            let start = (*free_at).max(Instant::now());
            *free_at = start + Duration::from_secs_f64(records as f64 * seconds_per_record);
            start
        };
        tokio::time::sleep_until(start).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn units_stay_below_the_rate() {
        let limit = RateLimit::new(Some(1000));
        let start = Instant::now();
        for _ in 0..11 {
            limit.wait(500).await;
        }
        assert_eq!(start.elapsed().as_millis() / 10, 500, "10 units of 500 before the last one, at 1000/s");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_no_unit_waits() {
        let start = Instant::now();
        RateLimit::new(None).wait(1_000_000).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
