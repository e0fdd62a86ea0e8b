//! An API server of Kubernetes without a node: it gives out tokens of ServiceAccounts and reviews them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use uuid::Uuid;

use super::plain::Authority;
use super::tools::{skipped, tool};
use super::{Program, Running, blocking, output, until};

/// Where `make test-cluster` puts a node's programs; `None`, with a word about it, where they are not.
fn programs() -> Option<PathBuf> {
    let bin = tool("cluster/bin")
        .filter(|bin| ["etcd", "kube-apiserver", "kubectl"].iter().all(|name| bin.join(name).exists()));
    if bin.is_none() {
        skipped("what needs an API server of Kubernetes: tests/cluster/build makes one");
    }
    bin
}

pub(crate) struct ApiServer {
    programs: PathBuf,
    dir: TempDir,
    pub(crate) url: String,
    _running: [Running; 2],
}

impl ApiServer {
    /// What it takes for a user with all rights.
    pub(crate) const ADMIN: &str = "admin";

    /// `None` where there are no such programs.
    pub(crate) async fn start() -> Option<Self> {
        let programs = programs()?;
        let dir = tempfile::tempdir().unwrap();
        let [etcd_port, peer_port, port] = [free_port().await, free_port().await, free_port().await];
        let authority = Authority::new();
        let (certificate, key) = authority.issue(vec!["127.0.0.1".to_owned()]);
        let signing = rcgen::KeyPair::generate().unwrap();
        let admin = format!("{0},{0},{0},\"system:masters\"\n", Self::ADMIN);
        for (name, text) in [
            ("ca.crt", authority.pem()),
            ("tls.crt", certificate),
            ("tls.key", key),
            ("sa.key", signing.serialize_pem()),
            ("sa.pub", signing.public_key_pem()),
            ("users", admin),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let at = dir.path().display();
        let start = |name: &str, args: String| {
            let args: Vec<&str> = args.split_whitespace().collect();
            Program::new(programs.join(name).to_str().unwrap()).args(&args).start()
        };
        let etcd = start(
            "etcd",
            format!(
                "--data-dir {at}/etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:{etcd_port} \
                 --advertise-client-urls http://127.0.0.1:{etcd_port} --listen-peer-urls http://127.0.0.1:{peer_port} \
                 --initial-advertise-peer-urls http://127.0.0.1:{peer_port} --initial-cluster default=http://127.0.0.1:{peer_port}"
            ),
        );
        let server = start(
            "kube-apiserver",
            format!(
                "--etcd-servers=http://127.0.0.1:{etcd_port} --bind-address=127.0.0.1 --secure-port={port} \
                 --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --tls-cert-file={at}/tls.crt \
                 --tls-private-key-file={at}/tls.key --token-auth-file={at}/users --authorization-mode=RBAC \
                 --service-account-key-file={at}/sa.pub --service-account-signing-key-file={at}/sa.key \
                 --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.96.0.0/16"
            ),
        );
        let running = [etcd, server];
        let this = Self { programs, dir, url: format!("https://127.0.0.1:{port}"), _running: running };
        until("the API server is ready", || async { this.try_kubectl(&["get", "--raw", "/readyz"]).await.is_ok() })
            .await;
        Some(this)
    }

    /// The authority of its certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// A new ServiceAccount of the namespace default, and a token of it for an audience.
    pub(crate) async fn service_account(&self, name: &str, audience: &str) -> String {
        self.try_kubectl(&["create", "serviceaccount", name]).await.unwrap();
        self.try_kubectl(&["create", "token", name, "--audience", audience]).await.unwrap().trim().to_owned()
    }

    /// A kubeconfig with the context `test`, which is not the current one, of the namespace `team`; it logs in by this token.
    pub(crate) fn kubeconfig(&self, token: &str) -> PathBuf {
        let (url, ca) = (&self.url, self.ca());
        let file = self.dir.path().join(format!("kubeconfig-{}", Uuid::new_v4()));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: none\n\
             clusters: [{{name: test, cluster: {{server: '{url}', certificate-authority: '{}'}}}}]\n\
             users: [{{name: test, user: {{token: '{token}'}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test, namespace: team}}}}]\n",
            ca.display()
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    /// What kubectl prints, as a user with all rights.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args).await.unwrap()
    }

    async fn try_kubectl(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(self.programs.join("kubectl"));
        command
            .args(["--server", &self.url, "--token", Self::ADMIN, "--certificate-authority"])
            .arg(self.ca())
            .args(args);
        output(command).await
    }
}

async fn free_port() -> u16 {
    blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await
}
