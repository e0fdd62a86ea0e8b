//! The release's own Prometheus: it finds operator and workers by itself, has an answer to what each panel of the dashboard asks, and
//! evaluates each alert.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use crate::dashboard::{alerts, queries, variables};
use crate::following::Orders;
use crate::harness::{is_own_node, kubeconfig_file, kubectl, program, until};
use crate::network;
use crate::release::Release;
use crate::story::Story;

/// Three minutes for its one worker.
const SLOW: &str = "batchSize: 50\nkeys: {count: 4, lease: {records: 200, duration: 10s}}\n\
                    workers: {maxReplicas: 1, maxRecordsPerSecond: 100}";
const SLOW_RECORDS: u64 = 18_000;
/// A few seconds.
const DONE: &str = "batchSize: 50\nkeys: {count: 4}\nworkers: {maxReplicas: 1}";
const DONE_RECORDS: u64 = 2_000;
/// Rows a second that one worker can sign.
const FEW: u64 = 40;

/// `kubectl port-forward`, as the notes of the release have it.
struct Prometheus {
    port: u16,
    _running: Child,
    _reading: AbortOnDropHandle<()>,
}

impl Prometheus {
    async fn of(release: &Release) -> Self {
        let mut running = Command::new(program("kubectl"))
            .env("KUBECONFIG", kubeconfig_file())
            .args(["-n", &release.namespace, "port-forward", "service/vaultstream-dev-prometheus", ":9090"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(running.stdout.take().unwrap()).lines();
        let first = said.next_line().await.unwrap().expect("no port is forwarded");
        let port = first.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
        // It tells of each connection.
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Self { port, _running: running, _reading: AbortOnDropHandle::new(reading) }
    }

    async fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: prometheus\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer}"));
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        assert!(body["status"] == "success" && body["warnings"].is_null() && body["infos"].is_null(), "{path}: {body}");
        body["data"].clone()
    }

    /// The series that an expression gives, each with its labels and its value.
    async fn ask(&self, expression: &str) -> Vec<(Value, f64)> {
        let found = self.get(&format!("/api/v1/query?query={}", encoded(expression))).await;
        assert_eq!(found["resultType"], "vector", "{expression}: {found}");
        let series = found["result"].as_array().unwrap().iter();
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        series.map(|series| (series["metric"].clone(), value(series))).collect()
    }

    /// Those of a job among what a column of the table of jobs gives.
    async fn column(&self, reference: &str, job: &str) -> Vec<(Value, f64)> {
        let mut all = queries(".*", ".*").into_iter();
        let query = all.find(|query| query.panel == "Jobs" && query.reference == reference).unwrap();
        let series = self.ask(&query.expression).await.into_iter();
        series.filter(|(labels, _)| labels["signingjob"] == job).collect()
    }

    async fn number(&self, reference: &str, job: &str) -> Option<f64> {
        let series = self.column(reference, job).await;
        assert!(series.len() < 2, "{reference} {job}: {series:?}");
        series.first().map(|(_, number)| *number)
    }
}

/// As a part of a query of a URL.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prometheus_of_a_release_answers_all_that_the_dashboard_asks_and_evaluates_each_alert() {
    if std::env::var_os("VAULTSTREAM_E2E_PROMETHEUS").is_none() {
        println!("SKIPPED: a release's own Prometheus, which is not built here; make test-prometheus builds it");
        return;
    }
    let story = Story::of(Release::prepare().await);
    let namespaces = format!("dev.jobNamespaces={{{}}}", story.release.team);
    // Only who is named reads metrics, and that includes the release's own Prometheus.
    let values = ["dev.enabled=true", &namespaces, "dev.monitoring.enabled=true", network::VALUES];
    let args: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
    let notes = story.release.install(&[&args[..], &["--wait", "--timeout", "4m"]].concat()).await;
    assert!(notes.contains("port-forward -n"), "{notes}");
    story.tell("installed with a Prometheus, in a namespace as strict as it gets");

    let prometheus = Prometheus::of(&story.release).await;
    let done = story.create("done", DONE_RECORDS, DONE).await;
    let slow = story.create("slow", SLOW_RECORDS, SLOW).await;
    let orders = Orders::begin(&story).await;
    orders.load.set(FEW);
    story.until_complete(&done).await;
    slow.signed_within(Duration::from_secs(120), 100).await;

    prometheus.each_panel_has_data(&story).await;
    prometheus.variables_have_values(&story).await;
    prometheus.figures_are_right(&story).await;
    prometheus.each_alert_is_evaluated().await;
    story.tell("each alert is evaluated without a fault");
    prometheus.everything_found_is_up(&story).await;
    prometheus.may_find_pods_only(&story.release).await;
    drop(orders);
}

