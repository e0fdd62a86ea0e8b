//! One job under one generation of streams and one version of its spec: what every lane shares.
//!
//! A session ends when the job is over, its streams are gone, its spec changed, or the worker is stopped; the next
//! one starts from what the ledger then says.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use vaultstream_api::{Source, Verify};
use vaultstream_ledger::{
    BatchNo, Job, QueryError,
    batches::{self, Split},
    commit::{CommitError, Segment},
    payloads::ReadError,
    verify,
};
use vaultstream_signing::MessageForm;
use vaultstream_streams::{Backoff, StreamsError};

use crate::{
    breaker,
    cpu::ThreadEnded,
    in_flight::InFlightMessages,
    keys::{KeyError, KeySource, LeasedKey},
    metrics::Dependency,
    rate_limit::RateLimit,
    shared::Shared,
    sign::{KEPT_LIMIT, SignPlan},
    unit::{ReadBatch, ReadUnit},
};

/// How long a dependency may take to respond to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What every lane of a session shares.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) job: Job,
    pub(crate) form: MessageForm,
    pub(crate) plan: SignPlan,
    pub(crate) keys: KeySource,
    pub(crate) rate_limit: RateLimit,
    pub(crate) in_flight: InFlightMessages,
    /// Cancelled when nothing more may be waited for.
    pub(crate) abort: CancellationToken,
}

