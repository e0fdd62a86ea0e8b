//! A name that is used again while the operator has not yet seen that its job is gone.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::json;
use vaultstream_api::{Phase, SigningJob};

use super::Proxied;
use super::life::{RECORDS, manifest};
use super::proxy::{WatchFault, Write, WriteFault};
use crate::harness::{Job, assert_complete_in, generated, until};

/// Longer than the first sweep of a leader takes, which is tried again when the ledger is not connected yet.
const FIRST_SWEEP: Duration = Duration::from_secs(17);
/// Longer than a few reconciles.
const STALE: Duration = Duration::from_secs(6);

fn quick(name: &str) -> String {
    generated(
        name,
        RECORDS.unsigned_abs(),
        "batchSize: 20\nkeys: {count: 2}\ndeletionPolicy: {signatures: Delete, records: Delete}",
    )
}

impl Proxied {
    async fn rows_of(&self, job: &Job) -> i64 {
        let sql = format!("SELECT count(*) FROM vaultstream.jobs WHERE uid = '{}'", job.uid);
        self.place.site.number_or_zero(&sql).await
    }

    /// Waits until the first write that sets the finalizer was refused.
    async fn until_without_finalizer(&self, name: &str) {
        let first = Write { about: name.to_owned(), kind: "PATCH signingjobs".to_owned(), nth: 1 };
        until("the finalizer was refused", || async { self.proxy.writes.has_fired(&first) }).await;
    }

    fn refuse_the_first_finalizer(&self, name: &str) {
        let first = Write { about: name.to_owned(), kind: "PATCH signingjobs".to_owned(), nth: 1 };
        self.proxy.writes.fail(first, WriteFault::Refused);
    }
}

/// Without its finalizer a job is gone at once. The operator, which tries again, still has it in its cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_deleted_before_it_got_its_finalizer_leaves_nothing_behind() {
    let proxied = Proxied::new().await;
    proxied.refuse_the_first_finalizer("job");
    let _operator = proxied.start_operator().await;
    let job = proxied.place.create(&quick("job")).await;
    proxied.until_without_finalizer("job").await;
    proxied.proxy.watches.disturb("signingjobs", WatchFault::Held, STALE);
    job.delete().await;
    job.until_gone(Duration::from_secs(1)).await;
    tokio::time::sleep(STALE + Duration::from_secs(1)).await;
    assert!(proxied.proxy.watches.met().contains_key(&("signingjobs".to_owned(), WatchFault::Held)));
    let tries = proxied.proxy.writes.seen("job")["PATCH signingjobs"];
    assert!(tries >= 2, "it was not tried again with the stale object");
    assert_eq!(proxied.rows_of(&job).await, 0, "the ledger has a job that is gone");
    proxied.assert_nothing_is_left(&job).await;
}

/// Nothing reconciles a job that is gone, but its task still runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_finalizer_was_removed_by_hand_is_soon_swept() {
    let proxied = Proxied::new().await;
    let _operator = proxied.start_operator().await;
    tokio::time::sleep(FIRST_SWEEP).await;
    for (name, fault) in [("held", WatchFault::Held), ("missed", WatchFault::Missed)] {
        let job = proxied.place.create(&manifest(name)).await;
        job.until_phase(Phase::Signing).await;
        proxied.proxy.watches.disturb("signingjobs", fault, STALE);
        job.patch(json!({"metadata": {"finalizers": null}})).await;
        job.delete().await;
        until("its row is gone", || async { proxied.rows_of(&job).await == 0 }).await;
        proxied.assert_nothing_is_left(&job).await;
        assert!(proxied.proxy.watches.met().contains_key(&("signingjobs".to_owned(), fault)));
        // The task would make the row again, if it still ran.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(proxied.rows_of(&job).await, 0);
    }
}

/// Its finalizer is removed by hand in mid-job, and its name is used again at once: the operator believes that it is the old
/// job's, and reconciles that each second.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_job_is_not_given_the_status_of_an_old_one_of_its_name() {
    for fault in [WatchFault::Held, WatchFault::Missed] {
        let proxied = Proxied::new().await;
        let _operator = proxied.start_operator().await;
        let old = proxied.place.create(&manifest("job")).await;
        proxied.place.site.until_signed(5).await;
        let signed = |job: &SigningJob| job.status.as_ref()?.records.as_ref()?.signed;
        old.until("the status has figures", |job| signed(job) > Some(0)).await;
        proxied.proxy.watches.disturb("signingjobs", fault, STALE);
        old.patch(json!({"metadata": {"finalizers": null}})).await;
        old.delete().await;
        old.until_gone(Duration::from_secs(5)).await;
        let new = proxied.place.create(&quick("job")).await;
        let begun = std::time::Instant::now();
        while begun.elapsed() < STALE - Duration::from_millis(500) {
            let now = new.get().await;
            assert!(now.status.is_none() && now.finalizers().is_empty(), "{}", new.describe().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(proxied.proxy.watches.met().contains_key(&("signingjobs".to_owned(), fault)));
        new.until_complete().await;
        assert_complete_in(&proxied.place.site, &proxied.place.namespace, "job", RECORDS, 0).await;
        proxied.until_nothing_runs(&new).await;
        until("nothing of the old job is left", || async { proxied.rows_of(&old).await == 0 }).await;
        proxied.assert_nothing_is_left(&old).await;
    }
}

/// The finalizer was removed, but the operator was not told so and tries again, while its name has a new owner already.
#[tokio::test(flavor = "multi_thread")]
async fn the_finalizers_of_a_new_job_are_not_those_of_an_old_one_of_its_name() {
    const OTHER: &str = "example.com/other";
    let proxied = Proxied::new().await;
    let _operator = proxied.start_operator().await;
    let old = proxied.place.create(&quick("job")).await;
    old.until_complete().await;
    proxied.until_nothing_runs(&old).await;
    let set = proxied.proxy.writes.seen("job")["PATCH signingjobs"];
    let removal = Write { about: "job".to_owned(), kind: "PATCH signingjobs".to_owned(), nth: set + 1 };
    proxied.proxy.writes.fail(removal.clone(), WriteFault::Unanswered);
    old.delete().await;
    old.until("it is being deleted", |job| job.metadata.deletion_timestamp.is_some()).await;
    proxied.proxy.watches.disturb("signingjobs", WatchFault::Held, STALE);
    until("the finalizer is removed", || async { proxied.proxy.writes.has_fired(&removal) }).await;
    old.until_gone(Duration::from_secs(2)).await;
    let with_another = quick("job").replace("  name: job\n", &format!("  name: job\n  finalizers: [{OTHER}]\n"));
    let new = proxied.place.create(&with_another).await;
    tokio::time::sleep(STALE).await;
    assert!(proxied.proxy.writes.seen("job")["PATCH signingjobs"] > set + 1, "it was not tried again");
    let done = new.until_complete().await;
    assert!(done.finalizers().iter().any(|finalizer| finalizer == OTHER), "{:?}", done.finalizers());
    proxied.until_nothing_runs(&new).await;
    new.delete().await;
    let freed = json!({"metadata": {"finalizers": [vaultstream_api::names::FINALIZER]}});
    new.patch(freed).await;
    new.until_gone(Duration::from_secs(30)).await;
    proxied.assert_nothing_is_left(&new).await;
}
