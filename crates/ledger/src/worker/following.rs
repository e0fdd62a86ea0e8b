//! Following a table: one worker of the job, the planner, moves arrivals from the source into the ledger, which closes batches of them.
//! tests/model explores what is kept here.
//!
//! ```text
//! begin (a lease, and its epoch) ─▶ look (trigger, follower) ─▶ read_arrivals ─▶ store ─▶ delete_arrivals ─▶ …
//!                ▲                                          └─▶ read_table ────▶ store ─▶ …
//!                └──────────────────── Lost, or an outcome that is not known ─────┘
//! ```
//!
//! What was read is forgotten whenever the ledger has not said that it is planned; only then are arrivals deleted, and exactly those.

mod arrivals;
mod parts;
mod plan;
mod store;
mod table;

pub use crate::source::{Arrivals, TriggerState};
pub use arrivals::{Arrived, Looked, delete_arrivals, look, read_arrivals};
pub use parts::{PartStep, close_part};
pub use plan::{FollowPlan, Followed, begin, release};
pub use store::{Stored, store_arrivals, store_rows};
pub use table::{Place, TableRows, read_table};
