//! Which replica leads, and what it may write while it does.
//!
//! ```text
//! lead: wait for the SigningJob type ─▶ watch ─▶ election (a Lease) ─▶ controller, until the Lease is lost
//!                                                  └▶ leader_guard: refuses writes once the Lease has ended
//! ```

pub(crate) mod election;
pub(crate) mod lead;
mod leader_guard;
