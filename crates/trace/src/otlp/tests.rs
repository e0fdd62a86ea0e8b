//! What is recorded of spans that a collector would receive.

use std::sync::{Arc, Mutex};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};

use super::*;
use crate::{Span, SpanRef};

/// Keeps what is exported.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[test]
fn a_reconcile_is_a_trace_of_its_own_that_links_to_its_job_and_fails_with_the_part_that_failed() {
    let kept = Kept::default();
    let provider =
        SdkTracerProvider::builder().with_simple_exporter(kept.clone()).with_sampler(Sampler::AlwaysOn).build();
    TRACER.set(Tracer { spans: provider.tracer("test"), share: None }).ok().unwrap();
    let job = Span::job("job", Uuid::nil());
    let reconcile = Span::reconcile("default", "job");
    reconcile.link_to(&SpanRef::default());
    reconcile.link_to(&job.reference());
    let work = std::future::ready(Err::<(), _>(std::fmt::Error));
    let result = output_of(reconcile.within("apply", work));
    assert_eq!(result, Err(std::fmt::Error));
    let trace = reconcile.trace_id().unwrap();
    assert_ne!(Some(trace), job.trace_id());
    drop(reconcile);

    let spans = kept.0.lock().unwrap().clone();
    let [apply, reconcile] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((apply.name.as_ref(), reconcile.name.as_ref()), ("apply", "reconcile"));
    assert_eq!(apply.parent_span_id, reconcile.span_context.span_id());
    assert_eq!(apply.status, Status::error(std::fmt::Error.to_string()));
    assert_eq!(reconcile.span_context.trace_id().to_string(), trace.to_string());
    let links: Vec<_> = reconcile.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
    assert_eq!(links, [job.trace_id().unwrap().to_string()]);
}

/// The output of a future that is ready.
fn output_of<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it is not ready"),
    }
}
