//! The operator's traces, as a real OpenTelemetry Collector receives them.

use crate::harness::{Collector, Place, Span, generated, until};

#[tokio::test(flavor = "multi_thread")]
async fn reconciles_link_to_the_trace_of_their_job_which_has_its_phases() {
    let place = Place::new().await;
    let Some(collector) = Collector::start().await else { return };
    let operator = place.operator("operator").await;
    let operator = operator.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    let operator = operator.env("OTEL_TRACES_SAMPLER", "always_on").start();
    operator.until_leading().await;
    let job = place.create(&generated("job", 400, "batchSize: 20\nworkers: {maxRecordsPerSecond: 100}")).await;
    job.until_complete().await;
    let is_linked = |spans: Vec<Span>| {
        let Some(job) = spans.iter().find(|span| span.name == "job") else { return false };
        let has = |name: &str| spans.iter().any(|span| span.parent == job.id && span.name == name);
        let mut reconciles = spans.iter().filter(|span| span.name == "reconcile" && span.links.contains(&job.trace));
        let writes_status = |of: &Span| spans.iter().any(|span| span.parent == of.id && span.name == "status");
        job.service == "vaultstream-operator"
            && ["Provisioning", "Seeding", "Signing", "Finishing"].into_iter().all(has)
            && reconciles.any(|reconcile| reconcile.trace != job.trace && writes_status(reconcile))
    };
    until("a reconcile links to the trace of its job", || async { is_linked(collector.spans()) }).await;
}
