//! Anchoring: timestamping authorities are asked to confirm receipts, after the end of a job and outside of its way.
//!
//! ```text
//! receipt stored ─▶ row of anchors, pending ─▶ asked ─┬─ token, checked ─▶ stored, final
//!                              ▲                      └─ failure: noted, due again later
//!                              └──────────────────────────────┘
//! ```

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use vaultstream_anchor::Tsa;
use vaultstream_ledger::{
    JobId, Ledger, QueryError,
    anchors::{self, PendingAnchor},
};
use vaultstream_program::chain;
use vaultstream_signing::Digest;
use vaultstream_streams::Backoff;

/// The delay before an authority is asked again.
const RETRY: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(15 * 60));

/// Authorities that are asked at the same time.
const CONCURRENCY: usize = 4;

/// Anchors of one round.
const ROUND_LIMIT: usize = 64;

/// Asks authorities.
#[derive(Clone)]
pub struct Anchoring {
    ledger: Ledger,
    /// The authorities of the HTTPS servers' certificates, instead of the system's.
    ca: Option<PathBuf>,
}

impl Anchoring {
    /// Anchors of this ledger. Certificates of HTTPS servers are checked with the PEM file `ca`, or with the system's authorities.
    pub fn new(ledger: Ledger, ca: Option<PathBuf>) -> Self {
        Self { ledger, ca }
    }

    /// Asks for what is due of the live jobs of a cluster, at none but the authorities `allowed`; without `namespaces` in all of them. Returns
    /// what it asked for.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn round(
        &self,
        cluster: &str,
        namespaces: &[String],
        allowed: &[String],
    ) -> Result<Vec<PendingAnchor>, QueryError> {
        let due = anchors::due(&self.ledger, (cluster, namespaces), allowed, ROUND_LIMIT).await?;
        self.ask_all(due).await
    }

    /// Asks for the anchors of one job, again and again, until all are there or `timeout` has passed. Returns how many are pending.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn anchor_job(&self, job: JobId, timeout: Duration) -> Result<usize, QueryError> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            self.ask_all(anchors::pending_of_job(&self.ledger, job).await?).await?;
            let pending = anchors::pending_of_job(&self.ledger, job).await?.len();
            let left = timeout.saturating_sub(begun.elapsed());
            if pending == 0 || left.is_zero() {
                return Ok(pending);
            }
            tokio::time::sleep(RETRY.at_least_half(attempt).min(left)).await;
            attempt += 1;
        }
    }

    async fn ask_all(&self, pending: Vec<PendingAnchor>) -> Result<Vec<PendingAnchor>, QueryError> {
        let asked = stream::iter(pending).map(|anchor| self.ask(anchor)).buffer_unordered(CONCURRENCY);
        let done: Vec<_> = asked.collect().await;
        done.into_iter().collect()
    }

    /// Asks one authority, and stores what it says.
    async fn ask(&self, anchor: PendingAnchor) -> Result<PendingAnchor, QueryError> {
        match token(&anchor, self.ca.as_deref()).await {
            Ok(token) => {
                vaultstream_faults::point("before-token");
                anchors::store(&self.ledger, anchor.job, &anchor.tsa, &token).await?;
            }
            Err(why) => {
                let PendingAnchor { namespace, name, tsa, .. } = &anchor;
                tracing::warn!(namespace, name, tsa, why, "a timestamping authority has not confirmed a receipt");
                let attempts = u32::try_from(anchor.attempts).unwrap_or(0);
                let delay = RETRY.at_least_half(attempts);
                anchors::note_failure(&self.ledger, anchor.job, &anchor.tsa, &why, delay).await?;
            }
        }
        Ok(anchor)
    }
}

/// A token that is checked, or why there is none.
async fn token(anchor: &PendingAnchor, ca: Option<&Path>) -> Result<Vec<u8>, String> {
    let tsa = Tsa::new(&anchor.tsa, ca).map_err(|error| chain(&error))?;
    let digest = Digest::of(anchor.receipt.as_bytes()).0;
    tsa.timestamp(&digest, anchor.policy.as_deref()).await.map_err(|error| chain(&error))
}
