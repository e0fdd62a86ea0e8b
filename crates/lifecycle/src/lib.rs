//! One job from Pending to its end: provision, seed, publish, watch and repair, finish.
//!
//! The truth is in the ledger; a [`Driver`] may be dropped at any instant and another one continues. The operator and the
//! command line both [`drive`] jobs with it. It signs nothing, sees no private key and reads no table.
//!
//! ```text
//! Pending ─▶ Seeding ──────▶ Signing ────▶ Finishing ─▶ Complete
//!            partitions,     streams,      receipt      or
//!            keys, records,  publishing,                Failed
//!            batches         repair
//! ```
//!
//! What is left after the end, [`Anchoring`] does: timestamping authorities confirm the receipt.
//!
//! A worker of the job plans the batches of a table, and makes the receipt. Each is asked for by a message, so that a table has its streams
//! before it is planned.

mod anchoring;
mod drive;
mod driver;
mod error;
mod job_trace;
mod loss;
mod publish;
mod repair;
mod request;
mod seen;
mod settings;
mod stream_state;
mod topology;

pub use anchoring::Anchoring;
pub use drive::{Driven, Until, Watch, drive, retry_outage};
pub use driver::{Advance, Driver, Outcome};
pub use error::LifecycleError;
pub use loss::fewer_signatures;
pub use settings::Settings;
