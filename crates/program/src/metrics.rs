//! Metrics as a program shows them: in Prometheus' text format, or for those who ask for it in OpenMetrics' with exemplars.
//!
//! ```text
//! registry ──────────▶ exposition ─▶ Prometheus' text, by the crate prometheus
//! traced histograms ─▶            └▶ OpenMetrics' text, by open_metrics.rs
//! ```

mod exposition;
mod open_metrics;
mod traced_histogram;

pub use exposition::{Exposition, Format};
pub use traced_histogram::TracedHistogram;
