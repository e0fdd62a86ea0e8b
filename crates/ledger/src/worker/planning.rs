//! Planning the batches of a table: a walk along its key, so that gaps cost nothing.
//!
//! ```text
//! begin (a lease, and its epoch) ─▶ read_chunk (source) ─▶ store (ledger) ─▶ … ─▶ the last chunk ─▶ the job signs
//!                                        ▲                    │
//!                                        └──────── More ──────┤
//!                                                             ├─ Wait: the operator has not allowed that much yet
//!                                                             └─ Lost: another worker plans, or the job is not planned any more
//! ```
//!
//! The ranges tile the whole key space up to the greatest key at planning time: the first begins at the least bigint, each
//! next one behind its predecessor. A row that is inserted later below that key is in a range, too.
//!
//! Rows with another key than one of integers get ordinals: their keys are copied into the ledger, and ranges are of ordinals.

mod chunk;
mod plan;
mod rows;
mod store;

pub use crate::source::{TableError, check_planned};
pub use chunk::{Chunk, read_chunk};
pub(crate) use plan::release_plan;
pub use plan::{Begun, TablePlan, begin, note_arrivals, release};
pub use store::{ChunkOutcome, store};
