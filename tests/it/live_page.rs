//! The live page: what a viewer is sent while jobs run, who is sent nothing, what a browser shows, and what all of it costs.

mod browser;
mod costs;
mod outages;

use std::collections::HashMap;

use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
};

use crate::harness::{PATIENCE, Running, Site, generated, of_table, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 3, lease: {records: 40}}";

/// Records of a job, or as many as RECORDS says: `make live-page` takes a million.
fn records(otherwise: u64) -> u64 {
    std::env::var("RECORDS").map_or(otherwise, |records| records.parse().expect("RECORDS is no number"))
}

/// A page that is served.
struct Page {
    running: Running,
    address: String,
}

/// The events of a stream, and the last of each name that nobody has asked for yet.
struct Events {
    lines: Lines<BufReader<TcpStream>>,
    kept: HashMap<String, Value>,
}

impl Page {
    /// Waits until the program says where its page is.
    async fn of(running: Running) -> Self {
        let said = || running.stderr().lines().find_map(|line| line.strip_prefix("page: http://").map(str::to_owned));
        until("it says where the page is", || async { said().is_some() }).await;
        let address = said().unwrap().strip_suffix("/ui/").unwrap().to_owned();
        Self { running, address }
    }

    async fn of_ledger(site: &Site) -> Self {
        Self::of(site.ledger_command(&["ui", "--listen", "127.0.0.1:0"]).start()).await
    }

