//! Traces for OpenTelemetry, across programs: of jobs, of batches, and of the operator's reconciles.
//!
//! ```text
//! lifecycle   job ─▶ Provisioning, Seeding, Publishing, Signing, Finishing, Cleaning up
//!              ▲ link                                    ▲ link
//! lifecycle   publish ──traceparent in the header──┐     │
//! worker                                           └─▶ batch ─▶ read, lease, sign, commit, ack
//! operator                                           reconcile ─▶ apply, scale, status
//! ```
//!
//! A publish, a reconcile and a job each begin a trace when the sampler chooses it. Without one, a message has no header and a worker
//! does nothing for it. So a batch that is not sampled costs less than a microsecond, once, where it is published.
//!
//! Off unless [`start`] finds an endpoint. These spans are not those of the logs, which show every unit.

mod error;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "absent.rs"]
mod otlp;

use std::{error::Error, fmt};

use uuid::Uuid;

pub use error::StartError;
pub use otlp::{Tracing, start};

/// Something in a trace that takes time, until it is dropped. Most are not recorded, and cost nothing.
#[derive(Debug, Default)]
pub struct Span(Option<otlp::Recorded>);

/// Refers to a span of another trace; to none when that is not recorded.
#[derive(Clone, Debug, Default)]
pub struct SpanRef(Option<otlp::Reference>);

/// The id of a trace, as collectors show it: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Span {
    /// The work on a job in this process, which begins a trace.
    pub fn job(name: &str, uid: Uuid) -> Self {
        Self(otlp::job(name, uid))
    }

    /// The reconcile of a SigningJob, which begins a trace when the sampler chooses it.
    pub fn reconcile(namespace: &str, name: &str) -> Self {
        Self(otlp::reconcile(namespace, name))
    }

    /// The publishing of a batch of `job`, which begins a trace when the sampler chooses it.
    pub fn publish(job: &SpanRef, uid: Uuid, batch: i64) -> Self {
        Self(otlp::publish(job.0.as_ref(), uid, batch))
    }

    /// A worker's work on a batch that came with this header.
    pub fn batch(traceparent: Option<&str>, batch: i64, records: i64) -> Self {
        Self(traceparent.and_then(|parent| otlp::batch(parent, batch, records)))
    }

    /// A part of this one.
    pub fn child(&self, name: &'static str) -> Self {
        Self(self.0.as_ref().map(|span| otlp::child(span, name)))
    }

    /// The same part of several.
    pub fn children<'a>(spans: impl Iterator<Item = &'a Self>, name: &'static str) -> Vec<Self> {
        spans.filter(|span| span.0.is_some()).map(|span| span.child(name)).collect()
    }

    /// Does `work` as a part of this one, which fails when the work does.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn within<T, E: Error>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let part = self.child(name);
        work.await.inspect_err(|error| part.fail(error))
    }

    /// The trace of the first of these that is recorded.
    pub fn first_trace<'a>(mut spans: impl Iterator<Item = &'a Self>) -> Option<TraceId> {
        spans.find_map(Self::trace_id)
    }

    /// Says that what takes this time did not succeed.
    pub fn fail(&self, why: impl fmt::Display) {
        if let Some(span) = &self.0 {
            otlp::fail(span, why.to_string());
        }
    }

    /// What spans of other traces [link to](Span::link_to).
    pub fn reference(&self) -> SpanRef {
        SpanRef(self.0.as_ref().map(otlp::refer_to))
    }

    /// Links this span to one of another trace.
    pub fn link_to(&self, other: &SpanRef) {
        if let (Some(span), SpanRef(Some(other))) = (&self.0, other) {
            otlp::link(span, other);
        }
    }

    /// The trace that this span is recorded in; `None` when it is not.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|span| TraceId(otlp::trace_id(span)))
    }

    /// What the header of a message says, for [`Span::batch`] at the other end; `None` when nothing is recorded.
    pub fn traceparent(&self) -> Option<String> {
        self.0.as_ref().map(otlp::traceparent)
    }
}
