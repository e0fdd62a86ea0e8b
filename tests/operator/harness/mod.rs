//! What the tests use: the project's own node, a place of its own for each test, and operators as processes.

#[allow(dead_code, reason = "shared with the other suites, which lose no database")]
mod backups;
mod cluster;
mod images;
mod job;
mod metrics_api;
mod operator;
#[allow(dead_code, reason = "shared with the other suites, in which nobody looks")]
mod page;
mod place;
mod relay;
pub(crate) mod requests;
mod servers;
mod tables;

#[path = "../../../crates/anchor/tests/tokens/authority.rs"]
#[allow(dead_code, reason = "shared with the tests of crates/anchor")]
mod authority;
#[path = "../../it/harness/check.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod check;
#[path = "../../it/harness/collector.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod collector;
#[path = "../../it/harness/kms.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod kms;
#[path = "../../it/harness/jobs.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod manifests;
#[path = "../../it/harness/nats.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod nats;
#[path = "../../it/harness/others.rs"]
#[allow(dead_code, reason = "shared with the other suites, which have no verifier of others")]
mod others;
#[path = "../../it/harness/patience.rs"]
mod patience;
#[path = "../../it/harness/process.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod process;
#[path = "../../it/harness/scenarios.rs"]
mod scenarios;
#[path = "../../it/harness/site.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod site;
#[path = "../../it/harness/tools.rs"]
#[allow(dead_code, reason = "shared with the other suite, which uses the rest")]
mod tools;
#[path = "../../it/harness/tsa.rs"]
#[allow(dead_code, reason = "shared with the other suites, which ask no authority for timestamps")]
mod tsa;

pub(crate) use check::assert_complete_in;
pub(crate) use cluster::{
    OwnNamespace, admin_kubeconfig, apply, apply_cluster, connect, install_crd, is_own_node, kubeconfig_file, kubectl,
    kubectl_with_input, lax_crd, object, older_crd, on_another_runtime, pki, program,
};
pub(crate) use collector::{Collector, Span};
pub(crate) use images::{WORKER_IMAGE, node, tag_worker_image};
pub(crate) use job::{Job, condition, phase_of};
pub(crate) use kms::KmsPlugin;
pub(crate) use manifests::{generated, of_source, of_table};
pub(crate) use metrics_api::MetricsApi;
pub(crate) use operator::{Operator, OperatorProgram};
pub(crate) use others::{output, python};
pub(crate) use page::{Looking, THE_END};
pub(crate) use patience::PATIENCE;
pub(crate) use place::Place;
pub(crate) use process::{Ended, Program, Running};
pub(crate) use relay::free_port;
pub(crate) use scenarios::{cases, failures};
pub(crate) use servers::Servers;
pub(crate) use site::until;
use site::{Site, blocking};
pub(crate) use tools::{has_browser, skipped};
pub(crate) use tsa::TsaServer;
