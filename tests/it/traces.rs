//! Traces: what a real OpenTelemetry Collector receives, and that its absence harms nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{
    Collector, Program, Running, Site, Span, assert_signed_exactly_once, generated, output, python, until,
};

const BATCHES: usize = 60;

/// A job that two workers share: one alone needs twelve seconds, and holds a third of it.
fn slow_job() -> String {
    let spec = "batchSize: 20\nkeys: {count: 8}\nworkers: {maxRecordsPerSecond: 100}\nconcurrency: {signers: 2}";
    generated("job", 20 * BATCHES as u64, spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_trace_from_its_publish_to_its_ack_in_whatever_program_it_is_signed() {
    let site = Site::new().await;
    let Some(collector) = Collector::start().await else { return };
    let traced = |program: Program| {
        program.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint).env("OTEL_TRACES_SAMPLER", "always_on")
    };
    // The worker waits for the streams of a seeded job, so that it and the run begin together.
    site.run(&slow_job()).args(&["--seed-only"]).end().await.assert_code(0);
    // Before the worker: its manifest is a new file in the folder of the worker's connection, which ends when that changes.
    let run = traced(site.run(&slow_job()));
    let worker = traced(site.worker(site.uid().await).await).start();
    until("the worker waits", || async { worker.get("/readyz").await.is_some_and(|(status, _)| status == 200) }).await;
    run.end().await.assert_code(0);
    let exemplars = exemplars(&worker).await;
    worker.signal(Signal::TERM);
    worker.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 20 * BATCHES as i64).await;
    until("every span has arrived", || async {
        collector.spans().iter().filter(|span| span.name == "ack").count() >= BATCHES
    })
    .await;
    assert_whole(&collector.traces());
    assert_lead_to_batches(&exemplars, &collector.traces());
}

/// The exemplars of a worker's histograms, as a parser reads them that is not ours.
async fn exemplars(worker: &Running) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let mut reads = python("read_metrics.py");
    for accept in ["text/plain", "application/openmetrics-text; version=1.0.0"] {
        let (status, text) =
            worker.get_as(accept, "/metrics").await.unwrap_or_else(|| panic!("no metrics: {}", worker.stderr()));
        assert_eq!(status, 200);
        let file = dir.path().join(format!("{}.txt", accept.len()));
        std::fs::write(&file, text).unwrap();
        reads.arg(file);
    }
    serde_json::from_str(&output(reads).await.unwrap()).unwrap()
}

/// Each exemplar has a trace in which the worker signed a batch; every stage has one.
fn assert_lead_to_batches(exemplars: &[Value], traces: &BTreeMap<String, Vec<Span>>) {
    let mut stages = BTreeSet::new();
    for exemplar in exemplars {
        let spans = exemplar["trace_id"].as_str().and_then(|trace| traces.get(trace));
        let spans = spans.unwrap_or_else(|| panic!("no trace was received of {exemplar}"));
        let is_signed = |span: &Span| span.service == "vaultstream-worker" && span.name == "sign";
        assert!(spans.iter().any(is_signed), "{exemplar}: {spans:?}");
        assert_eq!(exemplar["name"], "vaultstream_worker_stage_seconds_bucket", "{exemplar}");
        stages.insert(exemplar["labels"]["stage"].as_str().unwrap());
    }
    let all = ["commit", "encode", "gather", "lease", "read", "sign", "verify"];
    assert_eq!(stages, all.into(), "{exemplars:?}");
}

fn assert_whole(traces: &BTreeMap<String, Vec<Span>>) {
    let job =
        traces.iter().find(|(_, spans)| spans.iter().any(|span| span.name == "job")).expect("no trace of the job").0;
    let mut services = BTreeSet::new();
    let mut batches = 0;
    for spans in traces.values().filter(|spans| spans.iter().any(|span| span.name == "ack")) {
        let one = |name: &str| {
            spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
        };
        let (publish, batch) = (one("publish"), one("batch"));
        assert_eq!((publish.parent.as_str(), &publish.links), ("", &vec![job.clone()]), "{publish:?}");
        assert_eq!((&batch.parent, publish.service.as_str()), (&publish.id, "vaultstream"), "{batch:?}");
        for step in ["read", "lease", "sign", "commit", "ack"] {
            let ids: Vec<&String> = spans.iter().filter(|span| span.name == "batch").map(|span| &span.id).collect();
            assert!(ids.contains(&&one(step).parent), "{step} is not a child of the batch: {spans:?}");
        }
        services.insert(batch.service.clone());
        batches += 1;
    }
    assert_eq!(batches, BATCHES, "batches without a trace");
    assert_eq!(services, ["vaultstream", "vaultstream-worker"].map(str::to_owned).into(), "one program signed alone");
}

/// One batch in a hundred, unless told otherwise; every job.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_sampler_the_job_with_its_phases_and_few_of_its_batches_are_traced() {
    let site = Site::new().await;
    let Some(collector) = Collector::start().await else { return };
    let spec = "batchSize: 2\nkeys: {count: 8}";
    let run = site.run(&generated("job", 2000, spec)).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    run.end().await.assert_code(0);
    until("the trace of the job has arrived", || async { collector.spans().iter().any(|span| span.name == "job") })
        .await;
    assert_phases(&collector.spans());
    let published = collector.spans().iter().filter(|span| span.name == "publish").count();
    assert!(published < 100, "{published} of 1000 batches were sampled");
}

/// One after the other, all of them parts of the job.
fn assert_phases(spans: &[Span]) {
    let job = spans.iter().find(|span| span.name == "job").unwrap();
    let mut phases: Vec<&Span> = spans.iter().filter(|span| span.parent == job.id).collect();
    phases.sort_by_key(|span| span.started);
    let names: Vec<&str> = phases.iter().map(|span| span.name.as_str()).collect();
    let all = ["Provisioning", "Seeding", "Publishing", "Signing", "Finishing", "Cleaning up"];
    assert_eq!(names, all, "{phases:?}");
    assert!(phases.windows(2).all(|pair| pair[0].ended <= pair[1].started), "two phases at a time: {phases:?}");
    assert!(phases.iter().all(|span| span.trace == job.trace && span.ended <= job.ended), "{phases:?}, {job:?}");
}

/// A run of many batches; all of them are traced where something exports them.
fn run(site: &Site) -> Program {
    site.run(&generated("job", 20_000, "batchSize: 50\nkeys: {count: 8}")).env("OTEL_TRACES_SAMPLER", "always_on")
}

/// The queue of spans is full after a few batches, and an export is not given up while the job is signed: whatever waits for the
/// endpoint even once does not end in time.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_away_or_never_responds_slows_nothing_down_and_is_reported_once() {
    let site = Site::new().await;
    let begun = Instant::now();
    run(&site).end().await.assert_code(0);
    let limit = begun.elapsed() * 2 + Duration::from_secs(10);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let never_responds = format!("http://{}", silent.local_addr().unwrap());
    let timeout = (limit * 10).as_millis().to_string();
    for endpoint in ["http://127.0.0.1:1", &never_responds] {
        let site = Site::new().await;
        let run = run(&site).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_EXPORTER_OTLP_TIMEOUT", &timeout);
        let run = run.env("OTEL_BSP_MAX_QUEUE_SIZE", "16").env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16");
        let ended = run.start().end_within(limit).await;
        ended.assert_code(0);
        let reports = ended.stderr.matches("traces cannot be exported").count();
        assert!(reports <= 1, "{}", ended.stderr);
        assert_signed_exactly_once(&site, "job", 20_000).await;
    }
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_ok(), "nothing was exported to the endpoint that never responds");
}
