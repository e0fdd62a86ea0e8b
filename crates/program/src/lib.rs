//! The shell of a program: everything around its work that `vaultstream`, the worker and the operator have in common.
//!
//! ```text
//! command line ─▶ logs ─▶ runtime ─▶ the program's work ─▶ one sentence ─▶ exit code
//!   usage.rs     logs.rs             signals.rs, admin.rs   error.rs        shell.rs
//! ```

pub mod admin;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod shell;
pub mod signals;
pub mod usage;

mod clock;
mod error;

use std::{num::NonZeroUsize, thread};

pub use clock::thread_time;
pub use error::chain;
pub use logs::LogFormat;

/// The number of cores that this process may use.
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
