//! Certificates: who vouches for the receipt key of a job, and chains to the roots that a verifier believes.
//!
//! ```text
//! issuer's certificate and key ─▶ certificate of the receipt key, with the job's name ─▶ `x5c` of the receipt
//!                                                                                          │
//!                               roots of the verifier ─▶ chain, purpose, name ◀────────────┘
//! ```

mod issuer;
mod job_name;
mod profile;
mod receipt_key;
mod request;
mod roots;

pub use issuer::{Issuer, IssuerError};
pub use job_name::JobName;
pub use receipt_key::{CertificateError, Certified, check, check_own};
pub use request::{Challenge, ChallengeId, Proof, ProofError, ProveError, prove, request};
pub use roots::{ChainError, Roots, RootsError};
