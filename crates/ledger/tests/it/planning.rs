//! Planning a table: one planner at a time, whatever is paused or repeated, and only by the job's tenant.

use uuid::Uuid;
use vaultstream_api::{Reason, TableSource};
use vaultstream_ledger::faults::report_source;
use vaultstream_ledger::limits::{Allowance, LedgerLimits};
use vaultstream_ledger::planning::{self, Begun, ChunkOutcome, TablePlan};
use vaultstream_ledger::steps::{self, Seeding, Step};
use vaultstream_ledger::{Job, JobState, Ledger, SourceFault, tenants};

use crate::stage::{Stage, of_table, options, seed_chunk, url_as};
use crate::tenants::Login;

/// A job over the table `letters` with that many rows, which is to be planned, in batches of ten.
async fn to_be_planned(stage: &Stage, rows: u32) -> Job {
    stage
        .sql()
        .await
        .batch_execute(&format!(
            "CREATE TABLE letters (id bigint PRIMARY KEY, body text); \
             INSERT INTO letters SELECT n, 'letter' FROM generate_series(1, {rows}) n; GRANT SELECT ON letters TO PUBLIC"
        ))
        .await
        .unwrap();
    let job = stage.pending(of_table("letters", 10)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    assert_eq!(
        steps::oversee_plan(&stage.ledger, job.id).await.unwrap(),
        Step::Done(Seeding::More { seeded: 0, total: 0 })
    );
    job
}

async fn begin(ledger: &Ledger, job: &Job) -> TablePlan {
    match planning::begin(ledger, job.id, Uuid::new_v4()).await.unwrap() {
        Begun::Plan(plan) => plan,
        other => panic!("{other:?}"),
    }
}

/// As if that planner had stored nothing for more than half a minute.
async fn let_the_lease_run_out(stage: &Stage, job: &Job) {
    let sql = format!("UPDATE vaultstream.jobs SET plan_lease_until = now() - interval '1 s' WHERE id = {}", job.id);
    stage.sql().await.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn two_workers_do_not_plan_at_the_same_time() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let first = begin(&stage.ledger, &job).await;
    let second = async || planning::begin(&stage.ledger, job.id, Uuid::new_v4()).await.unwrap();
    assert!(matches!(second().await, Begun::Held));
    planning::release(&stage.ledger, &first).await.unwrap();
    assert!(matches!(second().await, Begun::Plan(_)), "it was released");
    let_the_lease_run_out(&stage, &job).await;
    assert!(matches!(second().await, Begun::Plan(_)), "it ran out");
}

#[tokio::test]
async fn a_paused_planner_that_wakes_up_changes_nothing() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let ledger = &stage.ledger;
    let mut paused = begin(ledger, &job).await;
    let stale = planning::read_chunk(ledger, &job, &paused, 20).await.unwrap();
    let_the_lease_run_out(&stage, &job).await;
    let mut other = begin(ledger, &job).await;
    // Before the other one has stored anything, while it does, and after the end.
    assert_eq!(planning::store(ledger, &mut paused, &stale).await.unwrap(), ChunkOutcome::Lost);
    let chunk = planning::read_chunk(ledger, &job, &other, 30).await.unwrap();
    assert_eq!(planning::store(ledger, &mut other, &chunk).await.unwrap(), ChunkOutcome::More);
    assert_eq!(planning::store(ledger, &mut paused, &stale).await.unwrap(), ChunkOutcome::Lost);
    let chunk = planning::read_chunk(ledger, &job, &other, 30).await.unwrap();
    assert_eq!(planning::store(ledger, &mut other, &chunk).await.unwrap(), ChunkOutcome::Complete);
    assert_eq!(planning::store(ledger, &mut paused, &stale).await.unwrap(), ChunkOutcome::Lost);
    let done = steps::oversee_plan(ledger, job.id).await.unwrap();
    assert_eq!(done, Step::Done(Seeding::Done { total: 50, batches: 5 }));
    assert_eq!(planning::store(ledger, &mut paused, &stale).await.unwrap(), ChunkOutcome::Lost);
    assert!(matches!(planning::begin(ledger, job.id, Uuid::new_v4()).await.unwrap(), Begun::Over));
    let ranges = stage.ranges(&job).await;
    assert_eq!(ranges.iter().map(|range| range.rows).collect::<Vec<_>>(), [10; 5]);
    assert!(ranges.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "{ranges:?}");
}

