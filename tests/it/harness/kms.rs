//! A KMS v2 plugin on Kubernetes' own server of the protocol, with keys in a folder.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::tools::tool_if_built;
use super::{Program, Running, Site, until};

/// What `make kms-plugin` builds; `None`, with a word about it, where it was not built.
fn program() -> Option<PathBuf> {
    tool_if_built("bin/kms-plugin", "custody by a KMS plugin: `make kms-plugin` builds it")
}

pub(crate) struct KmsPlugin {
    program: PathBuf,
    dir: TempDir,
    running: Option<Running>,
}

impl KmsPlugin {
    /// One that encrypts with the key `first`. `None` where there is no such program.
    pub(crate) async fn start() -> Option<Self> {
        let mut plugin = Self { program: program()?, dir: tempfile::tempdir().unwrap(), running: None };
        std::fs::create_dir(plugin.folder()).unwrap();
        plugin.rotate("first");
        plugin.come_back().await;
        Some(plugin)
    }

    /// It encrypts with a new key of this name from now on, and has its earlier ones.
    pub(crate) fn rotate(&self, key: &str) {
        std::fs::write(self.dir.path().join(key), rand::random::<[u8; 32]>()).unwrap();
        self.write("current", key);
    }

    /// Gives it another key under the same name, and returns the earlier one.
    pub(crate) fn replace_key(&self, name: &str, key: &[u8]) -> Vec<u8> {
        let path = self.dir.path().join(name);
        let earlier = std::fs::read(&path).unwrap();
        std::fs::write(path, key).unwrap();
        earlier
    }

    /// What it does wrong from now on: see its source. Nothing for an empty text.
    pub(crate) fn fault(&self, fault: &str) {
        self.write("fault", fault);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Ends it: its socket remains, and refuses connections.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Has its socket, and nothing else.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// It is there again, with its keys. Its socket is open to the users that pods have.
    pub(crate) async fn come_back(&mut self) {
        let socket = self.folder().join("socket");
        std::fs::remove_file(&socket).ok();
        let args = [socket.to_str().unwrap(), self.dir.path().to_str().unwrap()];
        self.running = Some(Program::new(self.program.to_str().unwrap()).args(&args).start());
        until("the plugin listens", || async { tokio::net::UnixStream::connect(&socket).await.is_ok() }).await;
        std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("kms+unix://{}/socket", self.folder().display())
    }

    /// Workers of the site use it.
    pub(crate) fn give_to(&self, site: &Site) {
        std::fs::write(site.dir.path().join("KEK_URL"), self.url()).unwrap();
        std::fs::remove_file(site.kek()).ok();
    }

    /// How often it was called for this.
    pub(crate) fn calls(&self, method: &str) -> usize {
        let calls = std::fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call == method).count()
    }
}
