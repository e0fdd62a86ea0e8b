//! Why an export ended early.

use std::io;

use crate::error::Failure;

/// Why an export ended early.
pub(super) enum Stopped {
    /// The output cannot be written.
    Write(io::Error),
    /// The ledger cannot be read, or what is in it cannot be exported.
    Ledger(Failure),
}

pub(super) fn of_ledger(error: impl std::error::Error + 'static) -> Stopped {
    Stopped::Ledger(Failure::of(&error))
}
