//! A nats-server with a configuration of the test's own. Shared by all suites.

#![allow(dead_code, reason = "no suite uses all of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vaultstream_streams::{ConnectOptions, Streams};

/// Longer than a server needs to start on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A nats-server with a configuration of its own.
pub(crate) struct Plain {
    process: Child,
    pub(crate) port: u16,
    dir: Scratch,
}

impl Plain {
    pub(crate) fn start(configuration: &str) -> Self {
        let dir = Scratch::new("nats.conf", "");
        std::fs::write(&dir.path, whole(&dir, -1, configuration)).unwrap();
        let process = Command::new(nats_server())
            .arg("-c")
            .arg(&dir.path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ports = dir.path.with_file_name(format!("nats-server_{}.ports", process.id()));
        let end = Instant::now() + LONG;
        let port = loop {
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            let port = text.split_once("127.0.0.1:").and_then(|(_, rest)| rest.split_once('"')?.0.parse().ok());
            if let Some(port) = port {
                break port;
            }
            assert!(Instant::now() < end, "nats-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { process, port, dir }
    }

    /// The URL for a user whose password is `pass`; for no user when the name is empty.
    pub(crate) fn url_of(&self, user: &str) -> String {
        let login = if user.is_empty() { String::new() } else { format!("{user}:pass@") };
        format!("nats://{login}127.0.0.1:{}", self.port)
    }

    /// Connected as a user whose password is `pass`.
    pub(crate) async fn streams_of(&self, user: &str) -> Streams {
        Streams::connect(&self.options_of(user)).await.unwrap()
    }

    pub(crate) fn options_of(&self, user: &str) -> ConnectOptions {
        ConnectOptions { url: self.url_of(user), patience: LONG, ..ConnectOptions::default() }
    }

    /// The plain client, as that user.
    pub(crate) async fn plain_of(&self, user: &str) -> async_nats::jetstream::Context {
        let options = async_nats::ConnectOptions::with_user_and_password(user.into(), "pass".into());
        async_nats::jetstream::new(options.connect(self.url_of("")).await.unwrap())
    }

    /// Gives the running server another configuration.
    pub(crate) fn reconfigure(&self, configuration: &str) {
        std::fs::write(&self.dir.path, whole(&self.dir, self.port.into(), configuration)).unwrap();
        let pid = rustix::process::Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `port` is -1 for one that is free.
fn whole(dir: &Scratch, port: i32, configuration: &str) -> String {
    let store = dir.path.with_file_name("store");
    format!(
        "host: \"127.0.0.1\"\nport: {port}\nports_file_dir: {:?}\n{}\n",
        dir.path.parent().unwrap(),
        configuration.replace("STORE", &format!("{store:?}"))
    )
}

/// Where the tools are put, then PATH.
pub(crate) fn nats_server() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = here.ancestors().map(|dir| dir.join(".tools/bin"));
    let path = std::env::var_os("PATH").unwrap();
    let mut dirs = above.chain(std::env::split_paths(&path));
    dirs.find_map(|dir| Some(dir.join("nats-server")).filter(|program| program.is_file())).expect("a nats-server")
}

/// A file in a directory of its own, removed at the end.
pub(crate) struct Scratch {
    pub(crate) path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("vaultstream-streams-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self { path }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.path.parent().unwrap());
    }
}

/// An authority that issues certificates.
pub(crate) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn issue(&self, names: Vec<String>) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}
