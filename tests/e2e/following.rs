//! A table of another owner that grows while the release is scaled, upgraded and drained, and the job that follows it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_api::{ConditionType, Reason, SigningJob};

use crate::harness::{Ended, Job, PATIENCE, Program, kubectl, kubectl_with_input, until};
use crate::load::Load;
use crate::plugin;
use crate::story::Story;

/// One worker signs 50 rows a second.
const MANIFEST: &str = r#"
apiVersion: vaultstream.dev/v1alpha1
kind: SigningJob
metadata: {name: orders}
spec:
  source: {table: {schema: shop, name: orders, columns: [id, doc], json: JCS}}
  follow: {maxDelay: 500ms, checkpoint: {every: 5s}}
  batchSize: 50
  keys: {count: 20, lease: {records: 200, duration: 10s}}
  workers: {maxReplicas: 3, maxRecordsPerSecond: 50}
  autoscaling: {mode: HPA, targetBacklog: 1000, targetLag: 10s, behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}
"#;

/// Rows a second that three workers cannot sign.
pub(crate) const TOO_MANY: u64 = 240;
/// Rows a second that two workers can just sign.
pub(crate) const SOME: u64 = 100;

pub(crate) struct Orders {
    pub(crate) job: Job,
    pub(crate) load: Load,
    sql: Client,
    folder: TempDir,
    kept: Option<Kept>,
}

/// What an auditor kept while the table still grew.
struct Kept {
    bundle: PathBuf,
    checkpoint: PathBuf,
    /// What the verdict about it said.
    report: Value,
}

/// The table, which is not the ledger's owner's, with a role that may do nothing but insert.
async fn make_table(story: &Story, sql: &Client) {
    let (team, password) = (&story.release.team, Uuid::new_v4().simple());
    sql.batch_execute(&format!(
        "CREATE ROLE shop LOGIN PASSWORD '{password}'; GRANT CONNECT ON DATABASE postgres TO shop; CREATE ROLE till; \
         CREATE SCHEMA shop AUTHORIZATION shop; SET ROLE shop; \
         CREATE TABLE shop.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), doc jsonb NOT NULL); \
         INSERT INTO shop.orders (doc) SELECT jsonb_build_object('no', n) FROM generate_series(1, 500) n; \
         GRANT USAGE ON SCHEMA shop TO till, \"vs_{team}\"; GRANT INSERT ON shop.orders TO till; \
         GRANT SELECT ON shop.orders TO \"vs_{team}\"; RESET ROLE"
    ))
    .await
    .unwrap();
    let host = format!("vaultstream-dev-postgres.{}.svc", story.release.namespace);
    let url = format!("postgresql://shop:{password}@{host}/postgres?sslmode=disable");
    let enable = ["source", "enable", "--table", "shop.orders", "--reader", &format!("vs_{team}")];
    story.vaultstream("source-enable", &enable, json!({"name": "VAULTSTREAM_SOURCE_URL", "value": url})).await;
}

/// As a user does it.
async fn apply(story: &Story) -> Job {
    let (client, namespace) = (&story.release.client, story.release.team.clone());
    let (content, said) = kubectl_with_input(&["-n", &namespace, "apply", "-f", "-"], MANIFEST).await;
    assert!(content, "{said}");
    let api = Api::<SigningJob>::namespaced(client.clone(), &namespace);
    let uid = api.get("orders").await.unwrap().uid().unwrap().parse().unwrap();
    Job { api, deployments: Api::namespaced(client.clone(), &namespace), namespace, name: "orders".to_owned(), uid }
}

impl Orders {
    pub(crate) async fn begin(story: &Story) -> Self {
        let sql = story.sql().await;
        make_table(story, &sql).await;
        let job = apply(story).await;
        job.until_condition(ConditionType::Following, "True", Reason::FollowsTable).await;
        let orders =
            Self { job, load: Load::start(story.sql().await), sql, folder: tempfile::tempdir().unwrap(), kept: None };
        orders.until_all_are_signed().await;
        story.tell("orders: the rows that were there are signed, and the job follows their table");
        orders
    }

