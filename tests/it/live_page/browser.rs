//! What a browser shows.

use rustix::process::Signal;
use serde_json::Value;

use super::{Page, SPEC, records};
use crate::harness::{Site, generated, has_browser, of_source, output, python};

async fn seen(page: &Page, args: &[&str]) -> Value {
    let mut look = python("look_at_page.py");
    look.args(args).arg(format!("http://{}/ui/", page.address)).arg("default/job");
    serde_json::from_str(&output(look).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_what_a_job_does_and_runs_nothing_that_a_table_says() {
    if !has_browser("the live page in a browser") {
        return;
    }
    let site = Site::new().await;
    let hostile = "<img src=x onerror=\"document.title='run'\">";
    site.execute(&format!(
        "CREATE TABLE \"{}\" (id bigint PRIMARY KEY, body text); \
         INSERT INTO \"{0}\" SELECT n, CASE WHEN n > 2 THEN 'a' END FROM generate_series(1, 50) n",
        hostile.replace('"', "\"\"")
    ))
    .await;
    let source = format!("table: {{name: {}, key: id, payload: body}}", Value::from(hostile));
    let manifest = of_source("job", &source, &format!("{SPEC}\nmaxRejected: 5"));
    site.run(&manifest).end().await.assert_code(0);
    // Turned round by a character that nobody sees.
    site.execute(&format!("UPDATE vaultstream.rejects SET detail = $${hostile}\u{202e}tac$$")).await;
    let page = Page::of_ledger(&site).await;
    let seen = seen(&page, &[]).await;
    let says = |part: &str| seen[part].as_str().unwrap().to_owned();
    assert!(says("job").contains("48 of 50 records") || says("job").contains("48"), "{seen}");
    assert!(says("text").contains(hostile), "what the table says is shown as it is: {seen}");
    assert!(says("text").contains("\\u{202e}tac"), "what nobody sees is spelled out: {seen}");
    assert!(!says("title").contains("run"), "it was run: {seen}");
    assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_a_job_of_many_batches_moving_while_it_signs() {
    if !has_browser("the live page in a browser") {
        return;
    }
    let (site, records) = (Site::new().await, records(40_000));
    // It takes 40 seconds, and has more batches than the map has squares.
    let spec = format!("batchSize: 10\nkeys: {{count: 8}}\nworkers: {{maxRecordsPerSecond: {}}}", records / 40);
    let page = Page::of(site.run(&generated("job", records, &spec)).args(&["--web"]).start()).await;
    site.until_signed(1).await;
    let seen = seen(&page, &["--signing"]).await;
    println!("{records} records while they are signed: {seen}");
    assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
    let each = records.div_ceil(10).div_ceil(1000);
    assert!(seen["batches"].as_str().unwrap().contains(&format!("each square is {each}")), "{seen}");
    let (before, after) = (&seen["before"], &seen["after"]);
    for what in ["share", "signed"] {
        assert!(after[what].as_f64() > before[what].as_f64(), "{what} did not move: {seen}");
    }
    assert!(seen["after"]["drawn"] != seen["before"]["drawn"], "the map is the same picture: {seen}");
    page.running.signal(Signal::INT);
    page.running.end().await.assert_code(130);
}
