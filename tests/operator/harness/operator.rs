//! The operator as a process, with the rights of its ServiceAccount and nothing else.

use std::net::TcpListener;
use std::ops::Deref;
use std::process::ExitStatus;
use std::time::Duration;

use super::images::WORKER_IMAGE;
use super::place::Place;
use super::process::{Ended, Program, Running};
use super::{blocking, until};

const OPERATOR: &str = env!("CARGO_BIN_EXE_vaultstream-operator-with-faults");
/// Lines of a log that are shown when a test fails.
const LOG_LINES_LIMIT: usize = 60;

impl Place {
    /// An operator to be started, called `name`.
    pub(crate) async fn operator(&self, name: &'static str) -> OperatorProgram {
        let port = blocking(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).await;
        let mut program = Program::new(OPERATOR)
            .args(&["run"])
            .args(&["--operator-namespace", &self.operator_namespace, "--name", name])
            .args(&["--connection-dir", self.connection_dir().to_str().unwrap()])
            .args(&["--http-address", &format!("127.0.0.1:{port}")])
            .env("VAULTSTREAM_WORKER_IMAGE", WORKER_IMAGE)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("NO_COLOR", "1")
            // Most places have no login but their server's superuser; workers have it, too.
            .env("VAULTSTREAM_ALLOW_OWNER", "true")
            // As its Deployment sets it: an arena for each core costs memory without use.
            .env("MALLOC_ARENA_MAX", "2")
            .http(port);
        if !self.is_cluster_wide() {
            program = program.args(&["--namespaces", &self.namespace]);
        }
        OperatorProgram { name, port, program }
    }

    /// `vaultstream-operator leave`, with the operator's rights.
    #[allow(dead_code, reason = "shared with the other suites, which leave by the chart")]
    pub(crate) fn leave(&self, args: &[&str]) -> Program {
        let leave = ["leave", "--namespace", &self.operator_namespace];
        Program::new(OPERATOR).args(&leave).args(args).env("KUBECONFIG", &self.kubeconfig)
    }

    /// The only operator of a test, leading.
    pub(crate) async fn start_operator(&self) -> Operator {
        let operator = self.operator("operator").await.start();
        operator.until_leading().await;
        operator
    }
}

pub(crate) struct OperatorProgram {
    name: &'static str,
    port: u16,
    program: Program,
}

impl OperatorProgram {
    pub(crate) fn args(self, args: &[&str]) -> Self {
        Self { program: self.program.args(args), ..self }
    }

    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        Self { program: self.program.env(name, value), ..self }
    }

    /// What happens at a fault point: `name[:n]=kill|stop|exit`.
    pub(crate) fn fault(self, fault: &str) -> Self {
        Self { program: self.program.fault(fault), ..self }
    }

    pub(crate) fn start(self) -> Operator {
        Operator { name: self.name, port: self.port, running: Some(self.program.start()) }
    }
}

/// An operator that runs. It is killed when this is dropped, and its log is shown if the test fails.
pub(crate) struct Operator {
    name: &'static str,
    /// Of its HTTP server.
    pub(crate) port: u16,
    running: Option<Running>,
}

impl Operator {
    pub(crate) async fn is_leading(&self) -> bool {
        let metrics = self.get("/metrics").await.map(|(_, body)| body).unwrap_or_default();
        metrics.lines().any(|line| line == "vaultstream_operator_leading 1")
    }

    /// Whether new jobs can be scaled in this mode.
    pub(crate) async fn offers(&self, mode: &str) -> bool {
        let metrics = self.get("/metrics").await.map(|(_, body)| body).unwrap_or_default();
        let wanted = format!("vaultstream_operator_scaling_offered{{mode=\"{mode}\"}} 1");
        metrics.lines().any(|line| line == wanted)
    }

    pub(crate) async fn until_leading(&self) {
        until("the operator leads", || self.is_leading()).await;
    }

    /// Waits until it is ready. A replica that waits for the Lease is ready, too.
    pub(crate) async fn until_ready(&self) {
        until("the operator is ready", || async { self.get("/readyz").await.is_some_and(|(status, _)| status == 200) })
            .await;
    }

    /// Waits until it leads and has migrated the ledger: one that is stopped in between holds up every other one.
    pub(crate) async fn until_leading_with_its_ledger(&self) {
        self.until_leading().await;
        until("the operator has its ledger", || async {
            self.get("/readyz?verbose").await.is_some_and(|(_, body)| body.lines().any(|line| line == "postgres: ok"))
        })
        .await;
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.running.as_mut().unwrap().ended().await
    }

    pub(crate) async fn end_within(mut self, limit: Duration) -> Ended {
        self.running.take().unwrap().end_within(limit).await
    }
}

impl Deref for Operator {
    type Target = Running;

    fn deref(&self) -> &Running {
        self.running.as_ref().unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let (Some(running), true) = (&self.running, std::thread::panicking()) {
            let log = running.stderr();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(LOG_LINES_LIMIT);
            eprintln!("---- the log of {} (its last {LOG_LINES_LIMIT} lines)\n{}", self.name, lines[last..].join("\n"));
        }
    }
}
