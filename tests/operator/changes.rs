//! Changes while a job signs: of the operator's release with its worker image, and of the servers' addresses.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Job, Place, WORKER_IMAGE, assert_complete_in, generated, tag_worker_image, until};

const RECORDS: i64 = 3000;

/// Half a minute with two workers.
fn slow() -> String {
    generated(
        "job",
        RECORDS.unsigned_abs(),
        "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
         workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 50}",
    )
}

async fn image(job: &Job) -> Option<String> {
    job.deployment().await?.spec?.template.spec?.containers.first()?.image.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_its_worker_image_until_it_is_told_to_follow_the_operators() {
    let place = Place::new().await;
    let old = place.start_operator().await;
    let job = place.create(&slow()).await;
    place.site.until_signed(100).await;
    old.signal(Signal::TERM);
    old.end_within(Duration::from_secs(5)).await.assert_code(0);

    let newer = format!("vaultstream-worker:next-{}", place.namespace);
    tag_worker_image(&format!("docker.io/library/{newer}")).await;
    let new = place.operator("new").await.args(&["--worker-image", &newer]).start();
    new.until_leading().await;
    let signed = place.site.number("SELECT count(*) FROM vaultstream.signatures").await;
    place.site.until_signed(signed + 200).await;
    assert_eq!(image(&job).await.as_deref(), Some(WORKER_IMAGE), "{}", job.describe().await);

    job.patch(json!({"metadata": {"annotations": {"vaultstream.dev/upgrade-workers": "true"}}})).await;
    until("the workers have the new image", || async { image(&job).await.as_deref() == Some(newer.as_str()) }).await;
    let done = job.until_complete().await;
    assert_eq!(done.status.unwrap().worker_image.as_deref(), Some(newer.as_str()));
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
}

/// The kubelet updates a changed Secret within about a minute. Workers then finish what is in flight and restart with it.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_move_are_used_once_the_secret_has_their_addresses() {
    let mut place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&slow()).await;
    place.site.until_signed(100).await;
    place.move_servers().await;
    job.complete_within(Duration::from_secs(300)).await;
    assert_complete_in(&place.site, &place.namespace, "job", RECORDS, 0).await;
}
