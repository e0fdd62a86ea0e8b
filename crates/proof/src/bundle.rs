//! Bundles: one file with all that a stranger needs to verify a job, without a server and without a network. docs/formats.md
//! defines every byte.
//!
//! ```text
//! ledger ──▶ BundleWriter ──▶ header, key…, (batch, record or reject…)…, end ──▶ verify_bundle ──▶ BundleFindings
//! ```

mod batch;
mod check;
mod earlier;
mod encode;
mod error;
mod findings;
mod line;
mod once;
mod options;
mod ranges;
mod read;
mod receipt;
mod row_keys;
mod verify;
mod write;

pub use error::{BundleError, BundleProblem, BundleProblemKind};
pub use findings::BundleFindings;
pub use line::{BatchLine, HeaderLine, JobName, KeyLine, RecordLine, RejectLine, RevokedLine, RowState};
pub use options::BundleOptions;
pub use verify::{read_header, verify_bundle};
pub use write::BundleWriter;
