//! What users do to jobs: suspend and resume them, pause the operator, queue them, let them expire.

use std::time::Duration;

use kube::api::DeleteParams;
use rustix::process::Signal;
use serde_json::json;
use vaultstream_api::names::FINALIZER;
use vaultstream_api::{ConditionType, Phase, Reason};

use crate::harness::{Job, Place, assert_complete_in, condition, generated, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}";

/// Ten seconds of work.
fn slow(name: &str, further: &str) -> String {
    generated(name, 1000, &format!("{SPEC}\nworkers: {{maxReplicas: 1, maxRecordsPerSecond: 100}}\n{further}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_job_holds_nothing_and_continues_where_it_was() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&slow("job", "")).await;
    place.site.until_signed(200).await;
    job.patch(json!({"spec": {"suspend": true}})).await;
    job.until_phase(Phase::Suspended).await;
    job.until_condition(ConditionType::Suspended, "True", Reason::SuspendRequested).await;
    place.until_no_children().await;
    until("its streams are gone", || async { place.streams_of(&job).await.is_empty() }).await;
    let signed = place.site.signed().await;
    assert!((200..1000).contains(&signed), "{signed}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(place.site.signed().await, signed, "a suspended job was signed");
    assert!(job.get().await.status.unwrap().completion_time.is_none());

    job.patch(json!({"spec": {"suspend": false}})).await;
    job.until_condition(ConditionType::Suspended, "False", Reason::NotSuspended).await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 1000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_suspended_from_its_beginning_has_no_workers_until_it_is_resumed() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, &format!("{SPEC}\nsuspend: true"))).await;
    job.until_phase(Phase::Suspended).await;
    assert_eq!(place.children().await, Vec::<String>::new());
    job.patch(json!({"spec": {"suspend": false}})).await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 100, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_job_lets_the_next_one_be_admitted_and_queues_again_when_it_is_resumed() {
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--active-jobs", "1"]).start();
    operator.until_leading().await;
    let first = place.create(&slow("first", "")).await;
    place.site.until_signed(100).await;
    first.patch(json!({"spec": {"suspend": true}})).await;
    first.until_phase(Phase::Suspended).await;
    // A job that is suspended from its beginning is not admitted, either.
    let never = place.create(&generated("never", 100, &format!("{SPEC}\nsuspend: true"))).await;
    never.until_phase(Phase::Suspended).await;
    let second = place.create(&slow("second", "")).await;
    second.until_phase(Phase::Signing).await;

    first.patch(json!({"spec": {"suspend": false}})).await;
    first.until_phase(Phase::Queued).await;
    assert!(first.deployment().await.is_none(), "{}", first.describe().await);
    second.until_complete().await;
    first.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "first", 1000, 0).await;
    assert_eq!(never.get().await.status.unwrap().phase, Some(Phase::Suspended));
}

/// The leader is stopped after the first chunk, so that the others are still to be seeded when it sees the change.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_suspended_while_it_is_seeded_and_continues_where_it_was() {
    const MANY: i64 = 1_500_000;
    let place = Place::new().await;
    let operator = place.operator("operator").await.fault("seeded-chunk=stop").start();
    operator.until_leading().await;
    let job = place.create(&generated("job", MANY.unsigned_abs(), "batchSize: 5000\nkeys: {count: 1}")).await;
    operator.until_stopped().await;
    job.patch(json!({"spec": {"suspend": true}})).await;
    operator.signal(Signal::CONT);
    job.until_phase(Phase::Suspended).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seeded = "SELECT seeded FROM vaultstream.jobs WHERE state = 'Seeding'";
    let by_then = place.site.number_or_zero(seeded).await;
    assert!((1..MANY).contains(&by_then), "{by_then} were seeded");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(place.site.number_or_zero(seeded).await, by_then, "a suspended job was seeded");

    job.patch(json!({"spec": {"suspend": false}})).await;
    job.until_condition(ConditionType::Seeded, "True", Reason::Planned).await;
    assert_eq!(place.site.number("SELECT total FROM vaultstream.jobs").await, MANY);
}

