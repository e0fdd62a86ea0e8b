//! Key-encryption keys: which ones this ledger knows, and moving private keys from one to another.

mod keks;
mod preflight;
pub mod rewrap;

pub use keks::RegisterError;
pub use preflight::{KekFit, Preflight, PreflightError};
