//! The live page: what the jobs of a ledger are doing, in a browser, read only.
//!
//! ```text
//! routes ─▶ place (whose rights, which ledger, what stands beside it)
//!    │
//!    ├─▶ document   the page itself, one file, with the policy that lets nothing but it run
//!    ├─▶ viewer     who looks, and what they were found to be allowed
//!    └─▶ streams    what a viewer is sent
//!          ├─▶ jobs all jobs: one reading a second for all viewers, and to each what changed
//!          └─▶ job  one job: its sections in turn, one statement at a time, for all its viewers
//!                └─▶ feed a reading that goes on as long as somebody looks
//! ```
//!
//! What a viewer is sent is in `wire`; the page's source is in `web/`.

mod document;
mod fault;
mod feed;
mod job;
mod jobs;
mod place;
mod rate;
mod routes;
mod streams;
mod viewer;
mod wire;

pub use place::{Event, Place, Refused, Rights, Viewer, Workers};
pub use routes::{router, serve};
