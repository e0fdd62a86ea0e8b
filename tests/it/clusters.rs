//! The command line at a cluster: a real API server, and the ledger that a Secret of it names.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{ApiServer, Ended, Program, Site, generated, quick};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2}";
const CRD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/signingjobs.vaultstream.dev.yaml");

/// A ledger with the job `team/job`, and an API server with its SigningJob and Secret.
struct Cluster {
    api: ApiServer,
    site: Site,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// `None` where there is no API server.
    async fn new() -> Option<Self> {
        let (api, site) = (ApiServer::start().await?, Site::new().await);
        api.kubectl(&["apply", "-f", CRD]).await;
        api.kubectl(&["wait", "--for=condition=Established", "crd/signingjobs.vaultstream.dev", "--timeout=60s"]).await;
        api.kubectl(&["create", "namespace", "team"]).await;
        let kubeconfig = api.kubeconfig(ApiServer::ADMIN);
        let this = Self { api, site, kubeconfig };
        let manifest = generated("job", 100, SPEC).replacen("name: job", "name: job\n  namespace: team", 1);
        let uid = this.create(&manifest).await;
        let job = this.site.drive_as(uid, &manifest, quick()).await;
        let worker = this.site.worker(uid).await.start();
        job.complete().await;
        drop(worker);
        Some(this)
    }

    async fn create(&self, manifest: &str) -> Uuid {
        let file = self.site.dir.path().join("job.yaml");
        std::fs::write(&file, manifest).unwrap();
        self.api.kubectl(&["create", "-f", file.to_str().unwrap()]).await;
        let uid = self.api.kubectl(&["-n", "team", "get", "sj", "job", "-o", "jsonpath={.metadata.uid}"]).await;
        uid.parse().unwrap()
    }

    async fn secret(&self, name: &str, url: &str) {
        self.api.kubectl(&["-n", "team", "delete", "secret", name, "--ignore-not-found"]).await;
        let url = format!("--from-literal=DATABASE_URL={url}");
        self.api.kubectl(&["-n", "team", "create", "secret", "generic", name, &url]).await;
    }

    /// The operator's last word on the job.
    async fn status(&self, root: &str, digest: &str) {
        let patch = json!({"status": {"receipt": {"merkleRoot": root, "digest": digest}}}).to_string();
        let args = ["-n", "team", "patch", "sj", "job", "--type=merge", "--subresource=status", "-p"];
        self.api.kubectl(&[&args[..], &[&patch]].concat()).await;
    }

    /// A command at the context `test`. The environment names another database, which is not used.
    async fn run(&self, line: &str) -> Ended {
        self.at(Program::vaultstream(&["--context", "test"]), &self.kubeconfig, line).await
    }

    async fn at(&self, program: Program, kubeconfig: &Path, line: &str) -> Ended {
        let args: Vec<&str> = line.split(' ').collect();
        let program = program.args(&args).env("KUBECONFIG", kubeconfig.to_str().unwrap());
        program.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing").end().await
    }
}

