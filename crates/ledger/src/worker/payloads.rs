//! Reading a unit's payloads: one COPY over all its ranges. Each row is passed on once and not kept.

mod by_key;
mod payload;
mod plan;
mod reader;

use vaultstream_api::Source;
use vaultstream_signing::RecordName;

use crate::connection::{Ledger, Session};
use crate::ids::BatchRange;
use crate::jobs::Job;

const ACTION: &str = "read payloads";

pub use crate::copy_out::ReadError;
pub use payload::{Payload, RangeRead};
#[cfg(test)]
pub(crate) use plan::Plan;

/// Shows every row of the ranges to `visit`, with the range's place in `ranges`: the rows of a range with ids ascending,
/// the ranges in the order of their ids. The ranges must not overlap. Nothing of a row is kept.
///
/// Where ids are ordinals, each has its key with it, and one whose row is gone is shown as [`Payload::Gone`]; rows are read by their keys.
/// Of another table, in whichever database it is, at most twice `spec.batchSize` rows of a range are read; see
/// [`RangeRead::outgrown_at`]. The same transaction
/// checks that the table is still the one that was planned.
///
/// A row that the server cannot read costs a few statements more, and is shown as [`Payload::Unreadable`].
///
/// # Errors
///
/// See [`ReadError`]. Rows may have been shown by then: start anew.
pub async fn read(
    ledger: &Ledger,
    job: &Job,
    ranges: &[BatchRange],
    visit: impl FnMut(usize, RecordName, Payload<'_>),
) -> Result<Vec<RangeRead>, ReadError> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    if job.ordinals().is_some() {
        let reads = by_key::read(ledger, job, ranges, visit).await?;
        vaultstream_faults::point("payload-read");
        return Ok(reads);
    }
    let session = match job.spec.source {
        Source::Generate(_) => Session::new(ledger.client(ACTION).await?),
        Source::Table(_) => ledger.source.session(ACTION).await?,
    };
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let reads = reader::read(client, job, ranges, visit).await?;
    session.settle();
    vaultstream_faults::point("payload-read");
    Ok(reads)
}
