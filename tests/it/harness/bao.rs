//! A real OpenBao with TLS, a transit engine and an audit log of what it was asked.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::plain::Authority;
use super::tools::tool_if_built;
use super::{Program, Running, Site, blocking, output, until};

/// What workers may do.
const POLICY: &str = r#"path "transit/encrypt/vaultstream" { capabilities = ["update"] }
path "transit/decrypt/vaultstream" { capabilities = ["update"] }"#;

/// What `make openbao` installs; `None`, with a word about it, where it is not.
fn program() -> Option<PathBuf> {
    tool_if_built("bin/bao", "custody by OpenBao: `make openbao` installs it")
}

/// An OpenBao that keeps its data in a folder, so that it may go away and come back.
pub(crate) struct Bao {
    program: PathBuf,
    dir: TempDir,
    port: u16,
    root: String,
    unseal: String,
    running: Option<Running>,
}

impl Bao {
    /// One with the key `vaultstream`, and the policy of the same name. `None` where there is no such program.
    pub(crate) async fn start() -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().unwrap();
        let [port, cluster_port] = [free_port().await, free_port().await];
        let authority = Authority::new();
        let (certificate, key) = authority.issue(vec!["127.0.0.1".to_owned()]);
        for (name, text) in [("ca.crt", authority.pem()), ("tls.crt", certificate), ("tls.key", key)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let at = dir.path().display();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        let settings = format!(
            "storage \"raft\" {{ path = \"{at}/data\"\n node_id = \"one\" }}\n\
             listener \"tcp\" {{ address = \"127.0.0.1:{port}\"\n cluster_address = \"127.0.0.1:{cluster_port}\"\n \
             tls_cert_file = \"{at}/tls.crt\"\n tls_key_file = \"{at}/tls.key\" }}\n\
             audit \"file\" \"requests\" {{ options {{ file_path = \"{at}/audit.json\" }} }}\n\
             api_addr = \"https://127.0.0.1:{port}\"\ncluster_addr = \"https://127.0.0.1:{cluster_port}\"\n"
        );
        std::fs::write(dir.path().join("settings.hcl"), settings).unwrap();
        let mut bao = Self { program, dir, port, root: String::new(), unseal: String::new(), running: None };
        bao.listen().await;
        let made = bao.command(&["operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"]).await;
        let made: Value = serde_json::from_str(&made).unwrap();
        bao.unseal = made["unseal_keys_b64"][0].as_str().unwrap().to_owned();
        bao.root = made["root_token"].as_str().unwrap().to_owned();
        bao.open().await;
        bao.command(&["secrets", "enable", "transit"]).await;
        bao.command(&["write", "-f", "transit/keys/vaultstream"]).await;
        let policy = bao.dir.path().join("policy.hcl");
        std::fs::write(&policy, POLICY).unwrap();
        bao.command(&["policy", "write", "vaultstream", policy.to_str().unwrap()]).await;
        Some(bao)
    }

    /// Starts it. Fails at once, with what it said, when it ends.
    async fn listen(&mut self) {
        let settings = self.dir.path().join("settings.hcl");
        let server =
            Program::new(self.program.to_str().unwrap()).args(&["server", "-config", settings.to_str().unwrap()]);
        let running = server.start();
        let port = self.port;
        until("OpenBao listens", || async {
            assert!(!running.status("State").starts_with('Z'), "{}", running.stderr());
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        self.running = Some(running);
    }

    async fn open(&self) {
        self.command(&["operator", "unseal", &self.unseal]).await;
        until("OpenBao is active", || async { self.try_command(&["token", "lookup"]).await.is_ok() }).await;
    }

    /// Ends it without a warning: connections are refused.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// It is there again, with its data.
    pub(crate) async fn come_back(&mut self) {
        self.listen().await;
        self.open().await;
    }

    /// Stops or continues its process: while it is stopped, connections are accepted and nothing is said.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    /// A command of its own client, with all rights.
    pub(crate) async fn command(&self, args: &[&str]) -> String {
        self.try_command(args).await.unwrap()
    }

    async fn try_command(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env("HOME", self.dir.path())
            .env("BAO_ADDR", format!("https://127.0.0.1:{}", self.port))
            .env("BAO_CACERT", self.ca())
            .env("BAO_TOKEN", &self.root);
        output(command).await
    }

    /// A token with the policy, that ends after `ttl`.
    pub(crate) async fn token(&self, ttl: &str) -> String {
        let ttl = format!("-ttl={ttl}");
        let token = self.command(&["token", "create", "-policy=vaultstream", &ttl, "-field=token"]).await;
        token.trim().to_owned()
    }

    /// A role of an auth method, whose logins end after 6 s.
    pub(crate) async fn role(&self, path: &str, args: &[&str]) {
        self.command(&[&["write", path, "token_policies=vaultstream", "token_ttl=6s"], args].concat()).await;
    }

    /// The URL of a key.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("transit+https://127.0.0.1:{}/transit/keys/{key}", self.port)
    }

    /// The authority of its certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Workers of the site use it, with this token.
    pub(crate) fn give_to(&self, site: &Site, token: &str) {
        let write = |name: &str, text: &str| std::fs::write(site.dir.path().join(name), text).unwrap();
        write("KEK_URL", &self.url("vaultstream"));
        write("transit-token", token);
        std::fs::copy(self.ca(), site.dir.path().join("transit-ca.crt")).unwrap();
        std::fs::remove_file(site.kek()).ok();
    }

    /// How often it was asked for this path, whatever it said.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let log = std::fs::read_to_string(self.dir.path().join("audit.json")).unwrap();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["type"] == "response" && entry["request"]["path"] == path).count()
    }
}

async fn free_port() -> u16 {
    blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await
}
