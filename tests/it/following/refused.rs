//! Planners that are refused, and jobs that end without a trigger.

use rustix::process::Signal;

use super::{TABLE, following};
use crate::harness::{Program, Site, quick};

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
