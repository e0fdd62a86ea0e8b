//! The ledger: the one Postgres schema that says what is signed.
//!
//! ```text
//! jobs ──▶ steps: provision ▶ seed_chunk ▶ (published batches) ▶ begin_finish ▶ complete │ fail │ delete
//!                     │            │ of a table: oversee_plan
//!                  keys rows   records_<job>, batches                       lifecycle drives these
//! ─────────────────────│────────────│──────────────────────────────────────────────────────────────
//! planning: begin ▶ read_chunk ▶ store ▶ …      following: begin ▶ read_arrivals ▶ store_arrivals ▶ delete_arrivals ▶ …
//! leases::take ▶ store_material    payloads::read ▶ (hash, sign) ▶ commit::unit          workers these
//!                                                                      │
//!                              signatures_<job>, batches, rejects, keys┘
//! ```
//!
//! Invariants, each with a test that was seen failing without it:
//!
//! 1. A signature is committed only under a lease that is current at its commit, together with its batch's state.
//! 2. A batch is signed once, whatever is delivered, repeated, paused or killed.
//! 3. Locks are taken in one order: batches ascending, then the key. Units cannot deadlock.
//! 4. No wait is without end: a session that is frozen under an expired lease is ended by the session that it blocks.
//! 5. A key's material is final once it is set, and erased when its job is over.
//! 6. A connection is returned to the pool between transactions, or closed. Tables are read in sessions that do nothing else, and what
//!    was done in one is undone before it is used again.

pub mod anchors;
pub mod certificates;
pub mod checkpoints;
mod class;
mod clock;
mod connection;
pub mod copy;
mod copy_out;
mod error;
mod ids;
pub mod jobs;
mod keys;
pub mod limits;
pub mod logins;
mod migrate;
mod ping;
#[cfg(test)]
mod plans;
mod queries;
mod read;
mod source;
pub mod steps;
pub mod tenants;
pub mod verdicts;
mod worker;

pub use checkpoints::{LastCheckpoint, last_checkpoint};
pub use class::{Class, ErrorKind};
pub use clock::BootInstant;
pub use connection::{
    BadUrl, ConnectError, ConnectOptions, Ledger, REQUEST_TIMEOUT, SourceLogin, SourceOptions, TlsError, TlsFiles,
    dialled_at, session, tcp_hosts,
};
pub use error::{QueryError, class, error_kind, is_out_of_space};
pub use ids::{BatchNo, BatchRange, JobId, KeyId};
pub use jobs::{
    FollowState, Following, Job, JobState, NewJob, PlannedTable, RowAccess, RowIds, RowKeyColumns, SigningFault,
    SourceFault,
};
pub use keys::{KekFit, Preflight, PreflightError, RegisterError, data_keys, revocation, rewrap};
pub use migrate::{MigrateError, Migrated, schema_version};
pub use read::{
    ActiveJob, Failing, FollowFigures, KeyUsage, Progress, ROW_GONE, Rejected, active_jobs, failures, gone_rows,
    key_usage, overview, progress, reject_reasons, rejects, signing_rate, verify,
};
pub use source::arrivals;
pub use worker::{
    batches, commit, damaged_keys, faults, following, leases, leases::Lease, payloads, planning, receipt_pairs,
};
