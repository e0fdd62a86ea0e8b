//! Which traces are recorded where the variables of OpenTelemetry say nothing.

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// The name of the span of a job.
pub(super) const JOB: &str = "job";

/// The share of batches that have a trace unless `OTEL_TRACES_SAMPLER_ARG` gives another.
const BATCHES: f64 = 0.01;

/// Every job, a share of the batches, and what belongs to either.
#[derive(Clone, Debug)]
pub(super) struct JobsAndSomeBatches(Sampler);

impl JobsAndSomeBatches {
    /// With the share of batches that `argument` gives, if it is one.
    pub(super) fn new(argument: Option<&str>) -> Self {
        let ratio = argument.and_then(|text| text.parse().ok()).unwrap_or(BATCHES);
        Self(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
    }
}

impl ShouldSample for JobsAndSomeBatches {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if name == JOB && !parent.is_some_and(|parent| parent.span().span_context().is_valid()) {
            return SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: TraceState::default(),
            };
        }
        self.0.should_sample(parent, trace, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(name: &str, trace: u128) -> bool {
        let sampler = JobsAndSomeBatches::new(None);
        let result = sampler.should_sample(None, TraceId::from(trace), name, &SpanKind::Internal, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn every_job_is_sampled_and_one_batch_in_a_hundred() {
        assert!((1..1000).all(|trace| sampled(JOB, trace << 64 | trace)));
        // Spread evenly over what the ratio is taken from.
        let batches =
            (0..10_000_u64).filter(|n| sampled("publish", u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))).count();
        assert!((50..200).contains(&batches), "{batches}");
    }
}
