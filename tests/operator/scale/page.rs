//! People look at the live page: at the list, at a job, and one of them in a browser.

use std::time::{Duration, Instant};

use kube::{Api, ResourceExt as _};
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use vaultstream_api::SigningJob;

use super::{JOBS, mib};
use crate::harness::{Looking, Operator, Place, output, python};

/// Of the list, and as many of a job.
const VIEWERS: usize = 4;
/// Measured for so long.
const PERIOD: Duration = Duration::from_secs(30);

/// What it costs.
pub(crate) struct Looked {
    pub(crate) statements_before: f64,
    pub(crate) statements: f64,
    pub(crate) memory: f64,
    pub(crate) in_a_browser: Value,
}

/// Looks for a while.
pub(crate) async fn look(place: &Place, operator: &Operator, api: &Api<SigningJob>) -> Looked {
    let sql = place.site.sql().await;
    let token = place.viewer_token("viewer", true).await;
    let uid = api.get("job-0777").await.unwrap().uid().unwrap();
    let statements_before = a_second(&sql).await;
    let mut viewers: Vec<Looking> = Vec::new();
    for _ in 0..VIEWERS {
        let mut list = operator.look("/ui/api/jobs", &token).await;
        list.until("jobs").await;
        let mut job = operator.look(&format!("/ui/api/jobs/{uid}"), &token).await;
        job.until("workers").await;
        viewers.extend([list, job]);
    }
    let in_a_browser = browser(operator, &token, &format!("{}/job-0777", place.namespace)).await;
    let statements = a_second(&sql).await - statements_before;
    assert!(viewers.iter().all(Looking::is_held), "somebody does not look any more");
    Looked { statements_before, statements, memory: mib(operator, "VmRSS"), in_a_browser }
}

/// Statements a second, all of this ledger's programs together.
async fn a_second(sql: &Client) -> f64 {
    // The server counts a statement a second after it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, begun) = (statements(sql).await, Instant::now());
    tokio::time::sleep(PERIOD).await;
    (statements(sql).await - before) / begun.elapsed().as_secs_f64()
}

/// So far. This is one more; a statement with parameters would be prepared in a transaction of its own.
async fn statements(sql: &Client) -> f64 {
    let count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let rows = sql.simple_query(count).await.unwrap();
    let row = rows.iter().find_map(|row| if let SimpleQueryMessage::Row(row) = row { Some(row) } else { None });
    row.unwrap().get(0).unwrap().parse().unwrap()
}

async fn browser(operator: &Operator, token: &str, job: &str) -> Value {
    let is_installed = |program: &str| {
        let path = std::env::var_os("PATH");
        path.is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    };
    if !["chromium", "chromedriver"].iter().all(|program| is_installed(program)) {
        return "SKIPPED: chromium and chromedriver are not installed".into();
    }
    let mut look = python("look_at_page.py");
    if let Some(folder) = std::env::var_os("SCREENSHOTS") {
        look.arg("--screenshots").arg(folder);
    }
    look.args(["--token", token, "--jobs", &JOBS.to_string()]);
    look.arg(format!("http://127.0.0.1:{}/ui/", operator.port)).arg(job);
    serde_json::from_str(&output(look).await.unwrap()).unwrap()
}

impl Looked {
    /// A viewer costs the ledger at most one statement a second, and however many look at the same, no more.
    pub(crate) fn assert_cheap(&self) {
        assert!(self.statements <= 2.2, "{:.2} statements a second for {} viewers", self.statements, 2 * VIEWERS);
        assert!(self.statements > 1.0, "this measured nothing: {:.2} a second", self.statements);
        let seen = &self.in_a_browser;
        if seen.is_object() {
            assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
            let most = seen["gap"].as_f64().unwrap();
            assert!(most < 2.0, "the list did not react for {most} s: {seen}");
        }
    }
}
