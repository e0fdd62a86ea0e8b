//! A release through which a story goes, and what its chapters share.

use std::time::Instant;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio_postgres::{Client, Config, NoTls};
use vaultstream_api::SigningJobStatus;

use crate::harness::{Job, PATIENCE, generated, kubectl, kubectl_with_input, until};
use crate::release::{NAME, Release, helm};

pub(crate) struct Story {
    pub(crate) release: Release,
    begun: Instant,
}

impl Story {
    pub(crate) fn of(release: Release) -> Self {
        Self { release, begun: Instant::now() }
    }

    pub(crate) fn tell(&self, what: &str) {
        println!("{:>6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    pub(crate) async fn create(&self, name: &str, records: u64, spec: &str) -> Job {
        Job::create(&self.release.client, &self.release.team, &generated(name, records, spec)).await
    }

    pub(crate) async fn until_complete(&self, job: &Job) -> SigningJobStatus {
        let done = job.complete_within(PATIENCE * 5 / 2).await;
        self.tell(&format!("{} is Complete", job.name));
        done.status.unwrap()
    }

    /// Those that are not about to leave.
    pub(crate) async fn pods(&self, namespace: &str, labels: &str) -> Vec<Pod> {
        let api = Api::<Pod>::namespaced(self.release.client.clone(), namespace);
        let pods = api.list(&ListParams::default().labels(labels)).await.unwrap().items;
        pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
    }

    /// Ready workers, with their image.
    pub(crate) async fn workers(&self, job: &Job, image: Option<&str>) -> Vec<String> {
        let is_ready = |pod: &Pod| {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
            statuses.is_some_and(|all| all.iter().all(|container| container.ready))
        };
        let has_image = |pod: &Pod| {
            let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
            image.is_none_or(|wanted| containers.iter().any(|container| container.image.as_deref() == Some(wanted)))
        };
        let pods = self.pods(&job.namespace, &format!("vaultstream.dev/job={}", job.name)).await;
        pods.iter().filter(|pod| is_ready(pod) && has_image(pod)).map(ResourceExt::name_any).collect()
    }

    /// Text in a Secret of the release's namespace.
    pub(crate) async fn secret(&self, name: &str, key: &str) -> String {
        let secrets = Api::<Secret>::namespaced(self.release.client.clone(), &self.release.namespace);
        let data = secrets.get(name).await.unwrap().data.unwrap();
        String::from_utf8(data[key].0.clone()).unwrap()
    }

    /// A connection to the release's Postgres with all rights, through a port that the API server forwards.
    pub(crate) async fn sql(&self) -> Client {
        let config: Config = self.secret("vaultstream-owner-connection", "DATABASE_URL").await.parse().unwrap();
        let namespace = &self.release.namespace;
        let postgres = self.pods(namespace, "app.kubernetes.io/name=vaultstream-dev-postgres").await.remove(0);
        let pods = Api::<Pod>::namespaced(self.release.client.clone(), namespace);
        let mut forwarder = pods.portforward(&postgres.name_any(), &[5432]).await.unwrap();
        let port = forwarder.take_stream(5432).unwrap();
        let (client, connection) = config.connect_raw(port, NoTls).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
            forwarder.abort();
        });
        client
    }

    /// `vaultstream …` as it is run in a cluster: a pod of the CLI's image. What it said.
    pub(crate) async fn vaultstream(&self, name: &str, args: &[&str], env: Value) -> String {
        let namespace = &self.release.namespace;
        let (_, hooks) = helm(&["get", "hooks", NAME, "--namespace", namespace]).await;
        let mut images = hooks.lines().filter_map(|line| line.trim().strip_prefix("image: "));
        let is_ours = |image: &&str| image.rsplit('/').next().is_some_and(|name| name.starts_with("vaultstream:"));
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            // Of the release, or Postgres lets it not in.
            "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "vaultstream"}},
            "spec": {
                "restartPolicy": "Never", "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "vaultstream", "image": images.rfind(is_ours).unwrap(), "args": args, "env": [env],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                }],
            },
        });
        let (content, said) = kubectl_with_input(&["apply", "-f", "-"], &pod.to_string()).await;
        assert!(content, "{said}");
        let api = Api::<Pod>::namespaced(self.release.client.clone(), namespace);
        let phase = async || api.get(name).await.unwrap().status.and_then(|status| status.phase).unwrap_or_default();
        until(&format!("{name} has ended"), || async { matches!(phase().await.as_str(), "Succeeded" | "Failed") })
            .await;
        let (_, said) = kubectl(&["-n", namespace, "logs", name]).await;
        assert_eq!(phase().await, "Succeeded", "{said}");
        said
    }

    /// `vaultstream verify` with the auditor's connection.
    pub(crate) async fn verify(&self, job: &Job) {
        let secret = json!({"secretKeyRef": {"name": "vaultstream-auditor", "key": "DATABASE_URL"}});
        let args = ["verify", "--job", &format!("{}/{}", job.namespace, job.name)];
        let env = json!({"name": "VAULTSTREAM_DATABASE_URL", "valueFrom": secret});
        self.vaultstream(&format!("verify-{}", job.name), &args, env).await;
        self.tell(&format!("{}: every signature was verified in the cluster", job.name));
    }
}
