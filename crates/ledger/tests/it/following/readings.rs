//! What a reading says: how old it is, whether it is all there is, and what may be deleted of it.

use vaultstream_signing::RowKey;

use super::*;

impl FollowedJob {
    /// Stores them, once that is allowed.
    async fn store_allowed(&self, plan: &FollowPlan, arrived: &Arrived) -> Stored {
        let stored = self.store(plan, arrived, NOW).await;
        if stored != Stored::Wait {
            return stored;
        }
        steps::oversee_growth(&self.stage.ledger, self.job.id).await.unwrap();
        self.store(plan, arrived, NOW).await
    }

    /// The same for rows of the table. Where to go on.
    async fn look_on(&self, plan: &FollowPlan, place: &Place) -> (Stored, Place) {
        let rows = following::read_table(&self.stage.ledger, &self.job, place).await.unwrap();
        let stored = following::store_rows(&self.stage.ledger, plan, &rows).await.unwrap();
        if stored != Stored::Wait {
            return (stored, rows.next().clone());
        }
        steps::oversee_growth(&self.stage.ledger, self.job.id).await.unwrap();
        (following::store_rows(&self.stage.ledger, plan, &rows).await.unwrap(), rows.next().clone())
    }

    /// Where the look through the table goes on.
    async fn scan(&self) -> Option<Option<RowKey>> {
        self.stage.job(self.job.id).await.follow.unwrap().scan
    }

    async fn arrivals(&self) -> String {
        let oid = self.stage.number("SELECT 'notes'::regclass::oid::bigint").await;
        format!("public.vaultstream_arrivals_{oid}")
    }
}

#[tokio::test]
async fn the_oldest_row_of_a_reading_says_when_its_batch_is_closed() {
    let job = begun().await;
    let plan = job.begin().await;
    job.insert("a", 3).await;
    let old = "UPDATE {} SET arrived_at = arrived_at - interval '1 hour' WHERE k1 = 'a2'";
    job.sql.batch_execute(&old.replace("{}", &job.arrivals().await)).await.unwrap();
    // The oldest one is not the last one of the reading.
    job.insert("c", 1).await;
    let read = job.read().await;
    let about = |age: Duration| (3600..3660).contains(&age.as_secs());
    assert!(read.oldest().is_some_and(about), "{:?}", read.oldest());
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    assert_eq!(job.store(&plan, &read, hours(2)).await, Stored::Planned { new: 4, unbatched: 4 });
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    // Later ones do not make it younger.
    job.insert("b", 1).await;
    assert_eq!(job.store(&plan, &job.read().await, hours(2)).await, Stored::Planned { new: 1, unbatched: 5 });
    assert_eq!(job.store(&plan, &job.read().await, hours(1)).await, Stored::Planned { new: 0, unbatched: 0 });
    let noted = "SELECT extract(epoch FROM clock_timestamp() - oldest_arrival)::bigint FROM vaultstream.batches WHERE first_id = 26";
    assert!((3600..3720).contains(&job.stage.number(noted).await));
}

#[tokio::test]
async fn a_key_that_arrives_twice_gets_one_ordinal() {
    let job = begun().await;
    let plan = job.begin().await;
    for _ in 0..2 {
        job.insert("a", 2).await;
        job.sql.batch_execute("DELETE FROM notes WHERE k = 'a1'").await.unwrap();
        job.sql.batch_execute("DELETE FROM notes WHERE k = 'a2'").await.unwrap();
    }
    let read = job.read().await;
    assert_eq!(read.len(), 4);
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Planned { new: 2, unbatched: 0 });
    assert_eq!(job.keys().await[25..], ["a1", "a2"]);
}

#[tokio::test]
async fn an_arrival_at_the_place_of_one_that_was_deleted_is_another_one() {
    let job = begun().await;
    let arrivals = job.arrivals().await;
    job.insert("a", 2).await;
    let read = job.read().await;
    // Another planner deletes it, its place is free, and is taken.
    job.sql.batch_execute(&format!("DELETE FROM {arrivals}")).await.unwrap();
    job.sql.batch_execute(&format!("VACUUM {arrivals}")).await.unwrap();
    job.insert("b", 2).await;
    let same = format!("SELECT count(*) FROM {arrivals} WHERE ctid IN ('(0,1)', '(0,2)')");
    assert_eq!(job.stage.number(&same).await, 2, "the test shows nothing");
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    assert_eq!(job.waiting().await, 2);
}