#[tokio::test]
async fn a_chunk_that_was_stored_before_its_response_was_lost_is_not_stored_again() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let ledger = &stage.ledger;
    let mut plan = begin(ledger, &job).await;
    let mut unaware = plan.clone();
    let chunk = planning::read_chunk(ledger, &job, &plan, 20).await.unwrap();
    assert_eq!(planning::store(ledger, &mut plan, &chunk).await.unwrap(), ChunkOutcome::More);
    assert_eq!(planning::store(ledger, &mut unaware, &chunk).await.unwrap(), ChunkOutcome::Lost);
    assert_eq!(stage.job(job.id).await.batches, Some(2));
}

#[tokio::test]
async fn a_suspended_job_is_not_planned() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let mut plan = begin(&stage.ledger, &job).await;
    let chunk = planning::read_chunk(&stage.ledger, &job, &plan, 20).await.unwrap();
    let suspend =
        |suspended: bool| format!("UPDATE vaultstream.jobs SET suspended = {suspended} WHERE id = {}", job.id);
    stage.sql().await.batch_execute(&suspend(true)).await.unwrap();
    assert_eq!(planning::store(&stage.ledger, &mut plan, &chunk).await.unwrap(), ChunkOutcome::Lost);
    stage.sql().await.batch_execute(&suspend(false)).await.unwrap();
    assert_eq!(planning::store(&stage.ledger, &mut plan, &chunk).await.unwrap(), ChunkOutcome::More);
}

#[tokio::test]
async fn a_table_is_planned_by_its_tenant_and_by_no_other_one() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let own = Login::of(&stage, "default").await.ledger().await;
    let other = Login::of(&stage, "other").await.ledger().await;
    assert!(matches!(planning::begin(&other, job.id, Uuid::new_v4()).await.unwrap(), Begun::Over));
    let mut plan = begin(&own, &job).await;
    let chunk = planning::read_chunk(&own, &job, &plan, 20).await.unwrap();
    // With everything that the right one knows.
    let mut stolen = plan.clone();
    assert_eq!(planning::store(&other, &mut stolen, &chunk).await.unwrap(), ChunkOutcome::Lost);
    planning::release(&other, &stolen).await.unwrap();
    assert!(matches!(planning::begin(&own, job.id, Uuid::new_v4()).await.unwrap(), Begun::Held));
    assert_eq!(planning::store(&own, &mut plan, &chunk).await.unwrap(), ChunkOutcome::More);

    let fault = SourceFault { reason: Reason::SourceUnusable, why: "why".to_owned(), passes: false };
    report_source(&other, job.id, Some(&fault)).await.unwrap();
    assert_eq!(stage.job(job.id).await.source_fault, None);
    report_source(&own, job.id, Some(&fault)).await.unwrap();
    assert_eq!(stage.job(job.id).await.source_fault, Some(fault));
    report_source(&other, job.id, None).await.unwrap();
    assert!(stage.job(job.id).await.source_fault.is_some());
    report_source(&own, job.id, None).await.unwrap();
    assert_eq!(stage.job(job.id).await.source_fault, None);
}

/// Within limits, too, whose lock is of the whole table.
#[tokio::test]
async fn an_operator_s_login_oversees_a_plan_and_cannot_read_the_table() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    stage.sql().await.batch_execute("REVOKE SELECT ON letters FROM PUBLIC").await.unwrap();
    let role = format!("operator_{:x}", Uuid::new_v4().as_u128());
    tenants::add_operator(&stage.ledger, &role, "secret").await.unwrap();
    let operator = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    let batches = Allowance { batches: Some(5), ..Allowance::default() };
    let operator = operator.with_limits(LedgerLimits { tenant: batches, ..LedgerLimits::default() });
    // There was no limit before.
    let overseen = steps::oversee_plan(&operator, job.id).await.unwrap();
    assert_eq!(overseen, Step::Done(Seeding::More { seeded: 0, total: 0 }));
    let mut plan = begin(&stage.ledger, &job).await;
    let chunk = planning::read_chunk(&stage.ledger, &job, &plan, 100).await.unwrap();
    assert_eq!(planning::store(&stage.ledger, &mut plan, &chunk).await.unwrap(), ChunkOutcome::Wait);
    steps::oversee_plan(&operator, job.id).await.unwrap();
    assert_eq!(planning::store(&stage.ledger, &mut plan, &chunk).await.unwrap(), ChunkOutcome::Complete);
    let done = steps::oversee_plan(&operator, job.id).await.unwrap();
    assert_eq!(done, Step::Done(Seeding::Done { total: 50, batches: 5 }));
    let denied = steps::look_at_table(&operator, &letters(), false).await.unwrap_err();
    assert!(denied.to_string().contains("may not read table public.letters"), "{denied}");
}

