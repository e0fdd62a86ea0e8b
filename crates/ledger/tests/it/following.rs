//! A job that follows its table, step by step: what is planned, by whom, and what may be deleted.

mod closing;
mod readings;

use std::time::Duration;

use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_api::{Follow, SigningJobSpec};
use vaultstream_ledger::arrivals::{self, Enable, TableName};
use vaultstream_ledger::following::{self, Arrived, FollowPlan, Followed, Place, Stored, TableRows};
use vaultstream_ledger::planning::{self, TablePlan};
use vaultstream_ledger::steps::{self, Finish, Step};
use vaultstream_ledger::{FollowState, Job, jobs};

use crate::row_keys::of;
use crate::stage::{Stage, seed_chunk, segment};

const NOW: Option<Duration> = Some(Duration::ZERO);
const NEVER: Option<Duration> = None;

pub(crate) struct FollowedJob {
    pub(crate) stage: Stage,
    pub(crate) sql: Client,
    pub(crate) job: Job,
}

fn spec() -> SigningJobSpec {
    SigningJobSpec { follow: Some(Follow::default()), ..of("notes", &[], 10) }
}

/// A job that follows a table of 25 rows, and who plans these.
pub(crate) async fn to_be_planned() -> (FollowedJob, TablePlan) {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute("CREATE TABLE notes (k text PRIMARY KEY, body text); INSERT INTO notes SELECT 'old ' || g, 'x' FROM generate_series(10, 34) g")
        .await
        .unwrap();
    let table = TableName { schema: "public".to_owned(), name: "notes".to_owned() };
    let wish = Enable { table, key: None, readers: Vec::new(), lock_timeout: Duration::from_secs(20) };
    arrivals::enable(&stage.ledger, &wish).await.unwrap();
    let job = stage.pending(spec()).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let planning::Begun::Plan(plan) = planning::begin(&stage.ledger, job.id, job.uid).await.unwrap() else {
        panic!("no plan")
    };
    (FollowedJob { stage, sql, job }, plan)
}

/// A job that follows a table of 25 rows, which are planned.
pub(crate) async fn begun() -> FollowedJob {
    let (FollowedJob { stage, sql, job }, plan) = to_be_planned().await;
    let arrivals = following::look(&stage.ledger, &job).await.unwrap().arrivals.unwrap();
    planning::note_arrivals(&stage.ledger, &plan, &arrivals).await.unwrap();
    while stage.job(job.id).await.total.is_none() {
        seed_chunk(&stage.ledger, job.id, 1000).await.unwrap();
    }
    steps::oversee_growth(&stage.ledger, job.id).await.unwrap();
    let job = stage.job(job.id).await;
    FollowedJob { stage, sql, job }
}

impl FollowedJob {
    async fn insert(&self, name: &str, rows: i64) {
        let insert = "INSERT INTO notes SELECT $1 || g, 'x' FROM generate_series(1, $2::bigint) g";
        self.sql.execute(insert, &[&name, &rows]).await.unwrap();
    }

    async fn begin(&self) -> FollowPlan {
        self.sql.batch_execute("UPDATE vaultstream.jobs SET plan_lease_until = NULL").await.unwrap();
        let Followed::Plan(plan) = following::begin(&self.stage.ledger, self.job.id, Uuid::new_v4()).await.unwrap()
        else {
            panic!("another one plans")
        };
        plan
    }

    async fn read(&self) -> Arrived {
        let looked = following::look(&self.stage.ledger, &self.job).await.unwrap();
        following::read_arrivals(&self.stage.ledger, &self.job, &looked.arrivals.unwrap()).await.unwrap()
    }

    async fn store(&self, plan: &FollowPlan, arrived: &Arrived, close_after: Option<Duration>) -> Stored {
        following::store_arrivals(&self.stage.ledger, plan, arrived, close_after).await.unwrap()
    }

    async fn waiting(&self) -> i64 {
        let oid = self.stage.number("SELECT 'notes'::regclass::oid::bigint").await;
        self.stage.number(&format!("SELECT count(*) FROM public.vaultstream_arrivals_{oid}")).await
    }

