//! What a driver has seen of its job, to notice when the ledger loses some of it.

use std::time::{Instant, SystemTime};

use vaultstream_ledger::BatchNo;

/// What a driver has seen of its job in the ledger.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) checked: Option<Instant>,
    pub(crate) signed: i64,
    /// Every batch below this number was signed.
    pub(crate) signed_below: i64,
    /// When the server started; at another time it may have another past, too.
    pub(crate) server: Option<SystemTime>,
}

impl Seen {
    /// Every batch before `first_open` is signed.
    pub(crate) fn all_signed_before(&mut self, first_open: BatchNo) {
        self.signed_below = self.signed_below.max(first_open.0);
    }

    /// Batches in which nothing was signed are open again.
    pub(crate) fn batches_are_opened(&mut self) {
        self.signed_below = 0;
    }
}
