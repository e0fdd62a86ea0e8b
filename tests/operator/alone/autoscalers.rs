//! The mode HPA: HorizontalPodAutoscalers of the real controller manager, which read the operator's metrics API by way of the
//! real API server.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use serde_json::Value;
use vaultstream_api::{ConditionType, Reason, ScalingMode};

use crate::harness::{Job, MetricsApi, Operator, Place, assert_complete_in, free_port, generated, kubectl, pki, until};

/// An operator of the cluster whose metrics API is registered and available.
struct Served {
    place: Place,
    api: MetricsApi,
    operator: Operator,
    address: SocketAddr,
}

async fn served() -> Served {
    let place = Place::cluster_wide().await;
    let (address, listener) = free_port().await;
    drop(listener);
    let operator = place.operator("operator").await.args(&["--metrics-api-address", &address.to_string()]).start();
    operator.until_ready().await;
    let api = MetricsApi::register(&place, address).await;
    api.until_available().await;
    operator.until_leading().await;
    until("the operator has noticed its metrics API", || operator.offers("HPA")).await;
    Served { place, api, operator, address }
}

impl Served {
    async fn desired(&self, job: &Job) -> Option<i32> {
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.place.client.clone(), &job.namespace);
        api.get_opt(&job.child()).await.unwrap()?.status.map(|status| status.desired_replicas)
    }

    async fn until_desired(&self, job: &Job, workers: i32) {
        until(&format!("the autoscaler wants {workers} workers"), || async {
            self.desired(job).await == Some(workers)
        })
        .await;
    }

    /// A metric of a job, as the API server returns it.
    async fn metric(&self, name: &str, job: &Job) -> Result<u64, String> {
        let path = format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{name}?labelSelector=vaultstream.dev%2Fjob%3D{}",
            job.namespace, job.name
        );
        let (content, said) = kubectl(&["get", "--raw", &path]).await;
        if !content {
            return Err(said);
        }
        let list: Value = serde_json::from_str(&said).unwrap();
        Ok(list["items"][0]["value"].as_str().unwrap().parse().unwrap())
    }
}

/// 3 × 30 records a second at first: long enough for an autoscaler that looks every 5 s to follow.
const SLOW: &str = "batchSize: 50\nkeys: {count: 6, lease: {records: 100, duration: 5s}}\n\
                    workers: {maxReplicas: 3, maxRecordsPerSecond: 30}\n";

#[tokio::test(flavor = "multi_thread")]
async fn replicas_rise_with_the_backlog_and_fall_after_it() {
    let served = served().await;
    let spec = format!(
        "{SLOW}autoscaling: {{mode: HPA, targetBacklog: 1000, behavior: {{scaleDown: {{stabilizationWindowSeconds: 0}}}}}}"
    );
    let job = served.place.create(&generated("job", 5000, &spec)).await;
    job.until_condition(ConditionType::Scaling, "True", Reason::ScaledByHpa).await;
    served.until_desired(&job, 3).await;
    until("three workers are wanted", || async { job.replicas().await == Some(3) }).await;
    let scaled = job.get().await.status.and_then(|status| status.scaling_mode);
    assert_eq!(scaled, Some(ScalingMode::Hpa));
    served.until_desired(&job, 2).await;
    served.until_desired(&job, 1).await;
    job.until_complete().await;
    served.place.until_no_children().await;
    assert_complete_in(&served.place.site, &job.namespace, "job", 5000, 0).await;
}

/// 5,000 records at 30 a second and worker within 120 s: 1.4 workers, and no more than 2 when that is known after a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_yields_the_workers_that_the_measured_rate_demands() {
    let served = served().await;
    let spec = format!("{SLOW}autoscaling: {{mode: Auto, targetDrain: 120s}}");
    let job = served.place.create(&generated("job", 5000, &spec)).await;
    job.until_condition(ConditionType::Scaling, "True", Reason::ScaledByHpa).await;
    served.until_desired(&job, 2).await;
    until("two workers are wanted", || async { job.replicas().await == Some(2) }).await;
    assert!(served.metric("vaultstream_desired_workers", &job).await.unwrap() >= 2);
    job.delete().await;
    job.until_gone(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_backlog_is_not_served_and_removes_no_worker() {
    let served = served().await;
    let job = served
        .place
        .create(&generated("job", 3000, &format!("{SLOW}autoscaling: {{mode: HPA, targetBacklog: 1000}}")))
        .await;
    served.until_desired(&job, 3).await;
    until("three workers are wanted", || async { job.replicas().await == Some(3) }).await;
    served.place.postgres.cut().await;
    until("the backlog is unknown", || async {
        served.metric("vaultstream_backlog_records", &job).await.is_err_and(|said| said.contains("ServiceUnavailable"))
    })
    .await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(job.replicas().await, Some(3), "{}", job.describe().await);
    assert!(served.api.is_available().await, "an API that is not available hangs every deletion of a namespace");
    served.place.postgres.restore().await;
    job.until_complete().await;
    assert_complete_in(&served.place.site, &job.namespace, "job", 3000, 0).await;
}

/// The first line of the metrics API's response to a request that does not come through the API server.
async fn ask(address: SocketAddr, path: &str, user: &str, with_certificate: bool) -> String {
    let request =
        format!("GET {path} HTTP/1.1\\r\\nHost: metrics\\r\\nX-Remote-User: {user}\\r\\nConnection: close\\r\\n\\r\\n");
    let identity = if with_certificate {
        format!("-cert {0}/front-proxy-client.crt -key {0}/front-proxy-client.key", pki().display())
    } else {
        String::new()
    };
    let script = format!(
        "(printf '{request}'; sleep 2) | timeout 10 openssl s_client -quiet -connect {address} {identity} 2>/dev/null"
    );
    let output = tokio::process::Command::new("sh").args(["-c", &script]).output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_front_proxy_is_served_and_only_for_users_who_may_read_the_metric() {
    let served = served().await;
    let metric = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/vaultstream_backlog_records",
        served.place.namespace
    );
    const HPA: &str = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";
    let response = async |user, with| ask(served.address, &metric, user, with).await;
    assert!(response(HPA, true).await.contains(" 200 "), "{}", served.operator.stderr());
    assert!(response("nobody", true).await.contains(" 403 "));
    assert_eq!(response(HPA, false).await, "", "a caller that is not the front proxy could claim any user");
    // Discovery is for every user of the front proxy.
    assert!(ask(served.address, "/apis", "nobody", true).await.contains(" 200 "));
}