fn letters() -> TableSource {
    TableSource::of_payload("public", "letters", "id", "body")
}

/// What the function is told that stores a plan.
#[tokio::test]
async fn what_does_not_tile_the_keys_is_no_plan() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let sql = stage.sql().await;
    let lease = Uuid::new_v4();
    let Begun::Plan(_) = planning::begin(&stage.ledger, job.id, lease).await.unwrap() else { panic!("not begun") };
    let n = job.id;
    let store = |after: &str, lasts: &str, counts: &str, high: &str, rest: &str| {
        format!("SELECT vaultstream.plan_batches({n}, 1, '{lease}', {after}, '{lasts}', '{counts}', {high}, {rest})")
    };
    let (more, last) = ("false, 'text', 1, 1, false", "true, 'text', 1, 1, false");
    for refused in [
        store("NULL", "{10,10}", "{10,10}", "50", more),
        store("NULL", "{20,10}", "{10,10}", "50", more),
        store("NULL", "{10,60}", "{10,10}", "50", more),
        store("NULL", "{10}", "{11}", "50", more),
        store("NULL", "{10}", "{0}", "50", more),
        store("NULL", "{10}", "{-5}", "50", more),
        store("NULL", "{10}", "{5,5}", "50", more),
        store("NULL", "{10,20}", "{10}", "50", more),
        store("NULL", "{10}", "{10}", "NULL", more),
        store("NULL", "{10}", "{10}", "50", "NULL, 'text', 1, 1, false"),
        store("NULL", "{10}", "{10}", "50", "false, 'point', 1, 1, false"),
        store("NULL", "{10}", "{10}", "50", "false, 'text', NULL, 1, false"),
        store("NULL", "{NULL}", "{10}", "50", more),
        store("NULL", "{10}", "{NULL}", "50", more),
    ] {
        assert!(sql.query_one(&refused, &[]).await.is_err(), "{refused}");
    }
    let outcome = async |statement: &str| sql.query_one(statement, &[]).await.unwrap().get::<_, String>(0);
    assert_eq!(outcome(&store("5", "{10}", "{10}", "50", more)).await, "lost", "nothing is planned up to there");
    assert_eq!(stage.number("SELECT count(*) FROM vaultstream.batches").await, 0);
    assert_eq!(outcome(&store("NULL", "{10}", "{10}", "50", more)).await, "more");
    for refused in [
        store("10", "{10}", "{10}", "50", more),
        store("10", "{9}", "{10}", "50", more),
        store("10", "{20}", "{10}", "51", more),
    ] {
        assert!(sql.query_one(&refused, &[]).await.is_err(), "{refused}");
    }
    assert_eq!(outcome(&store("10", "{20,50}", "{10,3}", "50", last)).await, "complete");
    let ends = "SELECT string_agg(first_id || '-' || last_id, ' ' ORDER BY batch) FROM vaultstream.batches";
    let ends: String = sql.query_one(ends, &[]).await.unwrap().get(0);
    assert_eq!(ends, format!("{}-10 11-20 21-50", i64::MIN));
}

/// An operator of an earlier version planned in a transaction of its own, and wrote the same columns.
#[tokio::test]
async fn a_plan_that_an_earlier_version_began_is_continued() {
    let stage = Stage::new().await;
    let job = to_be_planned(&stage, 50).await;
    let begun = format!(
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) \
           VALUES ({n}, 0, '-9223372036854775808', 10, 10), ({n}, 1, 11, 20, 10); \
         UPDATE vaultstream.jobs SET plan_cursor = 20, plan_high = 50, batches = 2, seeded = 20, payload_type = 'text', \
           source_database = (SELECT oid FROM pg_database WHERE datname = current_database()), source_table = 'letters'::regclass, \
           source_partitioned = false WHERE id = {n}",
        n = job.id
    );
    stage.sql().await.batch_execute(&begun).await.unwrap();
    while let Step::Done(Seeding::More { .. }) = seed_chunk(&stage.ledger, job.id, 20).await.unwrap() {}
    let planned = stage.job(job.id).await;
    assert_eq!((planned.state, planned.total, planned.batches), (JobState::Signing, Some(50), Some(5)));
    let ranges = stage.ranges(&job).await;
    assert!(ranges.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "{ranges:?}");
}
