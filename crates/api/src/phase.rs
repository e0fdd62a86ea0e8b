//! `status.phase`: where a job is, in one word for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::word::documented;

documented! {
    /// Where a job is. Programs read the conditions, which say more and keep their meaning.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
    pub enum Phase {
        /// Accepted; work has not begun.
        Pending,
        /// Waits for its turn: the limit of jobs at work is reached.
        Queued,
        /// Its rows in the ledger are being created.
        Provisioning,
        /// Its records are being made, or its source table is being planned.
        Seeding,
        /// Workers sign.
        Signing,
        /// Everything is signed or rejected; the receipt is being made.
        Finishing,
        /// Done: every record is signed or rejected within the allowance.
        Complete,
        /// Ended without reaching its aim.
        Failed,
        /// Stopped by `spec.suspend`.
        Suspended,
        /// Being deleted.
        Deleting,
    }
}

impl Phase {
    /// Whether the job has ended for good.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}