    /// Keys in the order of their ordinals, which are 1, 2, 3 …
    async fn keys(&self) -> Vec<String> {
        let sql = format!("SELECT ordinal, k1 FROM vaultstream.rows_{} ORDER BY ordinal", self.job.id);
        let rows = self.sql.query(&sql, &[]).await.unwrap();
        let ordinals: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(ordinals, (1..=i64::try_from(rows.len()).unwrap()).collect::<Vec<_>>());
        rows.iter().map(|row| row.get(1)).collect()
    }

    async fn batches(&self) -> Vec<(i64, i64)> {
        self.stage.ranges(&self.job).await.iter().map(|range| (range.first, range.last)).collect()
    }

    async fn remove_follow(&self) {
        let spec = SigningJobSpec { follow: None, ..self.job.spec.clone() };
        jobs::update_spec(&self.stage.ledger, self.job.id, &spec, 2).await.unwrap();
    }
}

#[tokio::test]
async fn rows_get_ordinals_in_the_order_in_which_they_arrive_and_each_once() {
    let job = begun().await;
    assert_eq!(job.batches().await, [(1, 10), (11, 20), (21, 25)]);
    let plan = job.begin().await;
    job.insert("z", 2).await;
    job.insert("a", 1).await;
    let first = job.read().await;
    assert_eq!((first.len(), first.is_all()), (3, true));
    assert_eq!(job.store(&plan, &first, NEVER).await, Stored::Planned { new: 3, unbatched: 3 });
    assert_eq!(job.keys().await[25..], ["z1", "z2", "a1"]);
    // It was not deleted: it comes again with the next ones.
    job.insert("b", 8).await;
    let second = job.read().await;
    assert_eq!(second.len(), 11);
    assert_eq!(job.store(&plan, &second, NEVER).await, Stored::Planned { new: 8, unbatched: 1 });
    assert_eq!(job.batches().await[3..], [(26, 35)]);
    following::delete_arrivals(&job.stage.ledger, &second).await.unwrap();
    assert_eq!(job.waiting().await, 0);
    assert_eq!(
        job.store(&plan, &job.read().await, Some(Duration::from_secs(3600))).await,
        Stored::Planned { new: 0, unbatched: 1 }
    );
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Planned { new: 0, unbatched: 0 });
    assert_eq!(job.batches().await[4..], [(36, 36)]);
    assert_eq!(job.stage.job(job.job.id).await.total, Some(36));
}

#[tokio::test]
async fn a_planner_that_was_overtaken_changes_nothing() {
    let job = begun().await;
    let slow = job.begin().await;
    job.insert("a", 3).await;
    let read = job.read().await;
    assert!(matches!(following::begin(&job.stage.ledger, job.job.id, Uuid::new_v4()).await.unwrap(), Followed::Held));
    let fast = job.begin().await;
    assert_eq!(job.store(&slow, &read, NOW).await, Stored::Lost);
    assert_eq!(job.keys().await.len(), 25);
    assert_eq!(job.store(&fast, &job.read().await, NOW).await, Stored::Planned { new: 3, unbatched: 0 });
    let looked = TableRows::from_the_beginning();
    assert_eq!(following::store_rows(&job.stage.ledger, &slow, &looked).await.unwrap(), Stored::Lost);
    assert_eq!(job.stage.job(job.job.id).await.follow.unwrap().scan, None);
}

