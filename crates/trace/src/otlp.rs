//! OpenTelemetry: spans, what is sampled, and their export over OTLP.

mod export;
mod parent;
mod share;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::trace::SdkTracer;
use uuid::Uuid;

use self::share::Share;
use crate::StartError;

pub use export::Tracing;

/// Set once an endpoint was found.
static TRACER: OnceLock<Tracer> = OnceLock::new();

/// What makes spans.
struct Tracer {
    spans: SdkTracer,
    /// The share of batches and reconciles that begin a trace. `None` where a sampler of OpenTelemetry decides.
    share: Option<Share>,
}

impl Tracer {
    /// The tracer, for a batch or a reconcile that may begin a trace. `None` decides against it before anything is made for a span.
    fn of_some() -> Option<&'static Self> {
        TRACER.get().filter(|tracer| tracer.share.is_none_or(Share::chooses))
    }
}

/// A span under way. Dropping it ends it. Small: most of what could have one has none.
#[derive(Debug)]
pub(crate) struct Recorded(Box<Context>);

/// A span that others link to.
#[derive(Clone, Debug)]
pub(crate) struct Reference(Arc<SpanContext>);

/// Exports traces from now on when `OTEL_EXPORTER_OTLP_ENDPOINT` is set. To be called within a runtime.
///
/// # Errors
/// When the endpoint is no URL.
pub fn start(program: &'static str) -> Result<Option<Tracing>, StartError> {
    let Some((provider, share)) = export::provider(program)? else { return Ok(None) };
    // A second start, as in tests that share a process, keeps the first one's provider.
    let _ = TRACER.set(Tracer { spans: provider.tracer("vaultstream"), share });
    Ok(Some(Tracing::new(provider)))
}

pub(crate) fn job(name: &str, uid: Uuid) -> Option<Recorded> {
    let tracer = TRACER.get()?;
    recorded(
        tracer,
        "job",
        SpanKind::Internal,
        &Context::new(),
        vec![KeyValue::new("vaultstream.job", name.to_owned()), KeyValue::new("vaultstream.uid", uid.to_string())],
        Vec::new(),
    )
}

pub(crate) fn reconcile(namespace: &str, name: &str) -> Option<Recorded> {
    let tracer = Tracer::of_some()?;
    let attributes = vec![
        KeyValue::new("k8s.namespace.name", namespace.to_owned()),
        KeyValue::new("vaultstream.job", name.to_owned()),
    ];
    recorded(tracer, "reconcile", SpanKind::Internal, &Context::new(), attributes, Vec::new())
}

pub(crate) fn publish(job: Option<&Reference>, uid: Uuid, batch: i64) -> Option<Recorded> {
    let tracer = Tracer::of_some()?;
    let links = job.map(|Reference(job)| Link::with_context(SpanContext::clone(job)));
    let attributes = vec![KeyValue::new("vaultstream.uid", uid.to_string()), KeyValue::new("vaultstream.batch", batch)];
    recorded(tracer, "publish", SpanKind::Producer, &Context::new(), attributes, links.into_iter().collect())
}

pub(crate) fn batch(traceparent: &str, batch: i64, records: i64) -> Option<Recorded> {
    let tracer = TRACER.get()?;
    let parent = Context::new().with_remote_span_context(parent::parse(traceparent)?);
    let attributes = vec![KeyValue::new("vaultstream.batch", batch), KeyValue::new("vaultstream.records", records)];
    recorded(tracer, "batch", SpanKind::Consumer, &parent, attributes, Vec::new())
}

pub(crate) fn child(Recorded(parent): &Recorded, name: &'static str) -> Recorded {
    let span = TRACER.get().map(|tracer| tracer.spans.start_with_context(name, parent));
    Recorded(Box::new(span.map_or_else(Context::new, |span| Context::new().with_span(span))))
}

pub(crate) fn refer_to(Recorded(context): &Recorded) -> Reference {
    Reference(Arc::new(context.span().span_context().clone()))
}

pub(crate) fn link(Recorded(context): &Recorded, Reference(to): &Reference) {
    context.span().add_link(SpanContext::clone(to), Vec::new());
}

pub(crate) fn trace_id(Recorded(context): &Recorded) -> u128 {
    u128::from_be_bytes(context.span().span_context().trace_id().to_bytes())
}

pub(crate) fn fail(Recorded(context): &Recorded, why: String) {
    context.span().set_status(Status::error(why));
}

pub(crate) fn traceparent(Recorded(context): &Recorded) -> String {
    parent::format(context.span().span_context())
}

/// Starts a span; `None` when the sampler does not choose it.
fn recorded(
    tracer: &Tracer,
    name: &'static str,
    kind: SpanKind,
    parent: &Context,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
) -> Option<Recorded> {
    let builder = tracer.spans.span_builder(name).with_kind(kind).with_attributes(attributes).with_links(links);
    let span = tracer.spans.build_with_context(builder, parent);
    span.span_context().is_sampled().then(|| Recorded(Box::new(Context::new().with_span(span))))
}
