//! A job that follows a table, from the rows that were there to the receipt after `follow` was removed.

use serde_json::json;
use vaultstream_api::{ConditionType, FollowingStatus, Phase, Reason, SigningJob};

use crate::harness::{Job, Place, Program, assert_complete_in, condition, of_source, until};

const SPEC: &str = "batchSize: 50\nkeys: {count: 4, lease: {records: 200, duration: 5s}}\n\
                    workers: {minReplicas: 0, maxReplicas: 2}\nautoscaling: {mode: Direct}\nfollow: {maxDelay: 200ms}";

fn following(job: &SigningJob) -> Option<&FollowingStatus> {
    job.status.as_ref()?.following.as_ref()
}

async fn until_signed(job: &Job, records: u64) -> SigningJob {
    job.until(&format!("{records} records are signed"), |job| {
        let records_of = |job: &SigningJob| job.status.as_ref()?.records.as_ref()?.signed;
        records_of(job) == Some(records)
    })
    .await
}

/// A table with 200 rows, whose trigger fires.
async fn orders(place: &Place) {
    let table = "CREATE TABLE public.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text)";
    place.site.execute(table).await;
    insert(place, 200).await;
    let enable = ["source", "enable", "--table", "public.orders", "--database-url", &place.site.database_url];
    Program::vaultstream(&enable).end().await.assert_code(0);
}

async fn insert(place: &Place, rows: u32) {
    let insert = "INSERT INTO public.orders (body) SELECT 'order ' || n FROM generate_series(1, {}) n";
    place.site.execute(&insert.replace("{}", &rows.to_string())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_follows_its_table_until_that_is_removed_and_says_what_is_wrong_meanwhile() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    orders(&place).await;
    let job = place.create(&of_source("job", "table: {name: orders, payload: body}", SPEC)).await;
    job.until_condition(ConditionType::Following, "True", Reason::FollowsTable).await;
    job.until_condition(ConditionType::SourceReady, "True", Reason::SourceReadable).await;
    until_signed(&job, 200).await;

    insert(&place, 100).await;
    let now = until_signed(&job, 300).await;
    let status = now.status.as_ref().unwrap();
    assert_eq!((status.percent_done, status.estimated_completion_time.as_ref()), (None, None));
    assert!(following(&now).unwrap().lag.is_some());
    let (_, shown) = crate::harness::kubectl(&["-n", &job.namespace, "get", "signingjob", &job.name]).await;
    assert!(shown.lines().next().unwrap().contains("LAG"), "{shown}");

    assert_one_worker_stays(&job).await;
    assert_a_fault_of_the_source_stops_nothing(&place, &job).await;
    assert_rows_past_the_trigger_are_found(&place, &job).await;
    assert_rejects_stop_nothing(&place, &job).await;

    job.patch(json!({"spec": {"suspend": true}})).await;
    job.until_condition(ConditionType::Following, "False", Reason::SuspendRequested).await;
    place.until_no_children().await;
    insert(&place, 10).await;
    job.patch(json!({"spec": {"suspend": false}})).await;
    until_signed(&job, 350).await;

    job.patch(json!({"spec": {"follow": null, "maxRejected": 5}})).await;
    let complete = job.until_complete().await;
    let ended = condition(&complete, ConditionType::Following).unwrap();
    assert_eq!((ended.status.as_str(), ended.reason.as_str()), ("False", "Finished"));
    assert_complete_in(&place.site, &place.namespace, "job", 350, 1).await;
    place.until_no_children().await;
}

/// Although there is no backlog and minReplicas is 0.
async fn assert_one_worker_stays(job: &Job) {
    job.until_condition(ConditionType::WorkersAvailable, "True", Reason::WorkersReady).await;
    for _ in 0..20 {
        assert_eq!(job.replicas().await, Some(1), "{}", job.describe().await);
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

/// One of the two triggers is off: 10 rows are noted all the same, and signed while the fault is told.
async fn assert_a_fault_of_the_source_stops_nothing(place: &Place, job: &Job) {
    place.site.execute("ALTER TABLE public.orders DISABLE TRIGGER vaultstream_changed_keys").await;
    let now = job.until_condition(ConditionType::SourceReady, "False", Reason::SourceUnusable).await;
    let why = &condition(&now, ConditionType::SourceReady).unwrap().message;
    assert!(why.contains("vaultstream source enable --table public.orders"), "{why}");
    job.until_condition(ConditionType::Ready, "False", Reason::SourceUnusable).await;
    job.until_condition(ConditionType::Stalled, "True", Reason::SourceUnusable).await;
    until("there is an Event", || async { !job.events("SourceUnusable").await.is_empty() }).await;
    insert(place, 10).await;
    let now = until_signed(job, 310).await;
    for (type_, status) in [
        (ConditionType::SourceReady, "False"),
        (ConditionType::Accepted, "True"),
        (ConditionType::Following, "True"),
        (ConditionType::WorkersAvailable, "True"),
    ] {
        assert_eq!(condition(&now, type_).unwrap().status, status, "{type_}");
    }
}

/// 20 rows come while no trigger fires, and are found once it does again.
async fn assert_rows_past_the_trigger_are_found(place: &Place, job: &Job) {
    place.site.execute("ALTER TABLE public.orders DISABLE TRIGGER USER").await;
    insert(place, 20).await;
    place.site.execute("ALTER TABLE public.orders ENABLE TRIGGER USER").await;
    until_signed(job, 330).await;
    job.until("the rows that were found are told", |job| {
        following(job).is_some_and(|following| following.found_by_reconciling == Some(20))
    })
    .await;
    job.until_condition(ConditionType::SourceReady, "True", Reason::SourceReadable).await;
    job.until_condition(ConditionType::Ready, "True", Reason::Progressing).await;
    job.until_condition(ConditionType::Stalled, "False", Reason::Healthy).await;
}

async fn assert_rejects_stop_nothing(place: &Place, job: &Job) {
    place.site.execute("INSERT INTO public.orders (body) VALUES (NULL)").await;
    job.until_condition(ConditionType::Stalled, "True", Reason::RejectsAboveLimit).await;
    until("there is an Event", || async { !job.events("RejectsAboveLimit").await.is_empty() }).await;
    insert(place, 10).await;
    let now = until_signed(job, 340).await;
    assert_eq!(now.status.as_ref().unwrap().phase, Some(Phase::Signing));
    assert_eq!(condition(&now, ConditionType::Failed).unwrap().status, "False");
}