#[tokio::test]
async fn exactly_the_arrivals_that_were_read_are_deleted_and_in_no_other_table() {
    let job = begun().await;
    job.insert("a", 2).await;
    // A smaller number that becomes visible later.
    let late = job.stage.sql().await;
    late.batch_execute("BEGIN; INSERT INTO notes VALUES ('late', 'x')").await.unwrap();
    job.insert("b", 2).await;
    let read = job.read().await;
    assert_eq!(read.len(), 4);
    late.batch_execute("COMMIT").await.unwrap();
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    assert_eq!(job.waiting().await, 1);
    // Made anew, it counts from 1 again.
    let read = job.read().await;
    let oid = job.stage.number("SELECT 'notes'::regclass::oid::bigint").await;
    job.sql
        .batch_execute(&format!(
            "CREATE TABLE anew (LIKE vaultstream_arrivals_{oid} INCLUDING ALL); DROP TABLE vaultstream_arrivals_{oid}; \
             ALTER TABLE anew RENAME TO vaultstream_arrivals_{oid}; INSERT INTO vaultstream_arrivals_{oid} (k1) SELECT 'n' || g FROM generate_series(1, 9) g"
        ))
        .await
        .unwrap();
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    assert_eq!(job.waiting().await, 9);
    // Its first reading begins a look through the table.
    let plan = job.begin().await;
    job.store(&plan, &job.read().await, NOW).await;
    assert_eq!(job.stage.job(job.job.id).await.follow.unwrap().scan, Some(None));
}

#[tokio::test]
async fn rows_that_no_trigger_saw_are_found_by_a_look_through_the_table() {
    let job = begun().await;
    let plan = job.begin().await;
    job.sql.batch_execute("SET session_replication_role = replica").await.unwrap();
    job.insert("unseen ", 30).await;
    assert_eq!(job.waiting().await, 0);
    let ledger = &job.stage.ledger;
    following::store_rows(ledger, &plan, &TableRows::from_the_beginning()).await.unwrap();
    let rows = following::read_table(ledger, &job.job, &Place::Begin).await.unwrap();
    assert_eq!(*rows.next(), Place::End);
    let stored = following::store_rows(ledger, &plan, &rows).await.unwrap();
    assert_eq!(stored, Stored::Planned { new: 30, unbatched: 0 });
    let follow = job.stage.job(job.job.id).await.follow.unwrap();
    assert_eq!((follow.found, follow.scan), (30, None));
    assert!(follow.scanned.is_some());
    // What goes on where nothing was begun is refused.
    assert!(following::store_rows(ledger, &plan, &rows).await.is_err());
}

#[tokio::test]
async fn once_follow_is_removed_what_came_before_is_planned_and_the_job_can_end() {
    let job = begun().await;
    let before = job.begin().await;
    job.insert("a", 3).await;
    let read_before = job.read().await;
    job.remove_follow().await;
    assert_eq!(job.stage.job(job.job.id).await.follow.unwrap().state, FollowState::Ending);
    assert_eq!(job.store(&before, &read_before, NOW).await, Stored::Lost, "what was read before does not count");
    let lease = job.stage.first_lease(&job.job).await;
    let finish = async || steps::begin_finish(&job.stage.ledger, job.job.id).await;
    let sign = async || {
        let segments: Vec<_> = job.stage.ranges(&job.job).await.iter().map(|range| segment(range, lease.key)).collect();
        job.stage.commit(&job.job, &lease, &segments).await;
    };
    sign().await;
    assert!(finish().await.is_err(), "a job that has not read everything does not end");
    let plan = job.begin().await;
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Planned { new: 3, unbatched: 0 });
    let rows = following::read_table(&job.stage.ledger, &job.job, &Place::Begin).await.unwrap();
    assert_eq!(following::store_rows(&job.stage.ledger, &plan, &rows).await.unwrap(), Stored::Ended);
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Lost, "nothing is planned afterwards");
    assert_eq!(finish().await.unwrap(), Step::Done(Finish::Unsigned { batches: 1 }));
    sign().await;
    assert_eq!(finish().await.unwrap(), Step::Done(Finish::Ready));
    assert_eq!(job.stage.stored(&job.job).await, 28);
}

#[tokio::test]
async fn follow_is_not_added_later() {
    let stage = Stage::new().await;
    stage.sql().await.batch_execute("CREATE TABLE notes (k text PRIMARY KEY, body text)").await.unwrap();
    let job = stage.pending(of("notes", &[], 10)).await;
    let told = jobs::update_spec(&stage.ledger, job.id, &spec(), 2).await.unwrap_err().to_string();
    assert_eq!(told, "spec.follow cannot be added after creation: create another SigningJob");
    let raw = "UPDATE vaultstream.jobs SET spec = spec || '{\"follow\": {}}'";
    assert!(stage.sql().await.batch_execute(raw).await.is_err(), "nor by another program");
}

