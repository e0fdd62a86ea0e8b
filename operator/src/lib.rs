//! The operator.
//!
//! ```text
//! SigningJob ─watch─▶ reconcile: dereference ─▶ validate ─▶ build ─▶ apply (SSA) ─▶ scale ─▶ status
//!                        │ reads the view of                    (validate and build are pure)
//!                        ▼
//!                     fleet: a task a job ─▶ work: provision ─▶ seed ─▶ wait for a turn ─▶ publish, watch, repair ─▶ finish
//! ```
//!
//! What holds here:
//! - only the leader writes; losing the Lease ends the process, and every lifecycle step is fenced by the ledger besides;
//! - unknown is never zero: what cannot be read changes no number of workers and ends no job;
//! - nothing is written when nothing differs.

mod apply;
mod build;
mod cleanup;
mod config;
mod context;
mod control;
mod dependencies;
mod dereference;
mod ended;
mod fence;
mod fleet;
mod hooks;
mod http;
mod lead;
mod lease;
mod metrics;
mod metrics_api;
pub mod permissions;
mod plan;
mod program;
mod reconcile;
mod retry;
mod scaling;
mod schema;
mod slots;
mod status;
mod trouble;
mod validate;
mod wake;
mod work;

pub use config::Config;
pub use hooks::{leave::LeaveError, secrets::SecretsError};
pub use metrics::catalogue as metrics_catalogue;
pub use program::{OperatorError, main, run};

/// An error with its causes, in one line. The Kubernetes client tells its causes itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        source = cause.source();
    }
    text
}
