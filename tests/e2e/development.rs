//! A release with servers of its own, from its installation to its removal.

use std::time::{Duration, Instant};

use k8s_openapi::ByteString;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, EvictParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use vaultstream_api::{ConditionType, Phase, Reason};

use crate::following::{Orders, SOME, TOO_MANY};
use crate::harness::{Job, is_own_node, kubectl, phase_of, until};
use crate::monitoring::Prometheus;
use crate::network;
use crate::plugin;
use crate::release::{NAME, Release};
use crate::story::Story;

const LONG: Duration = Duration::from_secs(300);

/// Three workers at first, one at the end; two minutes.
const WATCHED: &str = "batchSize: 50\nkeys: {count: 20, lease: {records: 200, duration: 10s}}\n\
                       workers: {minReplicas: 1, maxReplicas: 4, maxRecordsPerSecond: 100}\n\
                       autoscaling: {mode: HPA, targetBacklog: 6000, behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}";
/// Two workers for a minute (12,000 records) or for as long as is said.
const STEADY: &str = "batchSize: 20\nkeys: {count: 10, lease: {records: 100, duration: 10s}}\n\
                      workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 100}";

#[tokio::test(flavor = "multi_thread")]
async fn a_release_with_servers_of_its_own_lives_from_installation_to_removal() {
    let story = Story::of(Release::prepare().await);
    story.install().await;
    let kek = story.kek().await;
    story.no_account_has_more_rights_than_needed().await;
    story.no_worker_has_the_login_of_another_namespace().await;
    story.helm_test().await;
    network::only_what_is_allowed_is_reached(&story.release).await;
    story.tell("a stranger, a worker and a reader of metrics reach what is allowed to them, and nothing else");
    story.nats_gets_users_under_load().await;
    let mut orders = Orders::begin(&story).await;
    tokio::join!(story.autoscaling(), orders.grow_and_shrink(&story));
    story.upgrade_under_load(&mut orders).await;
    assert_eq!(story.kek().await, kek, "the upgrade has changed the key-encryption key");
    orders.end(&story).await;
    story.uninstall_under_load().await;
}

impl Story {
    async fn install(&self) {
        let namespaces = format!("dev.jobNamespaces={{{}}}", self.release.team);
        let args = ["--set", "dev.enabled=true", "--set", &namespaces, "--set", network::VALUES];
        let notes = self.release.install(&[&args[..], &["--wait", "--timeout", "4m"]].concat()).await;
        assert!(notes.contains("helm test"), "{notes}");
        self.tell("installed: two operators, Postgres and NATS, in a namespace as strict as it gets");
    }

    async fn kek(&self) -> Option<ByteString> {
        let secrets = Api::<Secret>::namespaced(self.release.client.clone(), &self.release.namespace);
        secrets.get("vaultstream-connection").await.unwrap().data?.get("kek").cloned()
    }

    async fn no_account_has_more_rights_than_needed(&self) {
        let pods = self.pods(&self.release.namespace, "").await;
        assert!(pods.len() >= 4, "{}", self.release.describe().await);
        for pod in pods {
            let (name, spec) = (pod.name_any(), pod.spec.unwrap());
            let is_operator = spec.service_account_name.as_deref() == Some("vaultstream-operator");
            assert_eq!(spec.automount_service_account_token != Some(false), is_operator, "{name}: a token");
            assert_eq!(spec.security_context.and_then(|security| security.run_as_non_root), Some(true), "{name}: root");
        }
    }

