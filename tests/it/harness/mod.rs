//! What the tests stand on: servers, a site for each test, programs, a lifecycle driver in this process, and the check
//! that a job is signed exactly once.

mod api_server;
mod backups;
mod bao;
mod check;
mod collector;
mod drive;
mod jobs;
mod kms;
mod lease_log;
mod nats;
mod nats_frames;
mod others;
mod patience;
mod process;
mod program;
mod relay;
mod scenarios;
mod site;
mod tenants;
mod tools;
mod tsa;
mod verifiers;

#[path = "../../../crates/anchor/tests/tokens/authority.rs"]
#[allow(dead_code, reason = "shared with the tests of crates/anchor")]
pub(crate) mod authority;
#[path = "../../hostile/contents.rs"]
pub(crate) mod contents;
#[path = "../../../crates/streams/tests/nats/hostile.rs"]
pub(crate) mod hostile;
#[path = "../../../crates/streams/tests/nats/plain.rs"]
pub(crate) mod plain;
#[path = "../../../crates/streams/tests/nats/three.rs"]
pub(crate) mod three;

pub(crate) use api_server::ApiServer;
pub(crate) use bao::Bao;
pub(crate) use check::{assert_complete, assert_signed_exactly_once};
pub(crate) use collector::{Collector, Span};
pub(crate) use drive::{Drive, job_streams, quick};
pub(crate) use jobs::{generated, of_source, of_spec, of_table};
pub(crate) use kms::KmsPlugin;
pub(crate) use lease_log::LeaseLog;
pub(crate) use nats::tenant;
pub(crate) use others::{output, python};
pub(crate) use patience::PATIENCE;
pub(crate) use process::{Ended, Program, Running};
pub(crate) use relay::{Lines, Weather};
pub(crate) use scenarios::{cases, failures};
pub(crate) use site::{Site, blocking, until};
pub(crate) use tenants::{mount, role_for};
pub(crate) use tools::{has_browser, skipped};
pub(crate) use tsa::TsaServer;
pub(crate) use verifiers::{Subject, found, others, ours};
