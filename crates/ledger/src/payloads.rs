//! Reading a unit's payloads: one COPY over all its ranges, each row shown once and not kept.

mod plan;
mod reader;

use crate::connect::Ledger;
use crate::ids::BatchRange;
use crate::jobs::Job;
use crate::session::Session;

pub use crate::copy_out::ReadError;
#[cfg(test)]
pub(crate) use plan::Plan;

/// A record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// What is signed.
    Bytes(&'a [u8]),
    /// The column is NULL.
    Null,
    /// Larger than `spec.maxPayloadBytes`: so many bytes, which did not travel.
    TooLarge(i64),
    /// The server cannot read it, and says why.
    Unreadable(&'a str),
    /// Another row with the id that was shown last, which only a damaged index lets in. Neither of the two is the record.
    Repeated,
}

/// What was read of one range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RangeRead {
    /// Records shown.
    pub rows: i64,
    /// The range holds more than twice a batch: it was read up to, and without, this id. Sign up to here, and
    /// [`split`](crate::batches::split) the batch here before the commit.
    pub outgrown_at: Option<i64>,
}

/// Shows every row of the ranges to `visit`, with the range's place in `ranges`: the rows of a range with ids ascending,
/// the ranges in the order of their ids. The ranges must not overlap. Nothing of a row is kept.
///
/// Of a table, at most twice `spec.batchSize` rows of a range are read; see [`RangeRead::outgrown_at`]. The same transaction
/// looks whether the table is still the one that was planned.
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
    visit: impl FnMut(usize, i64, Payload<'_>),
) -> Result<Vec<RangeRead>, ReadError> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let session = Session::new(ledger.client("read payloads").await?);
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let reads = reader::read(client, job, ranges, ledger.settings.source_role, visit).await?;
    session.settle();
    vaultstream_faults::point("payload-read");
    Ok(reads)
}
