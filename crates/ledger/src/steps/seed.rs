//! Seeding: making the generated records, or planning a table's, in chunks that resume.

use vaultstream_api::Source;

use super::lock::locked;
use super::seeding::Seeding;
use super::step::{Step, StepError};
use super::{generate, plan};
use crate::connection::Ledger;
use crate::ids::JobId;
use crate::jobs::JobState;

/// Seeds, or plans, the next `chunk` records in one transaction, or fewer when their payloads are large. The last chunk sets the job to
/// Signing. No statement takes longer than the ledger's timeout for seeding, building an index apart.
///
/// # Errors
///
/// When the source table cannot be signed, its plan would exceed a limit, or Postgres fails.
pub async fn seed_chunk(ledger: &Ledger, id: JobId, chunk: u64) -> Result<Step<Seeding>, StepError> {
    let chunk = i64::try_from(chunk).unwrap_or(i64::MAX).max(1);
    let settings = &ledger.settings;
    let mut seeded = false;
    let seeding = locked(ledger, id, "seed the job", async |tx, job| {
        match job.state {
            JobState::Seeding => seeded = true,
            JobState::Signing => {
                let (total, batches) = (job.total.unwrap_or(0), job.batches.unwrap_or(0));
                return Ok(Step::Done(Seeding::Done { total, batches }));
            }
            other => return Ok(Step::WrongState(other)),
        }
        tx.batch(&format!("SET LOCAL statement_timeout = {}", settings.seeding_timeout.as_millis())).await?;
        let seeding = match &job.spec.source {
            Source::Generate(source) => match generate::records(tx, job, source, chunk).await {
                // The parent is locked: another job is being attached or detached.
                Err(error) if error.is_contention() => return Ok(Step::Busy),
                made => made?,
            },
            Source::Table(source) => plan::table(tx, job, source, chunk, settings).await?,
        };
        // COMMIT waits for standbys, however long that takes.
        tx.batch("SET LOCAL statement_timeout = 0").await?;
        Ok(Step::Done(seeding))
    })
    .await?;
    if seeded && matches!(seeding, Step::Done(_)) {
        vaultstream_faults::point("seeded-chunk");
    }
    Ok(seeding)
}
