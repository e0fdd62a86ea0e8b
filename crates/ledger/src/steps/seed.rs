//! Seeding: making the generated records, in chunks that resume. Tables are planned by workers.

use vaultstream_api::Source;

use super::generate;
use super::lock::locked;
use super::seeding::Seeding;
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::ids::JobId;
use crate::jobs::JobState;

/// Makes the next `chunk` records in one transaction, or fewer when their payloads are large. The last chunk sets the job to
/// Signing. No statement takes longer than the ledger's timeout for seeding, building an index apart. A table has no step here.
///
/// # Errors
///
/// When Postgres fails.
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
        let Source::Generate(source) = &job.spec.source else { return Ok(Step::WrongState(job.state)) };
        let seeding = match generate::records(tx, job, source, chunk).await {
            // The parent is locked: another job is being attached or detached.
            Err(error) if error.is_contention() => return Ok(Step::Busy),
            made => made?,
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