    async fn workers_wanted(&self) -> Option<i32> {
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.job.api.clone().into_client(), &self.job.namespace);
        Some(api.get_opt(&self.job.child()).await.unwrap()?.status?.desired_replicas)
    }

    /// What `kubectl get signingjob` has in a column.
    async fn shown(&self, column: &str) -> String {
        let (content, said) = kubectl(&["-n", &self.job.namespace, "get", "signingjob", &self.job.name]).await;
        let lines: Vec<&str> = said.lines().collect();
        let place = lines[0].find(column).unwrap_or_else(|| panic!("there is no column {column}: {said}"));
        assert!(content && lines.len() == 2, "{said}");
        lines[1][place..].split_whitespace().next().unwrap_or_default().to_owned()
    }

    pub(crate) async fn grow_and_shrink(&self, story: &Story) {
        self.load.set(TOO_MANY);
        until("the HPA wants three workers", || async { self.workers_wanted().await == Some(3) }).await;
        until("there are three workers", || async { story.workers(&self.job, None).await.len() == 3 }).await;
        let lag = self.shown("LAG").await;
        assert!(lag.ends_with('s') && lag != "0s", "no lag is shown, but {lag}");
        story.tell(&format!("orders: three workers for {TOO_MANY} rows a second, signatures are {lag} late"));

        self.load.set(0);
        let lag_of = |job: &SigningJob| Some(job.status.as_ref()?.following.as_ref()?.lag?.as_std());
        until("the HPA wants one worker", || async { self.workers_wanted().await == Some(1) }).await;
        self.job.until("no row is late", |job| lag_of(job) == Some(Duration::ZERO)).await;
        let quiet = Instant::now();
        while quiet.elapsed() < Duration::from_secs(10) {
            assert_eq!(self.job.replicas().await, Some(1), "{}", self.job.describe().await);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        story.tell("orders: one worker stays when nothing is left to sign");
    }

    /// Some of them, and none has another image.
    pub(crate) async fn until_workers_have(&self, story: &Story, image: &str) {
        let are_of = async |image| story.workers(&self.job, image).await.len();
        until("orders: the workers run the next release", || async {
            let wanted = are_of(Some(image)).await;
            wanted > 0 && wanted == are_of(None).await
        })
        .await;
    }

    /// The bundle of the last checkpoint, as an auditor gets and keeps it.
    async fn export(&self, name: &str) -> PathBuf {
        let bundle = self.folder.path().join(name);
        plugin::run(&self.job, &["export", &self.job.name, "--bundle", bundle.to_str().unwrap()]).await.assert_code(0);
        bundle
    }

    /// The checkpoint of a bundle, in a file of its own.
    fn checkpoint_of(bundle: &Path) -> PathBuf {
        let text = std::fs::read_to_string(bundle).unwrap();
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let file = bundle.with_extension("checkpoint");
        std::fs::write(&file, header["receipt"].as_str().unwrap()).unwrap();
        file
    }

    pub(crate) async fn keep_a_checkpoint(&mut self, story: &Story) {
        let told = self.job.get().await.status.unwrap().checkpoint.unwrap();
        let bundle = self.export("kept.vsb").await;
        let report = verify(&bundle, None).await.assert_code(0).report();
        let number = report["checkpoint"]["number"].as_u64().unwrap();
        assert!(number >= told.number && report["checkpoint"]["last"] == false, "{told:?} {report}");
        // Of the same number it is the same one, whoever told of it.
        assert!(number > told.number || report["receiptDigest"] == told.digest.as_str(), "{told:?} {report}");
        self.kept = Some(Kept { checkpoint: Self::checkpoint_of(&bundle), bundle, report });
        story.tell(&format!("orders: checkpoint {number} is verified and kept, while rows come"));
    }

    /// How many rows there are, without a signature, with more than one, and how many signatures without a row.
    async fn counts(&self) -> [i64; 4] {
        let signed = format!("vaultstream.\"signed_{}_{}\"", self.job.namespace, self.job.name);
        let row = self
            .sql
            .query_one(
                &format!(
                    "WITH signed AS MATERIALIZED (SELECT id, count(*) AS times FROM {signed} GROUP BY id) \
                     SELECT count(o.id), count(*) FILTER (WHERE s.id IS NULL), \
                            count(*) FILTER (WHERE s.times > 1), count(*) FILTER (WHERE o.id IS NULL) \
                       FROM shop.orders o FULL JOIN signed s ON s.id = o.id"
                ),
                &[],
            )
            .await
            .unwrap();
        [0, 1, 2, 3].map(|column| row.get(column))
    }

    /// Waits until each committed row has its signature, and makes sure that it is one. Returns how many there are.
    async fn until_all_are_signed(&self) -> u64 {
        let begun = Instant::now();
        loop {
            match self.counts().await {
                [rows, 0, 0, 0] => return rows.try_into().unwrap(),
                [rows, missing, 0, 0] => assert!(
                    begun.elapsed() < PATIENCE,
                    "{missing} of {rows} rows have no signature\n{}",
                    self.job.describe().await
                ),
                [rows, missing, doubled, without] => panic!(
                    "of {rows} rows {missing} have no signature, and {doubled} have several; {without} signatures have no row"
                ),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// After the last row: all of it is checked, before and after the job's end.
    pub(crate) async fn end(mut self, story: &Story) {
        let committed = self.load.stop().await;
        let rows = self.until_all_are_signed().await;
        assert_eq!(rows, committed + 500, "the rows that were inserted are not those in the table");
        story.tell(&format!("orders: each of {rows} committed rows has one signature"));
        self.assert_the_last_checkpoint_extends_the_kept_one(rows).await;
        story.tell("orders: the last checkpoint covers all, and extends the one that was kept");

        // A job that follows no table has no lag for which there could be a target.
        let patch = r#"{"spec": {"follow": null, "autoscaling": {"targetLag": null}}}"#;
        let args = ["-n", &self.job.namespace, "patch", "signingjob", &self.job.name, "--type=merge", "-p", patch];
        let (content, said) = kubectl(&args).await;
        assert!(content, "{said}");
        let done = story.until_complete(&self.job).await;
        let records = done.records.unwrap();
        assert_eq!((records.signed, records.rejected), (Some(rows), Some(0)));
        assert_eq!(self.counts().await[1..], [0, 0, 0], "of {rows} rows, after the end");
        let receipt = verify(&self.export("last.vsb").await, Some(&self.kept().checkpoint)).await;
        let report = receipt.assert_code(0).report();
        assert_eq!((&report["checkpoint"]["last"], &report["signed"]), (&json!(true), &json!(rows)), "{report}");
        plugin::reads_a_job_through_a_forwarded_port(&self.job).await;
        story.tell("orders: follow was removed, and the job has its receipt");
    }

    fn kept(&self) -> &Kept {
        self.kept.as_ref().unwrap()
    }

    async fn assert_the_last_checkpoint_extends_the_kept_one(&self, rows: u64) {
        let covers = |job: &SigningJob| Some(job.status.as_ref()?.checkpoint.as_ref()?.records);
        self.job.until(&format!("a checkpoint covers {rows} rows"), |job| covers(job) == Some(rows)).await;
        let (bundle, kept) = (self.export("all.vsb").await, self.kept());
        let report = verify(&bundle, Some(&kept.checkpoint)).await.assert_code(0).report();
        let extends = &report["checkpoint"]["extends"];
        assert_eq!(extends["digest"], kept.report["receiptDigest"], "{report}");
        assert_eq!((&report["signed"], &report["rejected"]), (&json!(rows), &json!(0)), "{report}");
        assert!(kept.report["signed"].as_u64() < Some(rows), "nothing was signed after it: {}", kept.report);
        // What comes later is nothing that is extended.
        let refused = verify(&kept.bundle, Some(&Self::checkpoint_of(&bundle))).await;
        let why = refused.assert_code(1).report()["problems"].to_string();
        assert!(why.contains("is no later one"), "{why}");
    }
}

/// The verdict about a bundle, of a reader who has nothing else, or an earlier checkpoint, too.
async fn verify(bundle: &Path, earlier: Option<&Path>) -> Ended {
    let verify = Program::vaultstream(&["verify", "--output", "json", "--bundle", bundle.to_str().unwrap()]);
    match earlier {
        Some(earlier) => verify.args(&["--checkpoint", earlier.to_str().unwrap()]),
        None => verify,
    }
    .end()
    .await
}
