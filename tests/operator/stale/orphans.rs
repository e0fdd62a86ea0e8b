//! Children that the operator has made and cannot see: they go with the job that needs them no longer.

use std::time::{Duration, Instant};

use serde_json::json;
use vaultstream_api::Phase;

use super::Proxied;
use super::life::{RECORDS, manifest};
use super::proxy::ApiProxy;
use super::proxy::{WatchFault, Write, WriteFault};
use crate::harness::{assert_complete_in, generated, until};

/// Longer than the jobs of these tests live.
const BLIND: Duration = Duration::from_secs(300);
const BUDGETS: &str = "poddisruptionbudgets";

fn quick() -> String {
    let spec = "batchSize: 20\nkeys: {count: 3}\nworkers: {minReplicas: 2, maxReplicas: 2}";
    generated("job", RECORDS.unsigned_abs(), spec)
}

fn write(kind: &str, nth: u32) -> Write {
    Write { about: "job".to_owned(), kind: kind.to_owned(), nth }
}

/// The budget is never seen, and its first deletion fails: it has to be deleted again all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_whose_deletion_failed_is_deleted_although_no_watch_has_ever_shown_it() {
    for fault in WriteFault::NOTICED {
        let proxied = Proxied::new().await;
        let deletion = write("DELETE poddisruptionbudgets", 1);
        proxied.proxy.writes.fail(deletion.clone(), fault);
        let _operator = proxied.start_operator().await;
        proxied.proxy.watches.disturb(BUDGETS, WatchFault::Held, BLIND);
        let job = proxied.place.create(&quick()).await;
        job.until_complete().await;
        proxied.until_nothing_runs(&job).await;
        assert!(proxied.proxy.writes.has_fired(&deletion), "{fault:?} met nothing");
        assert_complete_in(&proxied.place.site, &proxied.place.namespace, "job", RECORDS, 0).await;
    }
}

/// It was made although every response was lost, until the job is suspended. No watch shows it before it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_was_made_without_a_response_is_deleted_although_no_watch_has_shown_it() {
    for kind in ["PATCH poddisruptionbudgets", "POST deployments"] {
        let proxied = Proxied::new().await;
        let made = |nth| write(kind, nth);
        (1..=50).for_each(|nth| proxied.proxy.writes.fail(made(nth), WriteFault::Unanswered));
        let _operator = proxied.start_operator().await;
        let blind_until = Instant::now() + BLIND;
        for resource in [BUDGETS, "deployments"] {
            proxied.proxy.watches.disturb(resource, WatchFault::Missed, BLIND);
        }
        let job = proxied.place.create(&manifest("job")).await;
        until("it was made", || async { proxied.proxy.writes.has_fired(&made(1)) }).await;
        job.patch(json!({"spec": {"suspend": true}})).await;
        job.until_phase(Phase::Suspended).await;
        proxied.until_nothing_runs(&job).await;
        assert!(Instant::now() < blind_until, "a watch may have shown it");
        proxied.proxy.watches.calm();
        proxied.proxy.writes.calm();
        job.patch(json!({"spec": {"suspend": false, "workers": {"maxRecordsPerSecond": null}}})).await;
        job.until_complete().await;
        proxied.until_nothing_runs(&job).await;
        assert_complete_in(&proxied.place.site, &proxied.place.namespace, "job", RECORDS, 0).await;
    }
}

/// The leader ends after it has deleted the Deployment and before it could delete the budget. The next one completes the job
/// without ever having seen that budget.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_a_new_leader_sees_only_after_the_end_of_its_job_is_deleted() {
    let proxied = Proxied::new().await;
    let deletion = |nth| write("DELETE poddisruptionbudgets", nth);
    (1..100).for_each(|nth| proxied.proxy.writes.fail(deletion(nth), WriteFault::Lost));
    let first = proxied.start_operator().await;
    let blind = ApiProxy::start().await;
    let way = blind.kubeconfig(&proxied.place.kubeconfig);
    let second = proxied.place.operator("second").await.env("KUBECONFIG", way.to_str().unwrap()).start();
    second.until_ready().await;
    blind.watches.disturb(BUDGETS, WatchFault::Held, BLIND);

    let job = proxied.place.create(&quick()).await;
    until("its budget cannot be deleted", || async { proxied.proxy.writes.has_fired(&deletion(1)) }).await;
    until("its Deployment is gone", || async { job.deployment().await.is_none() }).await;
    drop(first);
    second.until_leading().await;
    job.until_complete().await;
    assert_eq!(proxied.children_of(&job, BUDGETS).await.len(), 1, "there is nothing to be seen late");
    blind.watches.calm();
    proxied.until_nothing_runs(&job).await;
    assert_complete_in(&proxied.place.site, &proxied.place.namespace, "job", RECORDS, 0).await;
}
