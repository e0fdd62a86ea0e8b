//! Publishing: batches that are not signed, in order, as fast as the stream takes them.
//!
//! The cursor `jobs.published` is only how far publishing got in this generation; a batch published twice is stored once
//! while it is queued, and found signed later.

use vaultstream_ledger::{BatchNo, Job, Ledger, steps};
use vaultstream_streams::{BatchMessage, JobStreams, Streams};
use vaultstream_trace::{Span, SpanRef};

use crate::LifecycleError;

/// The number of batches published in one step.
const CHUNK: usize = 5_000;

/// Where publishing stands.
#[derive(Default)]
pub(crate) struct Publisher {
    /// No batch before this one is open.
    open_from: i64,
}

/// What a call to [`Publisher::publish`] did.
pub(crate) struct Published {
    /// Not everything is published yet.
    pub(crate) more: bool,
    /// The stream has no room until workers acknowledge.
    pub(crate) full: bool,
}

impl Publisher {
    /// Publishes the next chunk.
    pub(crate) async fn publish(
        &mut self,
        ledger: &Ledger,
        streams: &Streams,
        job: &Job,
        topology: &JobStreams,
        trace: &SpanRef,
    ) -> Result<Published, LifecycleError> {
        let total = job.batches.unwrap_or(0);
        if job.published >= total {
            return Ok(Published { more: false, full: false });
        }
        let chunk = steps::next_to_publish(ledger, job.id, job.published, CHUNK).await?;
        let messages: Vec<BatchMessage> = chunk.iter().map(|range| message(job, range)).collect();
        let mut traces = Vec::new();
        let trace = |message: &BatchMessage| {
            let span = Span::publish(trace, job.uid, message.batch);
            let header = span.traceparent()?;
            traces.push((message.batch, span));
            Some(header)
        };
        let outcome = streams.publish_traced(topology, &messages, trace).await?;
        vaultstream_faults::point("batches-published");
        // All before the next batch to publish are published, or signed; without a next one, all are.
        let next = match messages.get(outcome.done) {
            Some(next) => Some(next.batch),
            None if messages.len() == CHUNK => messages.last().map(|last| last.batch + 1),
            None => None,
        };
        let upto = next.unwrap_or(total);
        for (_, span) in traces.iter().filter(|(batch, _)| *batch >= upto) {
            span.fail("the stream has no room, or failed");
        }
        if upto > job.published {
            steps::mark_published(ledger, job.id, job.generation, upto).await?;
            vaultstream_faults::point("publishing-noted");
        }
        Ok(Published { more: upto < total, full: outcome.full })
    }

    /// The first batch that is not signed. Batches before it are never read again.
    pub(crate) async fn first_open(&mut self, ledger: &Ledger, job: &Job) -> Result<Option<BatchNo>, LifecycleError> {
        let first = steps::first_unsigned(ledger, job.id, BatchNo(self.open_from)).await?;
        if let Some(first) = first {
            self.open_from = first.0;
        }
        Ok(first)
    }
}

pub(crate) fn message(job: &Job, range: &vaultstream_ledger::BatchRange) -> BatchMessage {
    BatchMessage { job: job.uid, batch: range.batch.0, first: range.first, last: range.last, rows: range.rows }
}
