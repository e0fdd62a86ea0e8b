//! ECDSA P-256 eight at a time, by `crypto_mb` of Intel's Cryptography Primitives on processors with AVX-512 IFMA.
//!
//! The one place of the workspace with `unsafe`: a safe function for each of the two calls that VaultStream needs, and no
//! more. [`Library::load`] is the only way to them, and it succeeds where the archive was there at build time (see
//! `build.rs`) and the processor can run it. The C functions: `crypto_mb/ec_nistp256.h` of ipp-crypto-include 2026.2.

mod absence;
mod library;
mod scalar;

#[cfg(crypto_mb)]
mod linked;
#[cfg(not(crypto_mb))]
#[path = "absent.rs"]
mod linked;

pub use absence::Absent;
pub use library::{FailedLanes, Library, Point};
pub use scalar::Scalar;

/// Signatures that are computed side by side.
pub const LANES: usize = 8;
