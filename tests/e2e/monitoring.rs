//! The dashboard and the alerts, against a real Prometheus that scrapes the release as ServiceMonitor and PodMonitor would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use crate::dashboard::{metrics_of_alerts, queries};
use crate::harness::{is_own_node, skipped, until};
use crate::release::chart;

const ADDRESS: &str = "127.0.0.1:19090";

/// Ends when it is dropped.
pub(crate) struct Prometheus {
    _running: Child,
    _finding: AbortOnDropHandle<()>,
    _folder: TempDir,
}

/// Labels are honoured as ServiceMonitor and PodMonitor have them.
fn configuration(targets: &Path) -> Value {
    json!({
        "global": {"scrape_interval": "2s"},
        "scrape_configs": [{
            "job_name": "vaultstream", "honor_labels": true,
            "file_sd_configs": [{"files": [targets], "refresh_interval": "2s"}],
        }],
    })
}

/// Pods as the Prometheus operator would find them, with the labels it would give them. Debian's Prometheus knows no Kubernetes.
async fn targets(client: &Client) -> Value {
    let names = "app.kubernetes.io/name in (vaultstream-operator, vaultstream-worker)";
    let pods = Api::<Pod>::all(client.clone()).list(&ListParams::default().labels(names)).await.unwrap();
    let target = |pod: Pod| {
        let address = pod.status.as_ref()?.pod_ip.as_ref()?;
        let container = pod.spec.as_ref()?.containers.first()?;
        let port = container.ports.as_ref()?.iter().find(|port| port.name.as_deref() == Some("http"))?.container_port;
        let mut labels = json!({"namespace": pod.namespace(), "pod": pod.name_any()});
        if let Some(job) = pod.labels().get("vaultstream.dev/job") {
            labels["signingjob"] = json!(job);
        }
        Some(json!({"targets": [format!("{address}:{port}")], "labels": labels}))
    };
    pods.items.into_iter().filter_map(target).collect()
}

async fn find_for_ever(client: Client, file: PathBuf) {
    loop {
        let draft = file.with_extension("new");
        std::fs::write(&draft, targets(&client).await.to_string()).unwrap();
        std::fs::rename(draft, &file).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

impl Prometheus {
    pub(crate) async fn start(client: &Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, targets) = (folder.path().join("prometheus.yml"), folder.path().join("targets.json"));
        std::fs::write(&file, configuration(&targets).to_string()).unwrap();
        let finding = tokio::spawn(find_for_ever(client.clone(), targets));
        let running = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={ADDRESS}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("there is no prometheus: tests/cluster/packages installs it");
        let prometheus = Self { _running: running, _finding: AbortOnDropHandle::new(finding), _folder: folder };
        until("Prometheus has scraped an operator", || async {
            !prometheus.ask("vaultstream_operator_leading").await.is_empty()
        })
        .await;
        prometheus
    }

    /// The lines of the response, one for each series.
    async fn ask(&self, expression: &str) -> Vec<String> {
        let url = format!("http://{ADDRESS}");
        let output = Command::new("promtool").args(["query", "instant", &url, expression]).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    /// Each expression of the dashboard has data, and so has each metric of the alerts.
    pub(crate) async fn everything_has_data(&self) -> usize {
        // Rates want some scrapes of every pod.
        tokio::time::sleep(Duration::from_secs(8)).await;
        let mut asked: BTreeSet<String> = queries(".*", ".*").into_iter().map(|query| query.expression).collect();
        asked.extend(metrics_of_alerts());
        let mut empty = Vec::new();
        for expression in &asked {
            if self.ask(expression).await.is_empty() {
                empty.push(expression);
            }
        }
        assert!(empty.is_empty(), "no data for {empty:#?}");
        asked.len()
    }
}

#[tokio::test]
async fn alerts_fire_on_what_they_are_about() {
    if !is_own_node() {
        skipped("what alerts fire on: it takes promtool, which comes with a node of the project's own");
        return;
    }
    let tests = chart().join("tests");
    let output =
        Command::new("promtool").args(["test", "rules", "alerts.yaml"]).current_dir(tests).output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