mod kept {
    use vaultstream_ledger::checkpoints::{self, NewCheckpoint};
    use vaultstream_ledger::{Lease, leases};

    use super::*;
    use crate::stage::MINUTE;

    async fn store(job: &FollowedJob, lease: &Lease, previous: Option<&[u8; 32]>, batches: i64) -> bool {
        let new = NewCheckpoint {
            previous,
            checkpoint: &format!("checkpoint over {batches}"),
            batches,
            records: batches * 10,
            root: &[7; 32],
            spec: "{}",
            state: b"state",
            backend: "native",
        };
        checkpoints::store(&job.stage.ledger, lease, &new).await.unwrap()
    }

    async fn receipt_lease(job: &FollowedJob) -> Lease {
        let key = steps::receipt_key(&job.stage.ledger, job.job.id).await.unwrap().unwrap();
        job.stage.lease(&job.job, key, MINUTE).await
    }

    #[tokio::test]
    async fn a_checkpoint_is_stored_behind_the_last_one_only_and_over_signed_batches_only() {
        let job = begun().await;
        let key = job.stage.first_lease(&job.job).await;
        let ranges = job.stage.ranges(&job.job).await;
        let segments: Vec<_> = ranges[..2].iter().map(|range| segment(range, key.key)).collect();
        job.stage.commit(&job.job, &key, &segments).await;
        let lease = receipt_lease(&job).await;
        assert!(!store(&job, &lease, None, 3).await, "the third batch is not signed");
        assert!(!store(&job, &lease, Some(&[1; 32]), 1).await, "there is none before it");
        assert!(store(&job, &lease, None, 1).await);
        assert!(!store(&job, &lease, None, 2).await, "the lease is over");
        let first = checkpoints::last(&job.stage.ledger, job.job.id).await.unwrap().unwrap();
        assert_eq!((first.number, first.batches, first.state.is_some()), (1, 1, true));
        let digest: [u8; 32] = first.digest.try_into().unwrap();

        let lease = receipt_lease(&job).await;
        assert!(!store(&job, &lease, None, 2).await, "it does not name the last one");
        assert!(!store(&job, &lease, Some(&digest), 1).await, "it says no more than the last one");
        assert!(store(&job, &lease, Some(&digest), 2).await);
        let all = checkpoints::list(&job.stage.ledger, job.job.id, 0, 10).await.unwrap();
        assert_eq!(all.iter().map(|row| (row.number, row.batches)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
        assert_eq!((&all[0].state, &all[0].spec), (&None, &None), "only the last one has these");
        let leased = leases::take(&job.stage.ledger, job.job.id, lease.key, MINUTE).await.unwrap();
        assert!(matches!(leased, leases::LeaseOutcome::Granted(_)), "the lease was returned");
    }

    #[tokio::test]
    async fn a_checkpoint_is_due_after_its_time_or_its_records_and_never_without_something_new() {
        let job = begun().await;
        let ledger = &job.stage.ledger;
        let is_due =
            async |every: f64, records: i64| checkpoints::is_due(ledger, job.job.id, every, records).await.unwrap();
        assert!(!is_due(0.0, 1).await, "nothing is signed");
        let key = job.stage.first_lease(&job.job).await;
        let ranges = job.stage.ranges(&job.job).await;
        let segments: Vec<_> = ranges[..1].iter().map(|range| segment(range, key.key)).collect();
        job.stage.commit(&job.job, &key, &segments).await;
        assert_eq!((is_due(0.0, 1000).await, is_due(3600.0, 10).await, is_due(3600.0, 11).await), (true, true, false));
        assert!(store(&job, &receipt_lease(&job).await, None, 1).await);
        assert!(!is_due(0.0, 1).await, "nothing new is signed");
    }
}
