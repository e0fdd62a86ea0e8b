//! The memory that units may hold, whatever the size of the job.
//!
//! A unit takes its share before its payloads are read and gives it back when it is dropped. Payloads are hashed as they
//! stream, so a record costs its digest, its COPY row and its Merkle leaf, never its payload.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a record holds at most while its unit is in flight: id 8, digest 32, COPY row 130, leaf 32, signature 64, in
/// bytes, rounded up for the buffers' growth.
pub const BYTES_PER_RECORD: usize = 320;

const PERMIT_BYTES: usize = 1024;

/// A budget of bytes that units draw on.
#[derive(Clone)]
pub struct MemoryBudget {
    permits: Arc<Semaphore>,
    total: u32,
}

/// A unit's share; dropping it gives it back.
#[derive(Debug)]
pub struct Share(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

impl MemoryBudget {
    /// A budget of `bytes`, at least one KiB.
    pub fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self { permits: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until `records` records fit. A unit larger than the whole budget waits for all of it: it runs alone.
    pub async fn take(&self, records: usize) -> Option<Share> {
        let wanted = (records * BYTES_PER_RECORD).div_ceil(PERMIT_BYTES);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).clamp(1, self.total);
        Arc::clone(&self.permits).acquire_many_owned(wanted).await.ok().map(Share)
    }

    /// How many records fit into the whole budget.
    pub fn records(&self) -> usize {
        self.total as usize * PERMIT_BYTES / BYTES_PER_RECORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_unit_waits_until_another_gives_its_share_back() {
        let budget = MemoryBudget::new(1 << 20);
        let first = budget.take(budget.records()).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(50), budget.take(1)).await;
        assert!(waiting.is_err(), "the budget was full, yet a unit got in");
        drop(first);
        assert!(budget.take(1).await.is_some());
    }

    #[tokio::test]
    async fn a_unit_larger_than_the_budget_runs_alone() {
        let budget = MemoryBudget::new(1 << 20);
        assert!(budget.take(budget.records() * 50).await.is_some());
    }
}