#[track_caller]
fn says(ended: &Ended, code: i32, words: &str) {
    ended.assert_code(code);
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    assert!(said.contains(words), "{words} is not in: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_reached_by_the_secret_of_a_namespace_and_its_receipt_compared_with_the_signing_job() {
    let Some(cluster) = Cluster::new().await else { return };
    says(&cluster.run("receipt job").await, 2, "there is no Secret team/vaultstream-connection");
    cluster.secret("vaultstream-connection", &cluster.site.database_url).await;
    let receipt: Value = serde_json::from_str(&cluster.run("receipt job").await.assert_code(0).stdout).unwrap();
    assert_eq!((&receipt["namespace"], &receipt["name"]), (&json!("team"), &json!("job")));
    assert_eq!(cluster.run("export team/job").await.assert_code(0).stdout.lines().count(), 100);
    says(&cluster.run("keys --job job").await, 0, "BEGIN PUBLIC KEY");
    says(&cluster.run("status job").await, 0, "team/job Complete");
    says(&cluster.run("status -n other job").await, 2, "there is no Secret other/vaultstream-connection");

    // Until the operator has said what the receipt is, it cannot be compared.
    says(&cluster.run("verify job").await, 1, "the SigningJob's status has no receipt to compare it with");
    let report = cluster.run("verify job -o json").await.report();
    let [root, digest] = ["merkleRoot", "receiptDigest"].map(|name| report[name].as_str().unwrap().to_owned());
    cluster.status(&root, &digest).await;
    let verified = cluster.run("verify job").await;
    says(&verified, 0, "it is the job whose receipt is in the SigningJob's status");
    assert!(verified.stdout.starts_with("VERIFIED\n"), "{}", verified.stdout);
    let bundle = cluster.site.dir.path().join("bundle.vsb");
    let bundle = bundle.to_str().unwrap();
    cluster.run(&format!("export job --bundle {bundle}")).await.assert_code(0);
    cluster.run(&format!("verify --bundle {bundle} --from-cluster")).await.assert_code(0);
    cluster.status(&root, &"ab".repeat(32)).await;
    let differs = format!("the SigningJob's status says sha256:{}", "ab".repeat(32));
    says(&cluster.run("verify job").await, 1, &differs);
    says(&cluster.run(&format!("verify --bundle {bundle}")).await, 1, &differs);
    let url = &cluster.site.database_url;
    says(&cluster.run(&format!("verify team/job --database-url {url}")).await, 1, &differs);
    says(&cluster.run(&format!("receipt team/job --database-url {url}")).await, 2, "a ledger and a cluster are named");

    // Its receipt is still in the ledger when the SigningJob is gone; there is nothing to compare it with.
    cluster.api.kubectl(&["-n", "team", "delete", "sj", "job", "--wait=true"]).await;
    let alone = cluster.run("verify job").await;
    says(&alone, 0, "it agrees with itself");
    assert!(alone.stderr.contains("the cluster has no SigningJob team/job"), "{}", alone.stderr);
    says(&cluster.run("verify job --from-cluster").await, 2, "the cluster has no SigningJob team/job");
    says(&cluster.run("run -f job.yaml").await, 2, "are for receipt, verify, export, status, ui and keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_of_kubectl_reads_the_current_context_with_the_rights_of_its_user() {
    let Some(cluster) = Cluster::new().await else { return };
    cluster.secret("vaultstream-connection", &cluster.site.database_url).await;
    let plugin = cluster.site.dir.path().join("kubectl-vaultstream");
    symlink(env!("CARGO_BIN_EXE_vaultstream-with-faults"), &plugin).unwrap();
    let plugin = || Program::new(plugin.to_str().unwrap());
    let current = |token: &str| {
        let file = cluster.api.kubeconfig(token);
        let text = std::fs::read_to_string(&file).unwrap().replace("current-context: none", "current-context: test");
        std::fs::write(&file, text).unwrap();
        file
    };
    let admin = current(ApiServer::ADMIN);
    let receipt = cluster.at(plugin(), &admin, "receipt job").await;
    assert!(receipt.assert_code(0).stdout.contains("\"merkleRoot\""), "{}", receipt.stdout);
    says(&cluster.at(plugin(), &cluster.kubeconfig, "receipt job").await, 2, "the kubeconfig cannot be used");

    // Who may read SigningJobs, and no Secrets.
    let audience = "https://kubernetes.default.svc";
    let reader = current(&cluster.api.service_account("reader", audience).await);
    says(&cluster.at(plugin(), &reader, "receipt job").await, 2, "the SigningJob team/job cannot be read: ");
    let role = ["-n", "team", "create", "role", "reader", "--verb=get", "--resource=signingjobs.vaultstream.dev"];
    cluster.api.kubectl(&role).await;
    let binding = ["-n", "team", "create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader"];
    cluster.api.kubectl(&binding).await;
    let refused = cluster.at(plugin(), &reader, "receipt job").await;
    says(&refused, 2, "the Secret team/vaultstream-connection cannot be read: ");

    // A Service of the cluster is not dialled by its name.
    cluster.api.kubectl(&["-n", "team", "create", "service", "clusterip", "postgres", "--tcp=5432"]).await;
    cluster.secret("vaultstream-auditor", "postgres://audit@postgres.team.svc/ledger").await;
    says(&cluster.at(plugin(), &admin, "status").await, 1, "no pod of the Service team/postgres is ready");
    cluster.secret("other", "postgres://audit@postgres.team.svc:5433/ledger").await;
    says(&cluster.at(plugin(), &admin, "status --secret other").await, 2, "the Service team/postgres has no port 5433");
    cluster.at(plugin(), &admin, "status --secret team/vaultstream-connection").await.assert_code(0);
}
