//! A sample of 100,000 records, from its creation to the last trace of its deletion.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use tokio::task::JoinHandle;
use vaultstream_api::{Phase, SigningJob};

use crate::harness::{Job, PATIENCE, Place, assert_complete_in, generated, kubectl, phase_of};

const RECORDS: i64 = 100_000;

fn sample(policy: &str) -> String {
    generated(
        "sample",
        100_000,
        &format!("batchSize: 500\nkeys: {{count: 20}}\nworkers: {{maxReplicas: 2}}\ndeletionPolicy: {{{policy}}}"),
    )
}

/// The phases of a job, in order.
fn watch_phases(api: Api<SigningJob>, name: &str) -> JoinHandle<Vec<Phase>> {
    let only = WatchParams::default().fields(&format!("metadata.name={name}"));
    tokio::spawn(async move {
        let mut passed = Vec::new();
        let mut changes = api.watch(&only, "0").await.unwrap().boxed();
        while let Some(change) = changes.try_next().await.unwrap() {
            let (WatchEvent::Added(job) | WatchEvent::Modified(job)) = change else { continue };
            let Some(phase) = phase_of(&job) else { continue };
            if passed.last() != Some(&phase) {
                passed.push(phase);
            }
            if phase.is_final() {
                break;
            }
        }
        passed
    })
}

async fn wait_with_kubectl(job: &Job) {
    let (content, said) = kubectl(&[
        "-n",
        &job.namespace,
        "wait",
        "--for=condition=Complete",
        &format!("signingjob/{}", job.name),
        &format!("--timeout={}s", PATIENCE.as_secs()),
    ])
    .await;
    assert!(content, "kubectl wait: {said}\n{}", job.describe().await);
}

/// Tables of the ledger that hold rows of one job only.
async fn partitions(place: &Place) -> i64 {
    let sql = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'vaultstream' \
               AND c.relkind = 'r' AND c.relname ~ '^(records|signatures)_'";
    place.site.number(sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_signed_verified_and_leaves_nothing_when_it_is_deleted() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&sample("signatures: Delete, records: Delete")).await;
    let phases = watch_phases(job.api.clone(), &job.name);
    wait_with_kubectl(&job).await;
    let phases = phases.await.unwrap();
    assert_eq!(phases.last(), Some(&Phase::Complete), "{phases:?}");
    assert!(phases.contains(&Phase::Signing), "{phases:?}");
    let places: Vec<_> = phases.iter().map(|phase| Phase::ALL.iter().position(|known| known == phase)).collect();
    assert!(places.is_sorted(), "phases went back: {phases:?}");
    assert_complete_in(&place.site, &place.namespace, "sample", RECORDS, 0).await;

    place.until_no_children().await;
    let done =
        job.until("no worker is reported", |job| job.status.as_ref().is_some_and(|status| status.replicas == Some(0)));
    let status = done.await.status.unwrap();
    let records = status.records.unwrap();
    assert_eq!(
        (records.total, records.signed, records.rejected, records.backlog),
        (Some(100_000), Some(100_000), Some(0), Some(0))
    );
    assert!(status.receipt.is_some() && status.completion_time.is_some());
    assert_eq!(place.streams_of(&job).await, Vec::<String>::new());

    job.delete().await;
    job.until_gone(Duration::from_secs(30)).await;
    assert_eq!(place.children().await, Vec::<String>::new());
    assert_eq!(partitions(&place).await, 0, "partitions were left");
    for table in ["jobs", "keys", "batches", "rejects", "records", "signatures"] {
        assert_eq!(place.site.number(&format!("SELECT count(*) FROM vaultstream.{table}")).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_signatures_are_not_touched_by_a_new_job_of_the_same_name() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let first = place.create(&sample("signatures: Retain, records: Retain")).await;
    wait_with_kubectl(&first).await;
    let digest = "SELECT md5(string_agg(record_id || ':' || key_id || ':' || encode(signature, 'hex'), ',' ORDER BY record_id)) \
                  FROM vaultstream.signatures s JOIN vaultstream.jobs j ON j.id = s.job_id WHERE j.uid = ";
    let digest = format!("{digest}'{}'", first.uid);
    let before = place.site.text(&digest).await;
    first.delete().await;
    first.until_gone(Duration::from_secs(30)).await;
    assert_eq!(place.streams_of(&first).await, Vec::<String>::new());

    let second = place.create(&sample("signatures: Retain, records: Delete")).await;
    assert_ne!(first.uid, second.uid);
    wait_with_kubectl(&second).await;
    assert_complete_in(&place.site, &place.namespace, "sample", RECORDS, 0).await;
    assert_eq!(place.site.text(&digest).await, before, "signatures of the first job changed");

    second.delete().await;
    second.until_gone(Duration::from_secs(30)).await;
    assert_eq!(place.site.text(&digest).await, before, "signatures of the first job changed");
    let kept = "SELECT count(*) FROM vaultstream.signatures";
    assert_eq!(place.site.number(kept).await, 2 * RECORDS, "retained signatures are gone");
    assert_eq!(place.site.number("SELECT count(*) FROM vaultstream.jobs WHERE live").await, 0);
    assert_eq!(partitions(&place).await, 3, "the second one's records should be gone, and nothing else");
}
