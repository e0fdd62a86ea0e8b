//! The operator on a real Kubernetes node: real API server, real kubelet, real pods, real Postgres, real nats-server, and
//! operators that are killed, stopped, cut off and denied.
//!
//! Run by scripts/test-cluster inside the node's namespaces. Each test has a namespace, a database and an operator of its
//! own, which is limited to that namespace; those that need an operator of the whole cluster run alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[allow(unused_imports, reason = "shared with the other suites, which use the rest")]
mod harness;

mod alone;
mod changes;
mod custody;
mod following;
mod inputs;
mod kills;
mod lifecycle;
mod limits;
mod live_page;
mod losses;
mod outages;
mod proofs;
mod refusals;
mod retries;
mod rights;
mod samples;
mod scaling;
mod stale;
mod starts;
mod traces;
