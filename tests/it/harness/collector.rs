//! A real OpenTelemetry Collector, and what it has received.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::tools::tool_if_built;
use super::{Program, Running, blocking, until};

/// What `make otel-collector` builds; `None`, with a word about it, where it was not built.
fn program() -> Option<PathBuf> {
    tool_if_built("bin/otel-collector", "the traces that a collector receives: `make otel-collector` builds it")
}

/// A collector that writes what it receives to a file.
pub(crate) struct Collector {
    /// Where it receives OTLP over gRPC.
    pub(crate) endpoint: String,
    file: PathBuf,
    _running: Running,
    _dir: TempDir,
}

impl Collector {
    /// `None` where there is no such program.
    pub(crate) async fn start() -> Option<Self> {
        let program = program()?;
        // Not in the site's folder, which workers watch: it holds their connection.
        let dir = tempfile::tempdir().unwrap();
        let port = blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await;
        let (settings, file) = (dir.path().join("collector.yaml"), dir.path().join("traces.json"));
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
        Some(Self { endpoint: format!("http://127.0.0.1:{port}"), file, _running: running, _dir: dir })
    }

    /// Every span that it has received.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        // The last line may be half written.
        let requests = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        requests.flat_map(|request| each(&request, "resourceSpans").flat_map(spans_of).collect::<Vec<_>>()).collect()
    }

    /// The spans of each trace, by its id.
    pub(crate) fn traces(&self) -> BTreeMap<String, Vec<Span>> {
        let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.spans() {
            traces.entry(span.trace.clone()).or_default().push(span);
        }
        traces
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    /// Nanoseconds since 1970.
    pub(crate) started: u64,
    pub(crate) ended: u64,
    /// The traces that it links to.
    pub(crate) links: Vec<String>,
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
        started: text(&span["startTimeUnixNano"]).parse().unwrap(),
        ended: text(&span["endTimeUnixNano"]).parse().unwrap(),
        links: each(&span, "links").map(|link| text(&link["traceId"])).collect(),
    };
    spans.map(span).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
