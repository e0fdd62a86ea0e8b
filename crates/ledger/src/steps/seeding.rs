//! How far seeding is, and its end.

use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Queries;

/// How far seeding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeding {
    /// Call again.
    More {
        /// Records seeded or planned so far.
        seeded: i64,
        /// All records, as far as known: an estimate for a table.
        total: i64,
    },
    /// Every record is there and in a batch; the job signs.
    Done {
        /// Records.
        total: i64,
        /// Batches.
        batches: i64,
    },
}

/// Sets the job to Signing.
pub(super) async fn finish(tx: &Queries<'_>, job: JobId, total: i64, batches: i64) -> Result<(), QueryError> {
    tx.execute(
        "UPDATE vaultstream.jobs SET state = 'Signing', total = $2, seeded = $2, batches = $3, \
         seeded_at = clock_timestamp() WHERE id = $1",
        &[&job.0, &total, &batches],
    )
    .await
    .map(drop)
}