    /// Neither the owner's nor another tenant's, nor a user of NATS or a key-encryption key of another one.
    async fn no_worker_has_the_login_of_another_namespace(&self) {
        let mut seen = Vec::new();
        for namespace in [&self.release.namespace, &self.release.team] {
            let secrets = Api::<Secret>::namespaced(self.release.client.clone(), namespace);
            let data = secrets.get("vaultstream-connection").await.unwrap().data.unwrap();
            let url = String::from_utf8(data["DATABASE_URL"].0.clone()).unwrap();
            assert!(url.starts_with(&format!("postgresql://vs_{namespace}:")), "{namespace} has another login");
            let nats = String::from_utf8(data["NATS_URL"].0.clone()).unwrap();
            assert!(nats.starts_with(&format!("nats://vs_{namespace}:")), "{namespace} has another user of NATS");
            seen.push([url, nats, String::from_utf8(data["kek"].0.clone()).unwrap()]);
        }
        assert!((0..3).all(|secret| seen[0][secret] != seen[1][secret]), "two namespaces share a secret");
        let secrets = Api::<Secret>::namespaced(self.release.client.clone(), &self.release.namespace);
        let data = secrets.get("vaultstream-operator-connection").await.unwrap().data.unwrap();
        let url = String::from_utf8(data["DATABASE_URL"].0.clone()).unwrap();
        assert!(url.starts_with("postgresql://vaultstream_dev_operator:"), "the operator has another login");
        assert!(!data.contains_key("tenants"), "the operator can read the logins of namespaces");
    }

    async fn helm_test(&self) {
        let said = self.release.helm("test", &["--logs", "--timeout", "5m"]).await;
        assert!(said.contains("verified     1,000"), "{said}");
        self.tell("helm test: 1,000 records signed and verified");
    }

