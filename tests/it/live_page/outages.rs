//! A ledger that is away, and one that does not answer.

use std::time::{Duration, Instant};

use vaultstream_embedded::Servers;

use super::{Page, SPEC};
use crate::harness::{Lines, Program, Site, Weather, generated};

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_is_told_and_its_jobs_are_shown_again_when_it_is_back() {
    let site = Site::breakable().await;
    site.run(&generated("job", 40, SPEC)).end().await.assert_code(0);
    let page = Page::of_ledger(&site).await;
    let mut jobs = page.events("/ui/api/jobs").await;
    jobs.until("jobs", |jobs| jobs["jobs"][0]["phase"] == "Complete").await;
    site.servers(Servers::kill_postgres).await;
    let problem = jobs.until("problem", |_| true).await;
    assert!(problem["error"].as_str().unwrap().contains("the ledger cannot be read"), "{problem}");
    site.servers(|servers| servers.start_postgres().unwrap()).await;
    site.run(&generated("next", 40, SPEC)).end().await.assert_code(0);
    jobs.until("changes", |jobs| jobs["jobs"][0]["name"] == "next").await;
}

/// A network that loses everything without a word: nothing ends a request but who waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn silence_of_the_ledger_is_told_within_seconds_and_that_it_is_over_too() {
    let site = Site::new().await;
    site.run(&generated("job", 40, SPEC)).end().await.assert_code(0);
    let lines = Lines::to(&site).await;
    let program = Program::vaultstream(&["ui", "--listen", "127.0.0.1:0"]);
    let page = Page::of(program.env("VAULTSTREAM_DATABASE_URL", &lines.database_url).start()).await;
    let path = format!("/ui/api/jobs/{}", site.uid().await);
    let (mut jobs, mut job) = (page.events("/ui/api/jobs").await, page.events(&path).await);
    jobs.until("jobs", |_| true).await;
    job.until("workers", |_| true).await;
    lines.postgres.set(Weather { held: true, ..Weather::default() });
    let begun = Instant::now();
    let problem = jobs.until("problem", |_| true).await;
    assert!(problem["error"].as_str().unwrap().contains("has not answered"), "{problem}");
    // A second until the next reading, four of silence, and as many again for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(10), "told after {:?}", begun.elapsed());
    // Whoever comes meanwhile is told as well.
    let (head, body) = page.get(&path, "localhost").await;
    assert!(head.starts_with("http/1.0 503") && body.contains("has not answered"), "{head} {body}");

    lines.postgres.set(Weather::default());
    // Nothing has changed, and who looks has to know that it is so.
    let changes = jobs.until("changes", |_| true).await;
    assert_eq!(changes["jobs"], serde_json::json!([]), "{changes}");
}
