//! Traces: what a real OpenTelemetry Collector receives, and that its absence harms nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Program, Running, Site, assert_signed_exactly_once, blocking, generated, until};

/// What `make otel-collector` builds.
fn program() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools");
    let folders = [std::env::var_os("VAULTSTREAM_TOOLS").map(PathBuf::from), Some(above)];
    let program =
        folders.into_iter().flatten().map(|tools| tools.join("bin/otel-collector")).find(|path| path.exists());
    if program.is_none() {
        let why = "SKIPPED the traces that a collector receives: `make otel-collector` builds it\n";
        std::io::stderr().write_all(why.as_bytes()).unwrap();
    }
    program
}

/// A collector that writes what it receives to a file.
struct Collector {
    endpoint: String,
    file: PathBuf,
    _running: Running,
}

impl Collector {
    async fn start(program: &Path, dir: &Path) -> Self {
        let port = blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await;
        let (settings, file) = (dir.join("collector.yaml"), dir.join("traces.json"));
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n\
             exporters: {{file: {{path: '{}'}}}}\n\
             service:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}\n",
            file.display()
        );
        std::fs::write(&settings, text).unwrap();
        let running = Program::new(program.to_str().unwrap()).args(&[settings.to_str().unwrap()]).start();
        until("the collector listens", || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() })
            .await;
        Self { endpoint: format!("http://127.0.0.1:{port}"), file, _running: running }
    }

    /// Every span that it has received.
    fn spans(&self) -> Vec<Span> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        // The last line may be half written.
        let requests = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        requests.flat_map(|request| each(&request, "resourceSpans").flat_map(spans_of).collect::<Vec<_>>()).collect()
    }

    /// The spans of each trace, by its id.
    fn traces(&self) -> BTreeMap<String, Vec<Span>> {
        let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.spans() {
            traces.entry(span.trace.clone()).or_default().push(span);
        }
        traces
    }
}

#[derive(Clone, Debug)]
struct Span {
    service: String,
    trace: String,
    id: String,
    parent: String,
    name: String,
    /// The traces that it links to.
    links: Vec<String>,
}

fn each(value: &Value, of: &str) -> impl Iterator<Item = Value> + use<> {
    value[of].as_array().cloned().unwrap_or_default().into_iter()
}

fn spans_of(resource: Value) -> Vec<Span> {
    let service =
        each(&resource["resource"], "attributes").find(|attribute| attribute["key"] == "service.name").unwrap();
    let service = text(&service["value"]["stringValue"]);
    let spans = each(&resource, "scopeSpans").flat_map(|scope| each(&scope, "spans").collect::<Vec<_>>());
    let span = |span: Value| Span {
        service: service.clone(),
        trace: text(&span["traceId"]),
        id: text(&span["spanId"]),
        parent: text(&span["parentSpanId"]),
        name: text(&span["name"]),
        links: each(&span, "links").map(|link| text(&link["traceId"])).collect(),
    };
    spans.map(span).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

const BATCHES: usize = 60;

/// A job that two workers share: one alone needs twelve seconds, and holds a third of it.
fn slow_job() -> String {
    let spec = "batchSize: 20\nkeys: {count: 8}\nworkers: {maxRecordsPerSecond: 100}\nconcurrency: {signers: 2}";
    generated("job", 20 * BATCHES as u64, spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_trace_from_its_publish_to_its_ack_in_whatever_program_it_is_signed() {
    let Some(program) = program() else { return };
    let site = Site::new().await;
    let collector = Collector::start(&program, site.dir.path()).await;
    let traced = |program: Program| {
        program.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint).env("OTEL_TRACES_SAMPLER", "always_on")
    };
    // The worker waits for the streams of a seeded job, so that it and the run begin together.
    site.run(&slow_job()).args(&["--seed-only"]).end().await.assert_code(0);
    let worker = traced(site.worker(site.uid().await).await).start();
    until("the worker waits", || async { worker.get("/readyz").await.is_some_and(|(status, _)| status == 200) }).await;
    traced(site.run(&slow_job())).end().await.assert_code(0);
    worker.signal(Signal::TERM);
    worker.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 20 * BATCHES as i64).await;
    until("every span has arrived", || async {
        collector.spans().iter().filter(|span| span.name == "ack").count() >= BATCHES
    })
    .await;
    assert_whole(&collector.traces());
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
async fn without_a_sampler_the_job_and_few_of_its_batches_are_traced() {
    let Some(program) = program() else { return };
    let site = Site::new().await;
    let collector = Collector::start(&program, site.dir.path()).await;
    let spec = "batchSize: 2\nkeys: {count: 8}";
    let run = site.run(&generated("job", 2000, spec)).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    run.end().await.assert_code(0);
    until("the trace of the job has arrived", || async { collector.spans().iter().any(|span| span.name == "job") })
        .await;
    let published = collector.spans().iter().filter(|span| span.name == "publish").count();
    assert!(published < 100, "{published} of 1000 batches were sampled");
}

/// How long a run takes that exports to this endpoint, or to none.
async fn time_of_run(endpoint: Option<&str>) -> Duration {
    let site = Site::new().await;
    let run = site.run(&generated("job", 20_000, "batchSize: 50\nkeys: {count: 8}"));
    let run = match endpoint {
        Some(endpoint) => run.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_TRACES_SAMPLER", "always_on"),
        None => run,
    };
    let begun = Instant::now();
    let ended = run.end().await;
    let time = begun.elapsed();
    ended.assert_code(0);
    let reports = ended.stderr.matches("traces cannot be exported").count();
    assert!(reports <= 1, "{}", ended.stderr);
    assert_signed_exactly_once(&site, "job", 20_000).await;
    time
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_away_or_silent_slows_nothing_down_and_is_reported_once() {
    let without = time_of_run(None).await;
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &silent] {
        let time = time_of_run(Some(endpoint)).await;
        assert!(time < without * 2 + Duration::from_secs(5), "{time:?} with {endpoint}, {without:?} without");
    }
}
