//! The ledger: the one Postgres schema that says what is signed.
//!
//! ```text
//! jobs ──▶ steps: provision ▶ seed_chunk ▶ (published batches) ▶ begin_finish ▶ complete │ fail │ delete
//!                     │            │
//!                  keys rows   records_<job>, batches                       lifecycle drives these
//! ─────────────────────│────────────│──────────────────────────────────────────────────────────────
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
//! 4. Nobody waits for ever: a session frozen under an expired lease is ended by whoever it blocks.
//! 5. A key's material is final once it is set.
//! 6. A connection is given back to the pool between transactions, or never.

pub mod batches;
mod class;
mod clock;
pub mod commit;
mod connect;
mod connector;
mod copy_out;
pub mod damaged;
mod error;
mod ids;
pub mod jobs;
mod keks;
pub mod leases;
mod migrate;
mod options;
pub mod pace;
pub mod payloads;
mod pooling;
mod preflight;
mod progress;
pub mod rewrap;
mod session;
mod settings;
mod source;
pub mod steps;
mod tls;
mod url;
pub mod verify;

pub use class::{Class, Verdict, class, verdict};
pub use clock::BootInstant;
pub use connect::{Ledger, REQUEST_PATIENCE};
pub use error::{QueryError, is_out_of_space};
pub use ids::{BatchNo, BatchRange, JobId, KeyId};
pub use jobs::{Job, JobState, NewJob};
pub use keks::RegisterError;
pub use leases::Lease;
pub use migrate::{MigrateError, Migrated, schema_version};
pub use options::{ConnectError, ConnectOptions, TlsFiles};
pub use preflight::{KekFit, Preflight, PreflightError};
pub use progress::{AtWork, Failing, KeyUsage, Progress, Rejected, at_work, failures, key_usage, progress, rejects};
pub use source::PlannedTable;
pub use tls::TlsError;
pub use url::BadUrl;
