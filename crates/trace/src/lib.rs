//! Traces for OpenTelemetry: one for each batch that is sampled, from its publish to its ack, across programs.
//!
//! ```text
//! lifecycle   publish ──traceparent in the message's header──┐      job (linked by every publish)
//! worker                                                     └─▶ batch ─▶ read, lease, sign, commit, ack
//! ```
//!
//! Whoever publishes decides by the sampler whether a batch has a trace; without one its message has no header, and a worker
//! does nothing for it. That keeps the cost of an unsampled batch below a microsecond, once, where it is published.
//!
//! Off unless [`start`] finds an endpoint. These spans are not those of the logs, which show every unit.

mod error;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "absent.rs"]
mod otlp;

use uuid::Uuid;

pub use error::StartError;
pub use otlp::{Tracing, start};

/// Something in a trace that takes time, until it is dropped. Most are not recorded, and cost nothing.
#[derive(Debug, Default)]
pub struct Span(Option<otlp::Recorded>);

impl Span {
    /// The work on a job in this process, which begins a trace of its own.
    pub fn job(name: &str, uid: Uuid) -> Self {
        Self(otlp::job(name, uid))
    }

    /// The publishing of a batch, which begins a trace when the sampler chooses it.
    pub fn publish(job: &Self, uid: Uuid, batch: i64) -> Self {
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

    /// Says that what takes this time did not succeed.
    pub fn fail(&self, why: impl std::fmt::Display) {
        if let Some(span) = &self.0 {
            otlp::fail(span, why.to_string());
        }
    }

    /// What the header of a message says, for [`Span::batch`] at the other end; `None` when nothing is recorded.
    pub fn traceparent(&self) -> Option<String> {
        self.0.as_ref().map(otlp::traceparent)
    }
}
