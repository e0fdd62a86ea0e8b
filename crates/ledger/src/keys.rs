//! Key-encryption keys and data keys: which ones this ledger knows, and moving what they wrap from one to another.

pub mod data_keys;
mod keks;
mod preflight;
pub mod revocation;
pub mod rewrap;

pub use keks::RegisterError;
pub use preflight::{KekFit, Preflight, PreflightError};
