//! The reconciliation of one SigningJob, stage by stage. No stage imports the reconciler, and none imports in a circle.
//!
//! ```text
//! children (watches) ─▶ validate ─▶ plan ─▶ build ─▶ apply ─▶ scale ─▶ status
//!                       └───────── pure ───────┘    └──────┘ API server  └ computed (pure), then written
//! ```

pub(crate) mod apply;
pub(crate) mod build;
pub(crate) mod children;
mod cleanup;
pub(crate) mod context;
pub(crate) mod deletion;
mod ended;
mod error;
mod events;
mod expiry;
pub(crate) mod finalizer;
#[cfg(test)]
pub(crate) mod fixtures;
mod plan;
mod pod_diagnosis;
pub(crate) mod reconcile;
mod retry_annotation;
mod scale;
pub(crate) mod status;
pub(crate) mod sweep;
mod validate;
