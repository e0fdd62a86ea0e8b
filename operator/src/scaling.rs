//! Scaling: how many workers a job's backlog needs, and what brings that number about.
//!
//! ```text
//! backlog_cache (one ledger query for all jobs) ─▶ desired_workers (pure) ─┬▶ Direct: the operator writes /scale
//!                                                                          ├▶ HPA: a HorizontalPodAutoscaler reads the metrics API
//!                                                                          └▶ KEDA: a ScaledObject reads the port of `keda`
//! capabilities (what this cluster has) ─▶ scaler_selection (pure): which of the three
//! ```

pub(crate) mod backlog_cache;
pub(crate) mod capabilities;
pub(crate) mod desired_workers;
pub(crate) mod keda;
pub(crate) mod lateness;
pub(crate) mod registration;
pub(crate) mod scaler_selection;
mod throughput;