/// The Deployment is deleted by hand while reconciles are paused, and the job is over when they continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_disruption_budget_is_deleted_although_its_deployment_is_gone() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let two = "workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 40}";
    let job = place.create(&generated("job", 600, &format!("{SPEC}\n{two}"))).await;
    place.site.until_signed(20).await;
    job.patch(json!({"metadata": {"annotations": {"vaultstream.dev/reconcile": "paused"}}})).await;
    let complete = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Complete'";
    until("the job is over", || async { place.site.number(complete).await == 1 }).await;
    job.deployments.delete(&job.child(), &DeleteParams::background()).await.unwrap();
    until("the Deployment is gone", || async { job.deployment().await.is_none() }).await;
    job.patch(json!({"metadata": {"annotations": {"vaultstream.dev/reconcile": null}}})).await;
    job.until_complete().await;
    place.until_no_children().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_is_deleted_when_its_time_to_live_is_over() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let kept = place.create(&generated("kept", 100, SPEC)).await;
    let expiring = place.create(&generated("expiring", 100, &format!("{SPEC}\nttlAfterFinished: 5s"))).await;
    expiring.until_complete().await;
    kept.until_complete().await;
    expiring.until_gone(Duration::from_secs(30)).await;
    place.until_no_children().await;
    assert!(kept.api.get_opt("kept").await.unwrap().is_some());
    let signatures = "SELECT count(*) FROM vaultstream.signatures";
    assert_eq!(place.site.number(signatures).await, 200, "signatures are retained by default");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_does_not_touch_a_paused_job() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let manifest = generated("job", 100, SPEC)
        .replace("  name: job\n", "  name: job\n  annotations: {vaultstream.dev/reconcile: paused}\n");
    let paused = place.create(&manifest).await;
    let other = place.create(&generated("other", 100, SPEC)).await;
    other.until_complete().await;
    let seen = paused.get().await;
    assert!(seen.status.is_none() && seen.metadata.finalizers.is_none(), "{seen:?}");
    paused.patch(json!({"metadata": {"annotations": {"vaultstream.dev/reconcile": null}}})).await;
    let done = paused.until_complete().await;
    assert_eq!(done.metadata.finalizers, Some(vec![FINALIZER.to_owned()]));
}

fn position_in_queue(job: &vaultstream_api::SigningJob) -> Option<String> {
    let scaling = condition(job, ConditionType::Scaling)?;
    (scaling.reason == Reason::Queued.as_str()).then(|| scaling.message.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_beyond_the_limit_wait_in_the_order_of_their_age() {
    let place = Place::new().await;
    let operator = place.operator("operator").await.args(&["--active-jobs", "1"]).start();
    operator.until_leading().await;
    let first = place.create(&slow("first", "")).await;
    first.until_phase(Phase::Signing).await;
    let mut waiting: Vec<Job> = Vec::new();
    for (number, name) in ["second", "third"].into_iter().enumerate() {
        let job = place.create(&generated(name, 100, SPEC)).await;
        let queued = job.until_phase(Phase::Queued).await;
        assert_eq!(condition(&queued, ConditionType::Seeded).unwrap().status, "True", "it waits seeded");
        let expected = format!("number {} in the queue", number + 1);
        job.until(&expected, |job| position_in_queue(job).as_deref() == Some(&expected)).await;
        assert!(job.deployment().await.is_none() && place.streams_of(&job).await.is_empty());
        waiting.push(job);
        // Ages are stored in seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    first.until_complete().await;
    for job in &waiting {
        job.until_complete().await;
    }
    let one_after_the_other = "SELECT count(*) FROM vaultstream.jobs a JOIN vaultstream.jobs b ON a.name = 'second' \
         AND b.name = 'third' AND a.finished_at <= b.published_at";
    assert_eq!(place.site.number(one_after_the_other).await, 1, "the second ends before the third begins to be signed");
}
