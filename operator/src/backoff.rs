//! Delays that grow while something fails.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use uuid::Uuid;
use vaultstream_streams::Backoff;

/// The delay of each object's next retry, by its consecutive failures.
#[derive(Default)]
pub(crate) struct RetryDelays(Mutex<HashMap<Uuid, u32>>);

impl RetryDelays {
    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));

    /// Counts a failure, and returns the delay before the next attempt.
    pub(crate) fn after_failure(&self, uid: Uuid) -> Duration {
        let mut failures = self.0.lock();
        let count = failures.entry(uid).or_default();
        *count = count.saturating_add(1);
        Self::BACKOFF.ceiling(*count)
    }

    /// Forgets the failures of an object: it succeeded, or is gone.
    pub(crate) fn clear(&self, uid: Uuid) {
        self.0.lock().remove(&uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit_and_begin_anew_after_a_success() {
        let (delays, uid) = (RetryDelays::default(), Uuid::nil());
        let next = || delays.after_failure(uid).as_millis();
        assert_eq!([next(), next(), next()], [1_000, 2_000, 4_000]);
        (0..60).for_each(|_| _ = next());
        assert_eq!(next(), 60_000);
        assert_eq!(delays.after_failure(Uuid::max()).as_millis(), 1_000, "another object has delays of its own");
        delays.clear(uid);
        assert_eq!(next(), 1_000);
    }
}