/// Why a session ended before its work did.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The worker was aborted.
    #[error("stopped before all work in flight was committed")]
    Aborted,
    /// The job was deleted or is finished.
    #[error("the job is over")]
    JobOver,
    /// The streams of this generation are gone.
    #[error("the job's streams are gone")]
    StreamsGone,
    /// The ledger refuses what was asked.
    #[error("failed to use the ledger")]
    Ledger(#[from] QueryError),
    /// The payloads of generated records cannot be read.
    #[error("failed to read payloads")]
    Payload(#[source] ReadError),
    /// The table cannot be read.
    #[error("failed to read the source table")]
    Source(#[source] ReadError),
    /// The unit cannot be committed.
    #[error("failed to commit a unit")]
    Commit(#[from] CommitError),
    /// No key can be opened.
    #[error("failed to get a key")]
    Key(#[from] KeyError),
    /// The streams refuse what was asked.
    #[error("failed to use the streams")]
    Stream(#[from] StreamsError),
    /// A signing thread ended.
    #[error("failed to sign")]
    Thread(#[from] ThreadEnded),
    /// The signatures cannot be read.
    #[error("failed to read signatures")]
    Signatures(#[source] verify::ReadError),
    /// The receipt cannot be made.
    #[error("failed to make the receipt")]
    Receipt(#[source] vaultstream_signing::receipt::ReceiptError),
    /// The receipt key cannot be certified.
    #[error("failed to certify the receipt key")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SessionError {
    /// The dependency that is to blame when waiting may help.
    pub(crate) fn dependency(&self) -> Option<Dependency> {
        let postgres = |unavailable: bool| unavailable.then_some(Dependency::Postgres);
        let nats = |unavailable: bool| unavailable.then_some(Dependency::Nats);
        match self {
            Self::Ledger(error)
            | Self::Payload(ReadError::Query(error))
            | Self::Signatures(verify::ReadError::Query(error))
            | Self::Commit(CommitError::Query(error) | CommitError::Unknown(error))
            | Self::Key(KeyError::Lease(error)) => postgres(error.is_transient()),
            Self::Key(KeyError::Token(error)) | Self::Stream(error) => nats(error.is_unreachable()),
            Self::Source(ReadError::Query(error)) => error.is_transient().then_some(Dependency::Source),
            Self::Key(_)
            | Self::Payload(_)
            | Self::Signatures(_)
            | Self::Source(_)
            | Self::Commit(_)
            | Self::Aborted
            | Self::JobOver
            | Self::StreamsGone
            | Self::Thread(_)
            | Self::Receipt(_)
            | Self::Certificate(_) => None,
        }
    }

    pub(crate) fn of_streams(error: StreamsError) -> Self {
        if error.is_stream_gone() { Self::StreamsGone } else { error.into() }
    }

    fn is_stream_gone(&self) -> bool {
        matches!(self, Self::Key(KeyError::Token(error)) | Self::Stream(error) if error.is_stream_gone())
    }
}

impl Session {
    /// Waits until the dependency that failed is back. Returns the error when waiting cannot help.
    pub(crate) async fn wait_out(&self, error: SessionError) -> Result<(), SessionError> {
        if error.is_stream_gone() {
            return Err(SessionError::StreamsGone);
        }
        if matches!(&error, SessionError::Key(KeyError::Lost(_))) {
            return Ok(());
        }
        self.shared.wait_out(error, &self.abort).await?;
        if self.abort.is_cancelled() { Err(SessionError::Aborted) } else { Ok(()) }
    }

    /// A failure to read records.
    pub(crate) fn failed_read(&self, error: ReadError) -> SessionError {
        match self.job.spec.source {
            Source::Generate(_) => SessionError::Payload(error),
            Source::Table(_) => SessionError::Source(error),
        }
    }

    /// Counts a failed attempt at a batch in the ledger.
    pub(crate) async fn count_attempt(&self, batch: BatchNo, why: &str) -> Result<i32, SessionError> {
        let attempts = loop {
            match batches::count_attempt(&self.shared.ledger, self.job.id, &[batch], why).await {
                Ok(attempts) => break attempts,
                Err(error) => self.wait_out(error.into()).await?,
            }
        };
        let attempts = attempts.into_iter().find(|(of, _)| *of == batch).map_or(0, |(_, attempts)| attempts);
        tracing::warn!(job = %self.job.name, batch = batch.0, attempts, "a batch was not signed: {why}");
        Ok(attempts)
    }

    /// The delay before a batch is tried again after its `attempts`-th failure.
    pub(crate) fn retry_delay(&self, attempts: i32) -> Duration {
        let retry = &self.job.spec.retry;
        let backoff = Backoff::new(retry.initial_backoff.as_std(), retry.max_backoff.as_std());
        backoff.jittered(attempts.unsigned_abs().saturating_sub(1), &mut rand::rng())
    }

    /// A batch of a table whose range has grown beyond `batchSize` since planning is cut where it was read to; its tail
    /// becomes a batch of its own, which the repair publishes.
    pub(crate) async fn split_outgrown(&self, mut unit: ReadUnit) -> Result<ReadUnit, SessionError> {
        for batch in &mut unit.batches {
            let Some(at) = batch.outgrown_at else { continue };
            let head_rows = batch.records.rows();
            self.split(batch, at, head_rows).await?;
            vaultstream_faults::point("batch-split");
        }
        Ok(unit)
    }

    /// A worker that needs longer than a lease for one batch never signs it: the batch is cut in two, and its second half
    /// becomes a batch of its own. One record alone is a failed attempt, and is given back.
    pub(crate) async fn make_smaller(&self, mut batch: ReadBatch) -> Result<Option<ReadBatch>, SessionError> {
        let records = &mut batch.records;
        let number = records.number();
        let Some(&at) = records.ids.get(records.ids.len() / 2).filter(|_| records.ids.len() > 1) else {
            let attempts = self.count_attempt(number, "the lease of its key ended before it was signed").await?;
            batch.redeliver_after(self.retry_delay(attempts));
            return Ok(None);
        };
        let head_rows = records.rows_before(at);
        tracing::warn!(
            job = %self.job.name, batch = number.0, records = records.ids.len(), lease = ?self.keys.lease,
            "one batch takes longer than keys.lease.duration here: it is cut in two"
        );
        self.split(&mut batch, at, head_rows).await?;
        let range = batch.records.range;
        batch.records.narrow_to(&range);
        Ok(Some(batch))
    }

    async fn split(&self, batch: &mut ReadBatch, at: i64, head_rows: i64) -> Result<(), SessionError> {
        loop {
            match batches::split(&self.shared.ledger, self.job.id, batch.records.number(), at, head_rows).await {
                Ok(Split::JobGone) => return Err(SessionError::JobOver),
                // Whatever another worker did meanwhile, the commit's fence compares the ranges.
                Ok(Split::Done(_) | Split::Already | Split::Signed) => break,
                Err(error) => self.wait_out(error.into()).await?,
            }
        }
        batch.records.range.last = at - 1;
        Ok(())
    }

    /// Whether the next unit needs another key, once these segments are committed.
    pub(crate) fn lease_is_used_up(&self, key: &LeasedKey, segments: &[Segment]) -> bool {
        let records: i64 = segments.iter().map(|segment| segment.signed).sum();
        let usage = key.usage(self.keys.left(key.lease()), records.unsigned_abs());
        let mut lease = self.job.spec.keys.lease.clone();
        if self.plan.verify == Verify::Sample {
            lease.records = lease.records.min(KEPT_LIMIT);
        }
        usage.is_used_up(&lease, self.job.spec.batch_size)
    }

    /// Books a committed unit.
    pub(crate) fn committed(&self, key: &mut LeasedKey, segments: &[Segment]) {
        let signed: i64 = segments.iter().map(|segment| segment.signed).sum();
        let rejected: i64 = segments.iter().map(|segment| segment.rejected).sum();
        key.book(signed, &segments.iter().map(|segment| segment.batch).collect());
        let metrics = &self.shared.metrics;
        metrics.signed.inc_by(signed.unsigned_abs());
        metrics.rejected.inc_by(rejected.unsigned_abs());
        metrics.units.inc();
        metrics.unit_records.observe((signed + rejected) as f64);
    }
}

/// What the lanes of a session need besides the job: made once per worker.
impl Shared {
    pub(crate) fn breaker(&self, dependency: Dependency) -> &breaker::Breaker {
        match dependency {
            Dependency::Postgres => &self.postgres,
            Dependency::Nats => &self.nats,
            Dependency::Source => &self.source,
            Dependency::Custody => &self.custody,
        }
    }

    /// Waits until the dependency that failed is back, or for `stop`. Returns the error when waiting cannot help.
    pub(crate) async fn wait_out(&self, error: SessionError, stop: &CancellationToken) -> Result<(), SessionError> {
        let Some(dependency) = error.dependency() else { return Err(error) };
        self.breaker(dependency).trip(&error);
        self.wait_for(dependency, stop).await;
        Ok(())
    }

    /// Waits until a dependency responds again, or for `stop`.
    pub(crate) async fn wait_for(&self, dependency: Dependency, stop: &CancellationToken) {
        let breaker = self.breaker(dependency);
        match dependency {
            Dependency::Postgres => breaker.wait_closed(stop, || async { self.ledger.ping().await.is_ok() }).await,
            Dependency::Source => breaker.wait_closed(stop, || async { self.ledger.ping_source().await.is_ok() }).await,
            Dependency::Nats => {
                breaker.wait_closed(stop, || async { self.streams.flush(PROBE_TIMEOUT).await.is_ok() }).await
            }
            // A session has its data key: only `Custody::open` waits for it.
            Dependency::Custody => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vaultstream_ledger::KeyId;
    use vaultstream_streams::GenerationId;

    use super::*;

    fn unreachable() -> StreamsError {
        StreamsError::Unreachable("no route".into())
    }

    fn gone() -> StreamsError {
        StreamsError::StreamGone(GenerationId { uid: Uuid::nil(), generation: 3 })
    }

    #[test]
    fn only_an_outage_is_blamed_on_a_dependency() {
        for (error, to_blame) in [
            (SessionError::Stream(unreachable()), Some(Dependency::Nats)),
            (SessionError::Key(KeyError::Token(unreachable())), Some(Dependency::Nats)),
            (SessionError::Stream(StreamsError::Login), None),
            (SessionError::Stream(gone()), None),
            (SessionError::Key(KeyError::Lost(KeyId(1))), None),
            (SessionError::Commit(CommitError::Malformed("no segment")), None),
            (SessionError::Thread(ThreadEnded), None),
            (SessionError::Aborted, None),
            (SessionError::JobOver, None),
        ] {
            assert_eq!(error.dependency(), to_blame, "{error:?}");
        }
    }

    #[test]
    fn streams_that_are_gone_are_no_outage() {
        assert!(SessionError::Stream(gone()).is_stream_gone());
        assert!(SessionError::Key(KeyError::Token(gone())).is_stream_gone());
        assert!(!SessionError::Stream(unreachable()).is_stream_gone());
    }
}
