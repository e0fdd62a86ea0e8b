//! The fast way to read a piece: its signatures, which stay in memory, and then the rows of the source in the same range of ids, as
//! two ordered walks of an index that are merged here.
//!
//! ```text
//! COPY signatures, with a LIMIT ─────▶ Held ──▶ first and last id
//!                                     │            │
//! COPY source between the two ◀───────┼────────────┘
//!            └──────────────────────▶ Merge ──▶ visit
//! ```
//!
//! The rows of a table come from the source's database, which may be another one. Each statement sees what was committed when it began. That is as good as one snapshot: the signatures of a job whose index is there
//! never change, so that the piece is what one statement would show that began with the second one. A row that is deleted, inserted or
//! changed between the two is shown as the second one finds it.
//!
//! Whatever fails here is left to the careful way, which meets the same failure and decides what it means.

use tokio_postgres::Client;

use super::held::{Found, Halt, Held, Merge};
use super::records;
use super::row_keys::BesideRecords;
use super::signed_row::{Now, Visit};
use super::walk::Piece;
use crate::connection::{Ledger, Session};
use crate::copy::int8;
use crate::copy_out::{INDEX_ONLY, ReadError, stream};
use crate::ids::KeyId;
use crate::jobs::Job;
use crate::source::{ReadFrom, signatures_partition};

/// Bytes of signatures and digests that are held at once. More of them than rows make up are damaged.
const HELD_BYTES_LIMIT: usize = 8 << 20;

/// Rows of the source beyond twice the signatures before a piece is read the careful way, which does not touch rows without a signature.
const SPARE_ROWS: usize = 100;

/// The first signatures of a piece of the job, at most `most` of them.
pub(super) struct Bulk<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) job: &'a Job,
    /// `None` when the source cannot be read.
    pub(super) source: Option<ReadFrom>,
    pub(super) piece: Piece,
    pub(super) most: i64,
}

impl Bulk<'_> {
    /// Shows the piece's first signatures. Returns the id up to which everything was shown; `None` when there is no signature.
    pub(super) async fn show(&self, visit: Visit<'_>) -> Result<Option<i64>, Halt> {
        let session = Session::new(self.ledger.client("read signatures").await.map_err(ReadError::from)?);
        let Some(client) = session.client() else { return Ok(None) };
        client.batch_execute(&format!("BEGIN READ ONLY; {INDEX_ONLY}")).await.map_err(ReadError::from)?;
        let (held, is_full) = self.signatures(client).await?;
        client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
        session.settle();
        let ends = held.ends();
        match (&self.source, ends) {
            (Some(source), Some(ends)) => self.merge(source, &held, ends, visit).await?,
            _ => held.show_all(Now::NotRead, visit)?,
        }
        let is_all = !is_full && i64::try_from(held.len()).is_ok_and(|rows| rows < self.most);
        Ok(ends.map(|(_, last)| if is_all { self.piece.last } else { last }))
    }

    /// The signatures, and whether more of them were sent than could be held.
    async fn signatures(&self, client: &Client) -> Result<(Held, bool), Halt> {
        let beside = BesideRecords::of(self.job, "s.record_id");
        let sql = ordered_signatures(self.job, self.piece, self.most);
        let mut held = Held::default();
        let mut is_full = false;
        stream::<5, Halt>(client, &sql, |[id, key, signature, digest, row_key]| {
            is_full |= held.bytes() >= HELD_BYTES_LIMIT;
            if is_full {
                return Ok(());
            }
            held.push(int8(id)?, beside.read(row_key), KeyId(int8(key)?), signature.unwrap_or_default(), digest)
        })
        .await?;
        Ok((held, is_full))
    }

    async fn merge(
        &self,
        source: &ReadFrom,
        held: &Held,
        (first, last): (i64, i64),
        visit: Visit<'_>,
    ) -> Result<(), Halt> {
        let most_bytes = self.job.spec.max_payload_bytes;
        if source.row_key.is_some() {
            return show_by_key(self.ledger, self.job, source, held, most_bytes, visit).await;
        }
        let limit = 2 * held.len() + SPARE_ROWS;
        let rows = RowsToMerge { source, sql: source.rows_to_merge(first, last, limit, most_bytes), limit };
        rows.merge(self.ledger, self.job, held, Ok, visit).await
    }
}

/// Shows these signatures with the rows of the table that have their keys; with none where there is none, or one with more than `most_bytes`.
pub(super) async fn show_by_key(
    ledger: &Ledger,
    job: &Job,
    source: &ReadFrom,
    held: &Held,
    most_bytes: u32,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let sql = source.rows_with(held.keyed().map(|(_, key)| key), most_bytes);
    let ids: Vec<i64> = held.keyed().map(|(id, _)| id).collect();
    let id_of = |place: i64| {
        let id = usize::try_from(place).ok().and_then(|place| ids.get(place.checked_sub(1)?).copied());
        id.ok_or(Halt::NotMerged("the source has rows with other keys"))
    };
    RowsToMerge { source, sql, limit: usize::MAX }.merge(ledger, job, held, id_of, visit).await
}

/// Rows of the source that are merged with signatures: a number that tells the id, the payload, and something that is not NULL where the
/// payload is too large.
struct RowsToMerge<'a> {
    source: &'a ReadFrom,
    sql: String,
    /// How many are asked for.
    limit: usize,
}

impl RowsToMerge<'_> {
    async fn merge(
        self,
        ledger: &Ledger,
        job: &Job,
        held: &Held,
        id_of: impl Fn(i64) -> Result<i64, Halt>,
        visit: Visit<'_>,
    ) -> Result<(), Halt> {
        let session = records::begin(ledger, job, "read records").await?;
        let Some(client) = session.client() else { return Ok(()) };
        let mut merge = Merge::with(held);
        stream::<3, Halt>(client, &self.sql, |[number, payload, too_large]| {
            let id = id_of(int8(number)?)?;
            match (payload, too_large) {
                (Some(read), _) => merge.next(id, Found::Payload(&self.source.form.payload_now(read)), visit),
                (None, None) => merge.next(id, Found::Null, visit),
                (None, Some(_)) => merge.next(id, Found::TooLarge, visit),
            }
        })
        .await?;
        client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
        session.settle();
        merge.finish(self.limit, visit)
    }
}

/// The first signatures of a piece, at most `most`, ids ascending.
pub(crate) fn ordered_signatures(job: &Job, piece: Piece, most: i64) -> String {
    let BesideRecords { join, key, .. } = BesideRecords::of(job, "s.record_id");
    format!(
        "SELECT s.record_id, s.key_id, s.signature, s.digest, {key} FROM {} s{join} WHERE {} ORDER BY s.record_id LIMIT {most}",
        signatures_partition(job.id),
        piece.between("s.record_id")
    )
}
