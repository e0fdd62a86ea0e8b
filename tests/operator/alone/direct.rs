//! How soon the mode Direct wants the first worker.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use vaultstream_api::{ConditionType, Reason};

use crate::harness::{Place, generated};

/// When a Deployment of the namespace first has a replica.
async fn first_request(api: Api<Deployment>) -> SystemTime {
    let mut changes = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    while let Some(change) = changes.try_next().await.unwrap() {
        if let WatchEvent::Added(deployment) | WatchEvent::Modified(deployment) = change
            && deployment.spec.and_then(|spec| spec.replicas) >= Some(1)
        {
            return SystemTime::now();
        }
    }
    panic!("the watch ended before a worker was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_worker_is_requested_within_2_seconds_of_the_backlog() {
    let place = Place::quiet().await;
    let _operator = place.start_operator().await;
    let api = Api::<Deployment>::namespaced(place.client.clone(), &place.namespace);
    let request = tokio::spawn(first_request(api));
    let job = place.create(&generated("job", 20_000, "batchSize: 500\nautoscaling: {mode: Direct}")).await;
    let requested = request.await.unwrap();
    let sql = place.site.sql().await;
    let row = sql.query_one("SELECT seeded_at FROM vaultstream.jobs WHERE uid = $1", &[&job.uid]).await.unwrap();
    let backlog_since: SystemTime = row.get(0);
    let took = requested.duration_since(backlog_since).unwrap_or_default();
    assert!(took <= Duration::from_secs(2), "{took:?} passed between backlog and request\n{}", job.describe().await);
    println!("from backlog to the first worker requested: {:.2} s", took.as_secs_f64());
    job.until_condition(ConditionType::Scaling, "True", Reason::ScaledDirectly).await;
    job.until_complete().await;
}