/// More than one reading takes, of the arrivals and of the table.
#[tokio::test]
async fn the_job_does_not_end_before_a_reading_that_saw_all_arrivals_and_the_whole_table() {
    let job = begun().await;
    job.insert("seen ", 20_005).await;
    job.sql.batch_execute("SET session_replication_role = replica").await.unwrap();
    // With the arrivals that are left they fill a batch: none is open when the table was looked through.
    job.insert("unseen ", 5).await;
    job.remove_follow().await;
    let plan = job.begin().await;
    let read = job.read().await;
    assert_eq!((read.len(), read.is_all()), (20_000, false));
    assert_eq!(job.store_allowed(&plan, &read).await, Stored::Planned { new: 20_000, unbatched: 0 });
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    let waits = "SELECT follow_waiting FROM vaultstream.jobs WHERE follow_waiting_since < clock_timestamp()";
    assert!(job.stage.number(waits).await > 0);
    let (stored, next) = job.look_on(&plan, &Place::Begin).await;
    assert!(matches!((&stored, &next), (Stored::Planned { .. }, Place::After(_))), "{stored:?}, {next:?}");
    assert!(matches!(job.scan().await, Some(Some(_))), "another planner goes on there");
    let (stored, next) = job.look_on(&plan, &next).await;
    assert_eq!((stored, next), (Stored::Planned { new: 5, unbatched: 0 }, Place::End));
    assert_eq!(job.keys().await.len(), 25 + 20_005 + 5);
    let read = job.read().await;
    assert_eq!((read.len(), read.is_all()), (5, true));
    assert_eq!(job.store_allowed(&plan, &read).await, Stored::Ended);
    following::delete_arrivals(&job.stage.ledger, &read).await.unwrap();
    assert_eq!(job.waiting().await, 0);
}

#[tokio::test]
async fn the_job_does_not_end_while_a_batch_is_open() {
    let job = begun().await;
    job.insert("a", 3).await;
    job.remove_follow().await;
    let plan = job.begin().await;
    assert_eq!(job.store(&plan, &job.read().await, NEVER).await, Stored::Planned { new: 3, unbatched: 3 });
    let (stored, _) = job.look_on(&plan, &Place::Begin).await;
    assert_eq!(stored, Stored::Planned { new: 0, unbatched: 3 });
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Ended);
}

#[tokio::test]
async fn nothing_is_planned_beyond_what_is_allowed_or_while_the_job_is_suspended() {
    let job = begun().await;
    let plan = job.begin().await;
    job.insert("a", 3).await;
    job.sql.batch_execute("UPDATE vaultstream.jobs SET plan_rows_allowed = seeded + 2").await.unwrap();
    let read = job.read().await;
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Wait);
    assert_eq!(job.stage.number("SELECT plan_rows_wanted FROM vaultstream.jobs").await, 28);
    job.sql.batch_execute("UPDATE vaultstream.jobs SET suspended = true").await.unwrap();
    assert_eq!(job.store(&plan, &read, NOW).await, Stored::Lost);
    assert_eq!(job.keys().await.len(), 25);
    job.sql.batch_execute("UPDATE vaultstream.jobs SET suspended = false").await.unwrap();
    assert_eq!(job.store_allowed(&plan, &read).await, Stored::Planned { new: 3, unbatched: 0 });
}

#[tokio::test]
async fn the_removal_of_follow_asks_for_a_new_reading_and_a_new_look() {
    let job = begun().await;
    let plan = job.begin().await;
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Planned { new: 0, unbatched: 0 });
    job.insert("a", 10).await;
    let under_way = "UPDATE vaultstream.jobs SET follow_scans = true, follow_scan_after = '{old 30}'";
    job.sql.batch_execute(under_way).await.unwrap();
    job.remove_follow().await;
    assert_eq!(job.scan().await, Some(None), "from the beginning");
    let plan = job.begin().await;
    let (stored, next) = job.look_on(&plan, &Place::Begin).await;
    assert_eq!((stored, next), (Stored::Planned { new: 10, unbatched: 0 }, Place::End), "arrivals are not read");
    assert_eq!(job.store(&plan, &job.read().await, NOW).await, Stored::Ended);
}

#[tokio::test]
async fn a_planner_that_begins_again_forgets_what_it_read_and_has_the_plan_while_it_stores() {
    let job = begun().await;
    let lease = Uuid::new_v4();
    let begin = async || match following::begin(&job.stage.ledger, job.job.id, lease).await.unwrap() {
        Followed::Plan(plan) => plan,
        other => panic!("{other:?}"),
    };
    job.sql.batch_execute("UPDATE vaultstream.jobs SET plan_lease_until = NULL").await.unwrap();
    let (first, second) = (begin().await, begin().await);
    job.insert("a", 3).await;
    let read = job.read().await;
    assert_eq!(job.store(&first, &read, NOW).await, Stored::Lost);
    job.sql.batch_execute("UPDATE vaultstream.jobs SET plan_lease_until = clock_timestamp()").await.unwrap();
    assert_eq!(job.store(&second, &read, NOW).await, Stored::Planned { new: 3, unbatched: 0 });
    assert!(matches!(following::begin(&job.stage.ledger, job.job.id, Uuid::new_v4()).await.unwrap(), Followed::Held));
}

/// Noted later, it would hide that arrivals may have been lost with the one before.
#[tokio::test]
async fn which_arrivals_table_there_was_is_noted_before_the_first_row_only() {
    let job = begun().await;
    job.begin().await;
    let noted = async || job.stage.job(job.job.id).await.follow.unwrap().arrivals;
    let before = noted().await;
    assert!(before.is_some());
    let later = "SELECT vaultstream.note_arrivals(id, plan_epoch, plan_lease, 1) FROM vaultstream.jobs";
    job.sql.batch_execute(later).await.unwrap();
    assert_eq!(noted().await, before);
}