impl Prometheus {
    async fn each_panel_has_data(&self, story: &Story) {
        // The job of each series has to be known by its labels: an expression for all jobs would match series without any.
        let queries = queries(&story.release.team, "(done|slow|orders)");
        let mut empty = Vec::new();
        let begun = std::time::Instant::now();
        while begun.elapsed() < crate::harness::PATIENCE {
            empty.clear();
            for query in &queries {
                let series = self.ask(&query.expression).await;
                if !series.iter().any(|(_, value)| value.is_finite()) {
                    empty.push(format!("{} {}: {}: {series:?}", query.panel, query.reference, query.expression));
                }
            }
            if empty.is_empty() {
                story.tell(&format!("all {} queries of the dashboard have data", queries.len()));
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("no data for {empty:#?}");
    }

    async fn variables_have_values(&self, story: &Story) {
        for (series, label) in variables(&story.release.team) {
            let found = self.get(&format!("/api/v1/label/{label}/values?match[]={}", encoded(&series))).await;
            let wanted = if label == "namespace" { story.release.team.as_str() } else { "slow" };
            assert!(found.as_array().unwrap().contains(&wanted.into()), "{label}: {found}");
        }
    }

    async fn figures_are_right(&self, story: &Story) {
        let (labels, _) = self.column("A", "done").await.remove(0);
        assert_eq!((&labels["phase"], &labels["namespace"]), (&"Complete".into(), &story.release.team.as_str().into()));
        let [share, records, rejected] = ["B", "C", "G"];
        assert_eq!(self.number(share, "done").await, Some(100.0));
        assert_eq!(self.number(records, "done").await, Some(DONE_RECORDS as f64));
        assert_eq!(self.number(rejected, "done").await, Some(0.0));
        assert_eq!(self.number(records, "slow").await, Some(SLOW_RECORDS as f64));

        let [rate, left, lag] = ["D", "E", "F"];
        let (share_of_slow, left_of_slow) = (self.number(share, "slow").await, self.number(left, "slow").await);
        assert!(share_of_slow.is_some_and(|share| share > 0.0 && share < 100.0), "{share_of_slow:?}");
        assert!(left_of_slow.is_some_and(|seconds| seconds > 1.0 && seconds < 1_000.0), "{left_of_slow:?}");
        assert_eq!(self.number(lag, "slow").await, None);
        assert!(self.number(rate, "orders").await.is_some());
        assert!(self.number(lag, "orders").await.is_some_and(|seconds| seconds < 60.0));
        assert_eq!((self.number(share, "orders").await, self.number(left, "orders").await), (None, None));
        story.tell("what is done, what is left, and the lag are right");
    }

    async fn each_alert_is_evaluated(&self) {
        let rules = async || {
            let found = self.get("/api/v1/rules").await;
            let groups = found["groups"].as_array().unwrap().clone();
            groups.into_iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect::<Vec<Value>>()
        };
        until("each alert was evaluated", || async { rules().await.iter().all(|rule| rule["health"] != "unknown") })
            .await;
        let rules = rules().await;
        let unhealthy: Vec<&Value> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
        assert!(unhealthy.is_empty(), "{unhealthy:#?}");
        let names = rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned());
        assert_eq!(names.collect::<std::collections::BTreeSet<_>>(), alerts());
    }

    async fn everything_found_is_up(&self, story: &Story) {
        let found = self.get("/api/v1/targets?state=active").await;
        let targets = found["activeTargets"].as_array().unwrap();
        let down: Vec<&Value> = targets.iter().filter(|target| target["health"] != "up").collect();
        assert!(down.is_empty(), "{down:#?}");
        let of = |job: &str| {
            let labels = targets.iter().map(|target| &target["labels"]);
            labels.filter(|labels| labels["job"] == job).cloned().collect::<Vec<Value>>()
        };
        assert_eq!(of("vaultstream-operator").len(), 2);
        let workers = of("vaultstream-workers");
        assert!(workers.len() >= 2, "{workers:#?}");
        for labels in workers {
            assert_eq!(labels["namespace"], story.release.team.as_str());
            assert!(labels["signingjob"] == "slow" || labels["signingjob"] == "orders", "{labels}");
            assert_eq!(labels["container"], "worker");
        }
    }

    /// And nobody but Grafana reaches its port.
    async fn may_find_pods_only(&self, release: &Release) {
        let account = format!("--as=system:serviceaccount:{}:vaultstream-dev-prometheus", release.namespace);
        for (what, allowed) in [("pods", true), ("secrets", false), ("signingjobs.vaultstream.dev", false)] {
            let (_, said) = kubectl(&["auth", "can-i", "list", what, "--all-namespaces", &account]).await;
            assert_eq!(said.lines().any(|line| line == "yes"), allowed, "{what}: {said}");
        }
        if !is_own_node() {
            println!(
                "SKIPPED: whether NetworkPolicies are enforced, which is known of a node of the project's own only"
            );
            return;
        }
        let port = format!("vaultstream-dev-prometheus.{}.svc:9090", release.namespace);
        let tried = network::reached(&release.client, &release.team, "stranger", std::slice::from_ref(&port)).await;
        assert_eq!(tried, [format!("{port} closed")]);
    }
}
