//! Real programs as processes: started with faults, stopped, continued, killed, and what they said. Shared by all suites.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{PATIENCE, until};

const VAULTSTREAM: &str = env!("CARGO_BIN_EXE_vaultstream-with-faults");

/// A program to start.
pub(crate) struct Program {
    command: Command,
    http: Option<u16>,
}

impl Program {
    /// `vaultstream` without any setting.
    pub(crate) fn vaultstream(args: &[&str]) -> Self {
        Self::new(VAULTSTREAM).args(args)
    }

    pub(crate) fn new(path: &str) -> Self {
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text == "DATABASE_URL" || (text.starts_with("VAULTSTREAM_") && text != "VAULTSTREAM_TOOLS") {
                command.env_remove(&name);
            }
        }
        command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, http: None }
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where its HTTP server listens, on 127.0.0.1.
    pub(crate) fn http(self, port: u16) -> Self {
        Self { http: Some(port), ..self }
    }

    /// What happens at a fault point: `name[:n]=kill|stop|exit|slow`.
    pub(crate) fn fault(self, fault: &str) -> Self {
        self.env("VAULTSTREAM_FAULT", fault)
    }

    /// Its stdout is this, and not collected.
    pub(crate) fn stdout(mut self, to: Stdio) -> Self {
        self.command.stdout(to);
        self
    }

    /// Its stderr is this, and not collected.
    pub(crate) fn stderr(mut self, to: Stdio) -> Self {
        self.command.stderr(to);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let (out, err) = (Arc::default(), Arc::default());
        let readers = [
            child.stdout.take().map(|from| tokio::spawn(collect(from, Arc::clone(&out)))),
            child.stderr.take().map(|from| tokio::spawn(collect(from, Arc::clone(&err)))),
        ];
        Running { child, out, err, readers, http: self.http.unwrap_or(0) }
    }

    /// Runs it to its end.
    pub(crate) async fn end(self) -> Ended {
        self.start().end().await
    }
}

type Said = Arc<Mutex<Vec<u8>>>;

async fn collect(mut from: impl AsyncRead + Unpin, into: Said) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        into.lock().unwrap().extend_from_slice(&buffer[..read]);
    }
}

fn said(said: &Said) -> String {
    String::from_utf8_lossy(&said.lock().unwrap()).into_owned()
}

/// A program that runs. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    out: Said,
    err: Said,
    readers: [Option<JoinHandle<()>>; 2],
    http: u16,
}

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().expect("it has ended")).unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// A line of `/proc/<pid>/status`.
    pub(crate) fn status(&self, field: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        line.trim_start_matches(':').trim().to_owned()
    }

    /// The peak of its memory, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status("VmHWM").split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.status("State").starts_with('T')
    }

    /// Waits until a fault has stopped it.
    pub(crate) async fn until_stopped(&self) {
        until("the process is stopped", || async { self.is_stopped() }).await;
    }

    /// What it has said on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        said(&self.err)
    }

    /// Waits until it has ended and what it said is known.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().await.unwrap();
        for reader in self.readers.iter_mut().filter_map(Option::take) {
            // A grandchild may hold the pipe open.
            let _ = tokio::time::timeout(Duration::from_secs(5), reader).await;
        }
        status
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Ended {
        self.end_within(PATIENCE).await
    }

    pub(crate) async fn end_within(mut self, limit: Duration) -> Ended {
        let Ok(status) = tokio::time::timeout(limit, self.ended()).await else {
            panic!("it did not end within {limit:?}; it said:\n{}", said(&self.err));
        };
        Ended { status, stdout: said(&self.out), stderr: said(&self.err) }
    }

    /// Asks its HTTP server: status and body. `None` while nothing listens.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        self.get_as("*/*", path).await
    }

    /// The same in a form that the media types of the header `Accept` name.
    pub(crate) async fn get_as(&self, accept: &str, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).await.ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// One of the worker's metrics, without the prefix of all.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        self.metric_in_full(&format!("vaultstream_worker_{name}")).await
    }

    /// One of its metrics.
    pub(crate) async fn metric_in_full(&self, name: &str) -> f64 {
        let (status, body) = self.get("/metrics").await.unwrap();
        assert_eq!(status, 200);
        let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no metric {name} in\n{body}")).parse().unwrap()
    }
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "{}, stdout:\n{}\nstderr:\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn assert_killed(&self, at: &str) {
        assert_eq!(self.status.signal(), Some(9), "{} at {at}, it said:\n{}", self.status, self.stderr);
        assert!(self.stderr.contains(&format!("fault point {at}: Kill")), "killed elsewhere:\n{}", self.stderr);
    }

    /// The report of `--output json`.
    #[track_caller]
    pub(crate) fn report(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}
