//! People look at the live page: at the list, at a job, and one of them in a browser.

use std::time::Duration;

use kube::{Api, ResourceExt as _};
use serde_json::Value;
use vaultstream_api::SigningJob;

use crate::harness::{Looking, Operator, Place, has_browser, output, python};

/// Of the list, and as many of a job.
const VIEWERS: usize = 4;
/// They may take so much more of the operator's memory.
const MOST_MIB: f64 = 4.0;
/// Measured for so long.
const PERIOD: Duration = Duration::from_secs(30);

/// What it costs the operator. What it costs the ledger is measured where nothing else asks it (tests/it/live_page/costs.rs): here the operator
/// does, for a thousand jobs.
pub(crate) struct Looked {
    /// Before anybody looks.
    pub(crate) memory_before: f64,
    pub(crate) memory: f64,
    pub(crate) in_a_browser: Value,
}

/// Looks for a while.
pub(crate) async fn look(place: &Place, operator: &Operator, api: &Api<SigningJob>, jobs: usize) -> Looked {
    let token = place.viewer_token("viewer", true).await;
    let uid = api.get("job-0777").await.unwrap().uid().unwrap();
    let memory_before = operator.mib("VmRSS");
    let mut viewers: Vec<Looking> = Vec::new();
    for _ in 0..VIEWERS {
        let mut list = operator.look("/ui/api/jobs", &token).await;
        list.until("jobs").await;
        let mut job = operator.look(&format!("/ui/api/jobs/{uid}"), &token).await;
        job.until("workers").await;
        viewers.extend([list, job]);
    }
    let in_a_browser = browser(operator, (&token, jobs), &format!("{}/job-0777", place.namespace)).await;
    let mut memory = 0_f64;
    for _ in 0..PERIOD.as_secs() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory = memory.max(operator.mib("VmRSS"));
    }
    assert!(viewers.iter().all(Looking::is_held), "somebody does not look any more");
    Looked { memory_before, memory, in_a_browser }
}

async fn browser(operator: &Operator, (token, jobs): (&str, usize), job: &str) -> Value {
    if !has_browser("the live page in a browser") {
        return "SKIPPED: chromium and chromium-driver are not installed".into();
    }
    let mut look = python("look_at_page.py");
    if let Some(folder) = std::env::var_os("SCREENSHOTS") {
        look.arg("--screenshots").arg(folder);
    }
    look.args(["--token", token, "--jobs", &jobs.to_string()]);
    look.arg(format!("http://127.0.0.1:{}/ui/", operator.port)).arg(job);
    serde_json::from_str(&output(look).await.unwrap()).unwrap()
}

impl Looked {
    /// All viewers together, and the list reacts.
    pub(crate) fn assert_cheap(&self) {
        let more = self.memory - self.memory_before;
        assert!(more <= MOST_MIB, "{more:.1} MiB more for {} viewers", 2 * VIEWERS + 1);
        let seen = &self.in_a_browser;
        if seen.is_object() {
            assert_eq!(seen["errors"], serde_json::json!([]), "{seen}");
            let most = seen["gap"].as_f64().unwrap();
            assert!(most < 2.0, "the list did not react for {most} s: {seen}");
        }
    }
}
