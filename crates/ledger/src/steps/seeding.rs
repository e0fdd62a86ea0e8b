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
        /// All records; of a table those that are planned so far.
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

/// Sets the job to Signing. The streams of a table are there already.
pub(super) async fn finish(tx: &Queries<'_>, job: JobId, total: i64, batches: i64) -> Result<(), QueryError> {
    tx.execute(
        "UPDATE vaultstream.jobs SET state = 'Signing', total = $2, seeded = $2, batches = $3, \
         seeded_at = clock_timestamp(), published_at = CASE WHEN generation > 0 THEN clock_timestamp() END, \
         plan_rows_allowed = CASE WHEN follow_state IS NOT NULL THEN plan_rows_allowed END, \
         plan_batches_allowed = CASE WHEN follow_state IS NOT NULL THEN plan_batches_allowed END, source_fault_reason = NULL, source_fault = NULL, source_fault_passes = NULL WHERE id = $1",
        &[&job.0, &total, &batches],
    )
    .await
    .map(drop)
}