    async fn autoscaling(&self) {
        let prometheus = if is_own_node() { Some(Prometheus::start(&self.release.client).await) } else { None };
        if prometheus.is_none() {
            println!("SKIPPED: Prometheus, which scrapes pods on a node of the project's own only");
        }
        let job = self.create("watched", 18_000, WATCHED).await;
        job.until_condition(ConditionType::Scaling, "True", Reason::ScaledByHpa).await;
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.release.client.clone(), &job.namespace);
        let desired = async || {
            api.get_opt(&job.child())
                .await
                .unwrap()
                .and_then(|found| found.status)
                .map(|status| status.desired_replicas)
        };
        for workers in [3, 2, 1] {
            until(&format!("the HPA wants {workers} workers"), || async { desired().await == Some(workers) }).await;
            self.tell(&format!("the HorizontalPodAutoscaler wants {workers} workers"));
            if let (2, Some(prometheus)) = (workers, &prometheus) {
                let asked = prometheus.everything_has_data().await;
                self.tell(&format!("Prometheus has data for all {asked} expressions of dashboard and alerts"));
            }
        }
        let done = self.until_complete(&job).await;
        assert_eq!(done.scaling_mode, None);
        until("no worker is left", || async { job.deployment().await.is_none() }).await;
        self.verify(&job).await;
        plugin::reads_a_job_through_a_forwarded_port(&job).await;
        self.tell("kubectl vaultstream: receipt, status, export and verdict, through a forwarded port");
    }

    async fn until_two_workers(&self, job: &Job, image: Option<&str>) -> Vec<String> {
        until("there are two workers", || async { self.workers(job, image).await.len() == 2 }).await;
        self.workers(job, image).await
    }

    /// Batches that a worker was given although another one had had them.
    async fn redelivered(&self, job: &Job) -> u64 {
        let mut sum = 0;
        for pod in self.workers(job, None).await {
            let path = format!("/api/v1/namespaces/{}/pods/{pod}:9090/proxy/metrics", job.namespace);
            let (content, said) = kubectl(&["get", "--raw", &path]).await;
            assert!(content, "{said}");
            let line = said.lines().find_map(|line| line.strip_prefix("vaultstream_worker_redelivered_batches_total "));
            sum += line.unwrap().parse::<u64>().unwrap();
        }
        sum
    }

    /// NATS as earlier versions left it, with one token for everybody.
    async fn nats_without_users(&self) {
        let conf = "port: 4222\njetstream { store_dir: /data/jetstream }\nauthorization { token: \"everybody\" }\n";
        let url = format!("nats://everybody@vaultstream-dev-nats.{}.svc:4222?tls=disable", self.release.namespace);
        let servers = json!({
            "data": {"nats-users": null, "nats-operator-password": null, "nats-unconfined": null, "nats-restarted-for": null},
            "stringData": {"nats-token": "everybody", "nats.conf": conf},
        });
        let connection = json!({"stringData": {"NATS_URL": url}});
        let (home, team) = (self.release.namespace.as_str(), self.release.team.as_str());
        for (namespace, name, patch) in [
            (home, "vaultstream-dev", &servers),
            (home, "vaultstream-operator-connection", &connection),
            (home, "vaultstream-connection", &connection),
            (team, "vaultstream-connection", &connection),
        ] {
            let (content, said) =
                kubectl(&["-n", namespace, "patch", "secret", name, "--type=merge", "-p", &patch.to_string()]).await;
            assert!(content, "{said}");
        }
        for program in ["vaultstream-dev-nats", "vaultstream-operator"] {
            let deployment = format!("deployment/{program}");
            for what in [&["restart", &deployment][..], &["status", &deployment, "--timeout=2m"]] {
                let (content, said) = kubectl(&[&["-n", home, "rollout"], what].concat()).await;
                assert!(content, "{said}");
            }
        }
    }

    async fn unconfined_namespaces(&self) -> String {
        let secrets = Api::<Secret>::namespaced(self.release.client.clone(), &self.release.namespace);
        let data = secrets.get("vaultstream-dev").await.unwrap().data.unwrap();
        String::from_utf8(data["nats-unconfined"].0.clone()).unwrap()
    }

    /// The upgrade gives each namespace a user of NATS, and leaves that of a namespace with a job unconfined until the job is over.
    async fn nats_gets_users_under_load(&self) {
        self.nats_without_users().await;
        let job = self.create("moved", 6_000, STEADY).await;
        job.signed_within(LONG, 200).await;
        let upgrade = ["--reuse-values", "--wait", "--timeout", "4m"];
        self.release.chart("upgrade", &upgrade).await;
        assert_eq!(self.unconfined_namespaces().await, format!("{}\n", self.release.team));
        self.no_worker_has_the_login_of_another_namespace().await;
        self.until_complete(&job).await;
        self.verify(&job).await;
        self.release.chart("upgrade", &upgrade).await;
        assert_eq!(self.unconfined_namespaces().await, "");
        self.tell("NATS has a user for each namespace, and the job of before was completed");
    }

    /// Of a job of generated records, and of one that follows a table into which rows are inserted all the time.
    async fn upgrade_under_load(&self, orders: &mut Orders) {
        orders.load.set(TOO_MANY);
        // Eight minutes of work, however slow the machine is at what follows; in the end the limit goes.
        let job = self.create("steady", 100_000, STEADY).await;
        job.signed_within(LONG, 200).await;
        let before = job.get().await.status.unwrap().worker_image.unwrap();

        let next = std::env::var("VAULTSTREAM_E2E_NEXT_TAG").expect("scripts/e2e says which images there are");
        let tag = format!("image.tag={next}");
        let args = ["--reuse-values", "--set", "operator.log=debug", "--set", &tag, "--wait", "--timeout", "4m"];
        self.release.chart("upgrade", &args).await;
        self.tell("upgraded: the operators run the next release");
        orders.load.set(SOME);
        let now = job.get().await;
        assert_eq!(phase_of(&now), Some(Phase::Signing), "{}", job.describe().await);
        assert_eq!(now.status.unwrap().worker_image.as_ref(), Some(&before), "workers were restarted by the upgrade");

        for job in [&job, &orders.job] {
            job.patch(json!({"metadata": {"annotations": {"vaultstream.dev/upgrade-workers": "true"}}})).await;
        }
        let after = format!("{}:{next}", before.rsplit_once(':').unwrap().0);
        let (workers, ()) = tokio::join!(self.until_two_workers(&job, Some(&after)), orders.keep_a_checkpoint(self));
        // What a worker gives back is delivered again once it has left.
        let pods = Api::<Pod>::namespaced(self.release.client.clone(), &job.namespace);
        let all = ListParams::default().labels(&format!("vaultstream.dev/job={}", job.name));
        until("the earlier workers have left", || async { pods.list(&all).await.unwrap().items.len() == 2 }).await;
        let signed = job.get().await.status.and_then(|status| status.records).and_then(|records| records.signed);
        job.signed_within(LONG, signed.unwrap_or_default() + 200).await;
        assert_eq!(self.redelivered(&job).await, 0, "a batch was delivered again after a rolling update");
        self.tell("the workers run the next release, and no batch was delivered twice");

        pods.delete(&workers[0], &DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() })
            .await
            .unwrap();
        self.tell("a worker was killed");
        let workers = self.until_two_workers(&job, Some(&after)).await;
        pods.evict(&workers[0], &EvictParams::default()).await.unwrap();
        self.tell("a worker was evicted");
        self.until_two_workers(&job, Some(&after)).await;
        orders.until_workers_have(self, &after).await;
        if is_own_node() {
            let before = self.workers(&orders.job, None).await;
            self.drain(&job).await;
            let after = self.workers(&orders.job, None).await;
            assert!(!before.is_empty() && !before.iter().any(|pod| after.contains(pod)), "{before:?} were not drained");
        } else {
            println!("SKIPPED: draining a node, which is done on a node of the project's own only");
        }
        orders.load.set(0);
        assert_eq!(phase_of(&job.get().await), Some(Phase::Signing), "the job was over too early for this test");
        job.patch(json!({"spec": {"workers": {"maxRecordsPerSecond": null}}})).await;
        self.until_complete(&job).await;
        self.verify(&job).await;
    }

    /// A node of one has nowhere to move workers to, and their budget lets one go at a time: the node takes them again once
    /// the first has left, and the drain continues with the other.
    async fn drain(&self, job: &Job) {
        let (content, nodes) = kubectl(&["get", "nodes", "-o", "name"]).await;
        assert!(content, "{nodes}");
        let node = nodes.trim().trim_start_matches("node/");
        let selector = "--pod-selector=app.kubernetes.io/name=vaultstream-worker";
        let args = ["drain", node, selector, "--ignore-daemonsets", "--timeout=120s"];
        let labels = format!("vaultstream.dev/job={}", job.name);
        let waits = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none());
        let taken_again = async {
            until("a worker waits for a node", || async { self.pods(&job.namespace, &labels).await.iter().any(waits) })
                .await;
            kubectl(&["uncordon", node]).await
        };
        let ((drained, said), (uncordoned, why)) = tokio::join!(kubectl(&args), taken_again);
        assert!(drained && uncordoned, "{said}\n{why}");
        self.tell("the node was drained of workers, one at a time");
        self.until_two_workers(job, None).await;
    }

    async fn uninstall_under_load(&self) {
        let job = self.create("unfinished", 12_000, STEADY).await;
        job.signed_within(LONG, 200).await;
        let begun = Instant::now();
        self.release.helm("uninstall", &["--timeout", "150s", "--wait"]).await;
        assert!(begun.elapsed() < Duration::from_secs(100), "it took {:?}", begun.elapsed());
        self.tell(&format!("{NAME} was removed in the middle of a job"));
        let left = job.get().await;
        assert!(left.finalizers().is_empty(), "{:?}", left.finalizers());
        assert!(job.deployment().await.is_none(), "{}", job.describe().await);
        let begun = Instant::now();
        let (content, said) = kubectl(&["delete", "namespace", &job.namespace, "--timeout=90s"]).await;
        assert!(content, "{said}");
        self.tell(&format!("the namespace of the job was deleted in {:.0} s", begun.elapsed().as_secs_f64()));
    }
}
