//! What a job's signatures prove.
//!
//! ```text
//! SignedRows ─row─▶ Walk ─┬─▶ RowFindings   compared with what the source holds now
//!                         ├─▶ Merkle tree   the roots of the batches
//!                         ├─▶ NonceIndex    nonces that a key used twice
//!                         └─▶ Checkers      threads that check signatures
//!
//! SignedRows ─row─▶ LineWriter              a line of JSON or CSV, with its inclusion proof
//!            └────▶ BundleWriter            a bundle, which verify_bundle verifies without a ledger
//!
//! batches ──▶ SealRuns ──▶ Checkers          the seals over their roots
//! ```
//!
//! All that is done for each record is here, so that this crate is optimised in full and the command line need not be.

mod batches;
pub mod bundle;
mod checkers;
mod digests;
mod error;
mod findings;
mod inclusion;
mod line;
mod nonces;
mod records;
mod repeats;
mod seals;
mod walk;

pub use batches::page;
pub use checkers::{Checked, Checkers};
pub use digests::row_digests;
pub use error::ProofError;
pub use findings::RowFindings;
pub use inclusion::{BatchProofs, Proofs};
pub use line::{LineFormat, LineOptions, LineWriter, SignatureEncoding};
pub use nonces::{NonceIndex, NonceUsers, RepeatedNonces};
pub use records::Records;
pub use seals::SealRuns;
pub use walk::Walk;
