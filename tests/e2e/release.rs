//! A release of the chart, by helm itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kube::Client;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::{OwnNamespace, connect, kubeconfig_file, kubectl, on_another_runtime, program};

/// One release at a time: a cluster has one CRD, and one external metrics API.
static CLUSTER: Mutex<()> = Mutex::const_new(());

pub(crate) const NAME: &str = "vaultstream";

pub(crate) struct Release {
    pub(crate) client: Client,
    /// Where the operator is.
    pub(crate) namespace: String,
    /// Where jobs may be.
    pub(crate) team: String,
    _namespaces: [OwnNamespace; 2],
    _cluster: MutexGuard<'static, ()>,
}

pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/vaultstream")
}

/// Helm, with what the cluster at hand needs; what it said, and whether it was content.
pub(crate) async fn helm(args: &[&str]) -> (bool, String) {
    let output = Command::new(program("helm"))
        .args(["--kubeconfig", kubeconfig_file().to_str().unwrap()])
        .args(args)
        .env_remove("KUBECONFIG")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

impl Release {
    /// Two namespaces as strict as they get, and nothing in them yet.
    pub(crate) async fn prepare() -> Self {
        let cluster = CLUSTER.lock().await;
        let client = connect().await;
        let namespaces = [OwnNamespace::new(&client).await, OwnNamespace::new(&client).await];
        let [namespace, team] = [&namespaces[0], &namespaces[1]].map(|namespace| namespace.name.clone());
        Self { client, namespace, team, _namespaces: namespaces, _cluster: cluster }
    }

    /// `helm VERB vaultstream charts/vaultstream -n NAMESPACE …`, with the images of the cluster at hand.
    pub(crate) async fn try_chart(&self, verb: &str, args: &[&str]) -> (bool, String) {
        let chart = chart();
        let mut all = vec![verb, NAME, chart.to_str().unwrap(), "--namespace", &self.namespace];
        let values = std::env::var("VAULTSTREAM_E2E_VALUES").expect("scripts/e2e says which images there are");
        all.extend(["--values", &values]);
        all.extend(args);
        helm(&all).await
    }

    pub(crate) async fn chart(&self, verb: &str, args: &[&str]) -> String {
        let (content, said) = self.try_chart(verb, args).await;
        assert!(content, "helm {verb}: {said}\n{}", self.describe().await);
        said
    }

    /// Over what earlier releases have left: their CRD is kept, with their name on it.
    pub(crate) async fn install(&self, args: &[&str]) -> String {
        self.chart("install", &[&["--take-ownership"], args].concat()).await
    }

    /// `helm VERB vaultstream -n NAMESPACE …`
    pub(crate) async fn helm(&self, verb: &str, args: &[&str]) -> String {
        let (content, said) = helm(&[&[verb, NAME, "--namespace", &self.namespace], args].concat()).await;
        assert!(content, "helm {verb}: {said}\n{}", self.describe().await);
        said
    }

    /// What a test that fails shows.
    pub(crate) async fn describe(&self) -> String {
        let mut told = String::new();
        for namespace in [&self.namespace, &self.team] {
            for what in [
                &["get", "all,secrets,signingjobs", "-o", "wide"][..],
                &["describe", "pods"],
                &["events"],
                &["logs", "-l", "app.kubernetes.io/name=vaultstream-operator", "--tail", "40", "--prefix"],
            ] {
                let (_, said) = kubectl(&[&["-n", namespace], what].concat()).await;
                let _ = writeln!(told, "---- {namespace}: {}\n{said}", what.join(" "));
            }
        }
        told
    }
}

impl Drop for Release {
    /// What is left after a failure, so that the next test finds the cluster free.
    fn drop(&mut self) {
        let namespace = self.namespace.clone();
        on_another_runtime(async move {
            let _ =
                helm(&["uninstall", NAME, "--namespace", &namespace, "--ignore-not-found", "--timeout", "60s"]).await;
        });
    }
}
