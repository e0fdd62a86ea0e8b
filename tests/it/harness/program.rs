//! The programs of this suite: `vaultstream` and `vaultstream-worker`, with fault points compiled in.

use std::net::TcpListener;
use std::path::Path;

use uuid::Uuid;

use super::process::{Program, Running};
use super::{Site, blocking, until};

const VAULTSTREAM: &str = env!("CARGO_BIN_EXE_vaultstream-with-faults");
const WORKER: &str = env!("CARGO_BIN_EXE_vaultstream-worker-with-faults");
const OPERATOR: &str = env!("CARGO_BIN_EXE_vaultstream-operator-with-faults");

impl Program {
    /// `vaultstream-worker` without any setting.
    pub(crate) fn worker(args: &[&str]) -> Self {
        Self::new(WORKER).args(args)
    }

    /// `vaultstream-operator migrate`, as the chart runs it: with the operator's own connection, and the owner's.
    pub(crate) fn migrate_hook(connection_dir: &Path, owner_dir: &Path) -> Self {
        let dirs = ["--connection-dir", path(connection_dir), "--owner-dir", path(owner_dir)];
        Self::new(OPERATOR).args(&["migrate", "--connect-timeout", "10s"]).args(&dirs)
    }

    /// `vaultstream` on a terminal of script(1), which prints what is seen there; none where there is no such program.
    pub(crate) fn on_terminal(args: &str) -> Option<Self> {
        let there = std::process::Command::new("script").arg("--version").output().is_ok();
        let command = format!("stty columns 100 rows 30; exec {VAULTSTREAM} {args}");
        there.then(|| Self::new("script").args(&["-qec", &command, "/dev/null"]).env("TERM", "xterm"))
    }

    /// A shell script that may mount, with `vaultstream` as its `$0`.
    pub(crate) fn in_mount_namespace(script: &str, args: &[&str]) -> Self {
        let unshare: &[&str] = if rustix::process::geteuid().is_root() {
            &["--mount"]
        } else {
            &["--user", "--map-current-user", "--keep-caps", "--mount"]
        };
        Self::new("unshare").args(unshare).args(&["sh", "-c", script, VAULTSTREAM]).args(args)
    }
}

impl Site {
    /// `vaultstream run` of a manifest, with the waits cut short that a test cannot wait for.
    pub(crate) fn run(&self, manifest: &str) -> Program {
        self.run_without_kek(manifest).args(&["--kek-file", path(&self.kek())])
    }

    /// The same without a key-encryption key.
    pub(crate) fn run_without_kek(&self, manifest: &str) -> Program {
        let file = self.dir.path().join(format!("{}.yaml", Uuid::new_v4()));
        std::fs::write(&file, manifest).unwrap();
        Program::vaultstream(&["run", "--output", "json", "-f"])
            .args(&[path(&file)])
            .env("DATABASE_URL", &self.database_url)
            .env("VAULTSTREAM_NATS_URL", &self.nats_url)
            .env("VAULTSTREAM_CONNECT_TIMEOUT", "30s")
            .env("VAULTSTREAM_REPAIR_INTERVAL", "1s")
            .env("VAULTSTREAM_BATCH_ACK_WAIT", "2s")
    }

    /// A command that reads the ledger.
    pub(crate) fn ledger_command(&self, args: &[&str]) -> Program {
        Program::vaultstream(args).env("DATABASE_URL", &self.database_url)
    }

    /// `vaultstream-worker` for a job.
    pub(crate) async fn worker(&self, uid: Uuid) -> Program {
        self.worker_with(uid, self.dir.path()).await
    }

    /// The same with a connection folder of its own.
    pub(crate) async fn worker_with(&self, uid: Uuid, connection_dir: &Path) -> Program {
        let port = blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await;
        let address = format!("127.0.0.1:{port}");
        Program::worker(&["--job-uid", &uid.to_string()])
            .args(&["--connection-dir", path(connection_dir), "--http-address", &address])
            // Most sites have no login but their server's superuser.
            .env("VAULTSTREAM_ALLOW_OWNER", "true")
            .http(port)
    }
}

impl Site {
    /// A worker of the only job that ends by itself: its exit code, and what Kubernetes would show of its end.
    pub(crate) async fn end_of_worker(&self, connect_timeout: &str) -> (Option<i32>, String) {
        // Not in the site's folder, which workers watch.
        let message = tempfile::NamedTempFile::new().unwrap();
        let worker = self.worker(self.uid().await).await;
        let args = ["--connect-timeout", connect_timeout, "--termination-log", path(message.path())];
        let ended = worker.args(&args).end().await;
        (ended.status.code(), std::fs::read_to_string(message.path()).unwrap())
    }
}

impl Running {
    /// Waits until a worker is there and is not ready.
    pub(crate) async fn until_unready(&self) {
        until("the worker is not ready", || async {
            self.get("/readyz").await.is_some_and(|(status, _)| status == 503)
        })
        .await;
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
