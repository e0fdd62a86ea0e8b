//! The operator.
//!
//! ```text
//! leader ─▶ controller ─watch─▶ job: validate ─▶ plan ─▶ build ─▶ apply ─▶ scale ─▶ status       scaling: backlog ─▶ workers
//!                                 │ reads the snapshot of                                           ▲ metrics_api, keda
//!                                 ▼
//!                               lifecycle: a task for each job: seed ─▶ admission ─▶ publish, watch, repair ─▶ finish
//! ```
//!
//! Invariants:
//! - only the leader writes. Losing the Lease ends the process, and the ledger fences every lifecycle step besides;
//! - unknown is never zero: what cannot be read changes no number of workers and ends no job;
//! - nothing is written when nothing differs.

mod anchoring;
mod api_client;
mod backoff;
mod certification;
mod cluster_id;
mod config;
mod controller;
mod dependencies;
mod fault;
mod hooks;
mod installed_schema;
mod job;
mod leader;
mod lifecycle;
mod metrics;
mod metrics_api;
mod namespaces;
mod page;
pub mod permissions;
mod probes;
mod program;
mod replica;
mod scaling;
mod tenant_login;

pub use config::{Config, LimitArgs, WorkerPods, WorkerPodsError};
pub use hooks::{leave::LeaveError, migrate::MigrateHookError, nats_users::DevNatsUsers, stored::SecretsError};
pub use leader::lead::Deposed;
pub use metrics::catalogue as metrics_catalogue;
pub use program::{OperatorError, main, run};
