//! Limits on what jobs take of the ledger: for one tenant, which is a namespace of a cluster, and for all of a cluster together.
//!
//! ```text
//! jobs, pg_class ─▶ claims (what each job takes) ─▶ judge ─▶ within the limits, or LimitExceeded
//! ```
//!
//! What counts, and when:
//!
//! | quantity | of which jobs |
//! | --- | --- |
//! | jobs, keys, batches | those that have begun and have not ended, suspended ones among them |
//! | generated records and bytes | those whose records are in the ledger: while they work, after their end, and where they are retained |
//!
//! A step that lets a job begin holds a lock that other such steps need (see `ledger_claims`), and counts under it. So the result does not depend
//! on how many programs decide at once, nor on whether each of them still leads.

mod allowance;
mod claim;
mod judge;
mod ledger_claims;

pub use allowance::{Allowance, Footprint, LedgerLimits, Quantity, Scope};
pub use judge::LimitExceeded;
#[cfg(test)]
pub(crate) use ledger_claims::CLAIMS;
pub(crate) use ledger_claims::{check_growth, check_start, may_grow_freely};