    async fn ask(&self, path: &str, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        // Of version 1.0, so that what comes is not in pieces with lengths.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }

    /// The head and the body of a response that ends.
    async fn get(&self, path: &str, host: &str) -> (String, String) {
        let mut answer = String::new();
        self.ask(path, host).await.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }

    async fn events(&self, path: &str) -> Events {
        Events { lines: BufReader::new(self.ask(path, "localhost").await).lines(), kept: HashMap::new() }
    }
}

impl Events {
    /// The first event with this name of which `wanted` holds, that was not asked for yet.
    async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            let mut event = String::new();
            loop {
                if let Some(data) = self.kept.remove(name).filter(&wanted) {
                    return data;
                }
                let line = self.lines.next_line().await.unwrap().expect("the stream goes on");
                if let Some(named) = line.strip_prefix("event: ") {
                    named.clone_into(&mut event);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    self.kept.insert(event.clone(), serde_json::from_str(data).unwrap());
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no such event {name} came"))
    }
}

fn sum(numbers: &Value) -> i64 {
    numbers.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_shows_its_job_to_a_browser_of_this_machine_while_it_signs() {
    let site = Site::new().await;
    let manifest = generated("job", 3000, &format!("{SPEC}\nworkers: {{maxRecordsPerSecond: 60}}"));
    let page = Page::of(site.run(&manifest).args(&["--web"]).start()).await;
    let mut jobs = page.events("/ui/api/jobs").await;
    let first = jobs.until("jobs", |_| true).await;
    assert!(first["jobs"].as_array().unwrap().len() <= 1, "{first}");
    let signing = |data: &Value| data["jobs"][0]["signed"].as_i64() > Some(100) && data["jobs"][0]["rate"].is_number();
    let changed = jobs.until("changes", signing).await;
    let row = &changed["jobs"][0];
    assert_eq!((row["phase"].as_str(), row["total"].as_i64()), (Some("Signing"), Some(3000)), "{row}");
    assert!(row["eta"].as_i64().is_some_and(|left| (1..200).contains(&left)), "{row}");

    let uid = row["uid"].as_str().unwrap().to_owned();
    let mut job = page.events(&format!("/ui/api/jobs/{uid}")).await;
    let head = job.until("job", |_| true).await;
    assert_eq!(head["spec"]["batchSize"], 20);
    assert_eq!(head["stages"][1]["name"], "Sign");
    let map = job.until("batches", |map| sum(&map["signed"]) > 0).await;
    let all: i64 = ["planned", "inFlight", "signed"].iter().map(|state| sum(&map[state])).sum();
    assert_eq!((all, map["count"].as_i64()), (150, Some(150)), "{map}");
    let curve = job.until("curve", |curve| sum(&curve["signed"]) > 0).await;
    let left = curve["backlog"].as_array().unwrap().last().unwrap().as_i64().unwrap();
    assert_eq!(sum(&curve["signed"]) + left, 3000, "{curve}");
    job.until("keys", |keys| keys["keys"].as_array().unwrap().iter().any(|key| key["used"].is_number())).await;
    for section in ["workers", "commands"] {
        job.until(section, |_| true).await;
    }
    page.running.signal(Signal::INT);
    page.running.end().await.assert_code(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_ledger_has_the_receipt_to_keep_and_answers_to_no_other_name() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text); INSERT INTO letters VALUES (1, 'a'), (2, NULL)",
    )
    .await;
    site.run(&of_table("job", "letters", &format!("{SPEC}\nmaxRejected: 1"))).end().await.assert_code(0);
    // As if a worker had it. The id of a lease is a right, and not to be shown.
    let lease = "5f0c1c39-8f5e-4d6a-9f0b-0c2f6a1d7e11";
    let lent = format!("SET holder = '{lease}', lease_until = clock_timestamp() + interval '1 hour' WHERE ordinal = 1");
    site.execute(&format!("UPDATE vaultstream.keys {lent}")).await;
    let page = Page::of_ledger(&site).await;
    let uid = site.uid().await;
    let mut job = page.events(&format!("/ui/api/jobs/{uid}")).await;
    let receipt = job.until("receipt", |receipt| receipt.is_object()).await;
    assert_eq!((receipt["signed"].as_i64(), receipt["rejected"].as_i64()), (Some(1), Some(1)), "{receipt}");
    let verification = job.until("verification", |_| true).await;
    let told = ["verified", "mode", "signatures", "by"].map(|name| verification[name].clone());
    assert_eq!(Value::from(told.to_vec()), serde_json::json!([true, "full", 1, "vaultstream"]), "{verification}");
    let rejects = job.until("rejects", |_| true).await;
    assert_eq!((rejects["total"].as_i64(), rejects["rows"][0]["id"].as_str()), (Some(1), Some("2")), "{rejects}");
    let keys = job.until("keys", |_| true).await;
    assert!(keys["keys"][1]["holder"].as_str().is_some_and(|holder| !lease.starts_with(holder)), "{keys}");
    assert!(keys["keys"][1]["leasedUntil"].is_string() && keys["keys"][2]["holder"].is_null(), "{keys}");
    let commands = job.until("commands", |_| true).await;
    assert!(commands.to_string().contains("verify --job default/job"), "{commands}");
    let (head, body) = page.get(&format!("/ui/api/jobs/{uid}/receipt"), "localhost").await;
    assert!(head.contains("attachment; filename=\"default-job.receipt.jws\""), "{head}");
    assert_eq!(body, site.text("SELECT receipt FROM vaultstream.jobs").await);

    let (head, _) = page.get("/ui/", "localhost").await;
    assert!(head.contains("content-security-policy: default-src 'none'; script-src 'sha256-"), "{head}");
    assert!(head.contains("require-trusted-types-for 'script'; trusted-types 'none'"), "{head}");
    for (path, host, status) in [
        ("/", "127.0.0.1:8090", "307"),
        ("/ui/", "elsewhere.example", "421"),
        ("/ui/api/jobs", "elsewhere.example:8090", "421"),
        ("/ui/api/jobs", "localhost.elsewhere.example", "421"),
        ("/ui/api/jobs/5f0c1c39-0000-4000-8000-000000000000", "[::1]:1", "404"),
        ("/ui/api/jobs/none", "localhost", "400"),
        (&format!("/ui/api/jobs/{uid}/checkpoints/1"), "localhost", "404"),
    ] {
        let (head, body) = page.get(path, host).await;
        assert!(head.starts_with(&format!("http/1.0 {status}")), "{path} of {host}: {head} {body}");
    }
    let refused = site.ledger_command(&["ui", "--listen", "0.0.0.0:8090"]).end().await;
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("--listen") && refused.stderr.contains("others could reach it"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_was_found_by_who_verified_last() {
    let site = Site::new().await;
    site.run(&generated("job", 40, SPEC)).end().await.assert_code(0);
    let path = format!("/ui/api/jobs/{}", site.uid().await);
    site.execute("UPDATE vaultstream.signatures SET signature = 'x' WHERE record_id = 7").await;
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(1);
    let page = Page::of_ledger(&site).await;
    let found = page.events(&path).await.until("verification", |_| true).await;
    assert_eq!((&found["verified"], &found["mode"]), (&false.into(), &"full".into()), "{found}");
    assert!(found["problems"][0].as_str().unwrap().contains('7'), "{found}");

    // Another receipt than somebody was given is found without a look at any signature.
    site.execute("DELETE FROM vaultstream.verdicts").await;
    let digest = "ab".repeat(32);
    site.ledger_command(&["verify", "--job", "job", "--receipt-digest", &digest]).end().await.assert_code(1);
    let page = Page::of_ledger(&site).await;
    let found = page.events(&path).await.until("verification", |_| true).await;
    assert_eq!((&found["verified"], &found["signatures"]), (&false.into(), &0.into()), "{found}");
    assert!(found["problems"].to_string().contains(&digest), "{found}");
}
