//! Planners that are refused, and jobs that end without a trigger.

use rustix::process::Signal;

use super::{TABLE, following};
use crate::harness::{Program, Site, quick, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_planner_has_read_when_it_is_refused_is_read_again() {
    let site = Site::new().await;
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    let job = site.drive(&following(""), quick()).await;
    site.execute("INSERT INTO moves (body) SELECT 'read twice ' || g FROM generate_series(1, 70) g").await;
    let worker = site.worker(job.uid).await.fault("arrivals-read:1=stop").start();
    worker.until_stopped().await;
    // Another one began, and ended before it had read anything.
    site.execute("UPDATE vaultstream.jobs SET plan_epoch = plan_epoch + 1").await;
    worker.signal(Signal::CONT);
    site.until_all_signed("moves").await;
    assert_eq!(
        site.number("SELECT follow_found FROM vaultstream.jobs").await,
        0,
        "no look through the table was needed"
    );
    worker.signal(Signal::TERM);
    worker.end().await;
    drop(job);
    site.end_following("moves", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_planner_may_not_plan_yet_stays_with_the_arrivals() {
    let site = Site::new().await;
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    let job = site.drive(&following(""), quick()).await;
    let worker = site.worker(job.uid).await.start();
    site.execute("INSERT INTO moves (body) VALUES ('first')").await;
    site.until_all_signed("moves").await;
    // Nobody allows more rows than these.
    job.abandon().await;
    site.execute("UPDATE vaultstream.jobs SET plan_rows_allowed = seeded + 2").await;
    site.execute("INSERT INTO moves (body) SELECT 'too many ' || g FROM generate_series(1, 10) g").await;
    let asked = "SELECT count(*) FROM vaultstream.jobs WHERE plan_rows_wanted = seeded + 10";
    until("it asks for more", || async { site.number(asked).await == 1 }).await;
    let arrivals = site.text("SELECT 'vaultstream_arrivals_' || 'moves'::regclass::oid").await;
    // It tried once more.
    site.execute("UPDATE vaultstream.jobs SET plan_rows_wanted = NULL").await;
    until("it asks again", || async { site.number(asked).await == 1 }).await;
    assert_eq!(site.number(&format!("SELECT count(*) FROM {arrivals}")).await, 10);
    worker.signal(Signal::TERM);
    worker.end().await;
    site.end_following("moves", "").await;
    assert_eq!(site.number("SELECT follow_found FROM vaultstream.jobs").await, 0, "all of them were read as arrivals");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_whose_trigger_is_removed_as_well_as_follow() {
    let site = Site::new().await;
    site.execute(TABLE).await;
    site.enable("public.moves").await;
    let run = site.run(&following("")).start();
    site.execute("INSERT INTO moves (body) VALUES ('first')").await;
    site.until_all_signed("moves").await;
    run.signal(Signal::INT);
    run.end().await;
    site.execute("INSERT INTO moves (body) SELECT 'waiting ' || g FROM generate_series(1, 20) g").await;
    let disable = ["source", "disable", "--force", "--table", "public.moves", "--database-url", &site.database_url];
    Program::vaultstream(&disable).end().await.assert_code(0);
    site.execute("INSERT INTO moves (body) SELECT 'unseen ' || g FROM generate_series(1, 20) g").await;
    site.end_following("moves", "").await;
    assert_eq!(site.signed().await, 41);
}
