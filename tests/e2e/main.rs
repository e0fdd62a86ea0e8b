//! The whole story, as a platform engineer lives it: helm install, helm test, autoscaling watched, a table followed while it grows,
//! an upgrade in mid-job, workers killed, evicted and drained, helm uninstall, an installation over what was kept. `make e2e` runs it, on a cluster that it names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[path = "../operator/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with another suite, which uses the rest")]
mod harness;

mod dashboard;
mod development;
mod elsewhere;
mod extensions;
mod following;
mod load;
mod monitoring;
mod network;
mod own_servers;
mod plugin;
mod prometheus;
mod release;
mod story;
mod values;
