//! Every signature of a job with what it signs: the ledger first, and beside it what the source has now, if it can be read.
//!
//! In pieces, each a transaction of its own: no snapshot is held while signatures are checked, and a limit on statements or
//! transactions ends no read that could be done. A piece that cannot be read in bulk is read the careful way: the server looks each row
//! up by itself, and a piece that it cannot return is halved, down to the one record that is at fault; the others come as if nothing
//! were wrong with it.
//!
//! ```text
//!            ┌ bulk ◀──── the pieces have grown again ───┐
//! signatures ┤    └─ a failure, or a source that ─▶ careful, smaller pieces
//!            │       cannot be merged                    ▲
//!            └ a sample, or no index yet ────────────────┘
//! ```

use std::error::Error as _;
use std::ops::ControlFlow;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use vaultstream_api::Source;

use super::bulk::{Bulk, show_by_key};
use super::held::{Found, Halt, Held, Merge};
use super::records;
use super::row_keys::BesideRecords;
use super::signed_row::{Lost, Now, SignedRow, Visit};
use super::walk::{Piece, Rows, Walk};
use crate::connection::{Ledger, Session};
use crate::copy::{CopyError, int8};
use crate::copy_out::{INDEX_ONLY, ReadError, copy_out, stream};
use crate::error::QueryError;
use crate::ids::KeyId;
use crate::jobs::Job;
use crate::source::{ReadFrom, signatures_partition};

/// What ends a COPY early.
enum Stop {
    Asked,
    Failed(ReadError),
}

impl From<CopyError> for Stop {
    fn from(error: CopyError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Asked => Self::Asked,
            Halt::Failed(error) => Self::Failed(error),
            Halt::NotMerged(why) => Self::Failed(QueryError::other(ACTION, NotMerged(why)).into()),
        }
    }
}

/// The server sent signatures or rows in another order than it was told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotMerged(&'static str);

const ACTION: &str = "read signatures";

/// Above the size of any value.
const LARGEST_PAYLOAD: u32 = 1 << 30;

/// Signatures of a table's rows that are held while their rows are looked up.
const HELD_ROWS: i32 = 5_000;

/// Reads a job's signatures. Remembers that the source cannot be read, so that it is tried only once.
#[derive(Debug)]
pub struct SignedRows<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    lost: Option<Lost>,
}

impl<'a> SignedRows<'a> {
    /// Of this job.
    #[must_use]
    pub fn of(ledger: &'a Ledger, job: &'a Job) -> Self {
        Self { ledger, job, lost: None }
    }

    /// Of this job, without its table: the digests that were signed are in the ledger.
    #[must_use]
    pub fn beside_records(ledger: &'a Ledger, job: &'a Job) -> Self {
        let of_table = matches!(job.spec.source, Source::Table(_));
        let lost = of_table.then(|| Lost { gone: false, why: "the table is not read".to_owned() });
        Self { ledger, job, lost }
    }

    /// Why the source cannot be read, once that was noticed.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// Shows the signatures to `visit`, ids ascending, until it breaks. Nothing of a row is kept.
    ///
    /// # Errors
    ///
    /// When the signatures themselves cannot be read; see [`ReadError`].
    pub fn read<'r>(&'r mut self, which: Rows, visit: Visit<'r>) -> BoxFuture<'r, Result<(), ReadError>> {
        self.read_all(which, visit).boxed()
    }

    async fn read_all(&mut self, which: Rows, visit: Visit<'_>) -> Result<(), ReadError> {
        let mut walk = Walk::over(which, self.job);
        while let Some(from) = walk.from {
            let seen = match walk.in_bulk() {
                Some(most) => self.read_in_bulk(&mut walk, from, most, visit).await,
                None => self.read_carefully(&mut walk, from, visit).await?,
            };
            if seen.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the next piece. Breaks at the end of the signatures, and when the caller has seen enough.
    async fn read_in_bulk(&self, walk: &mut Walk, from: i64, most: i64, visit: Visit<'_>) -> ControlFlow<()> {
        let source = self.lost.is_none().then(|| ReadFrom::of(self.job));
        let piece = Piece { first: from, last: walk.until };
        let bulk = Bulk { ledger: self.ledger, job: self.job, source, piece, most };
        let mut last = None;
        let mut note = |row: SignedRow<'_>| {
            last = Some(row.id);
            visit(row)
        };
        match bulk.show(&mut note).await {
            Ok(Some(last)) => walk.went_well(Piece { first: from, last }),
            Ok(None) | Err(Halt::Asked) => return ControlFlow::Break(()),
            Err(halt) => {
                tracing::debug!(%halt, from, "the next signatures are not read in bulk");
                walk.shown_up_to(last);
                walk.halve();
            }
        }
        ControlFlow::Continue(())
    }

    /// The same, one row at a time on the server, and decides what a failure means.
    async fn read_carefully(
        &mut self,
        walk: &mut Walk,
        from: i64,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let piece = match self.next(walk, from).await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(ControlFlow::Break(())),
            Err(ReadError::Query(error)) if walk.may_try_again(&error) => {
                walk.before_the_next_try(&error).await;
                return Ok(ControlFlow::Continue(()));
            }
            Err(error) => return Err(error),
        };
        let mut last = None;
        let mut note = |row: SignedRow<'_>| {
            last = Some(row.id);
            visit(row)
        };
        let error = match self.show(walk, piece, &mut note).await {
            Ok(()) => {
                walk.went_well(piece);
                return Ok(ControlFlow::Continue(()));
            }
            Err(Stop::Asked) => return Ok(ControlFlow::Break(())),
            Err(Stop::Failed(error)) => error,
        };
        walk.shown_up_to(last);
        let one = piece.first == piece.last && last.is_none();
        if let Some(why) = self.after(error, walk, one).await? {
            if self.without_its_payload(piece, &why, visit).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            walk.shown_up_to(Some(piece.last));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The ends of the next piece; `None` at the end.
    async fn next(&self, walk: &Walk, from: i64) -> Result<Option<Piece>, ReadError> {
        let Some(most) = walk.most else { return Ok(Some(Piece { first: from, last: walk.until })) };
        let sql = ends_of_piece(
            &signatures_partition(self.job.id),
            &walk.condition(Piece { first: from, last: walk.until }),
            most,
        );
        let session = Session::new(self.ledger.client(ACTION).await.map_err(ReadError::from)?);
        let Some(client) = session.client() else { return Ok(None) };
        let mut ends = None;
        copy_out::<2, ReadError>(client, "", &sql, |[first, last]| {
            if first.is_some() {
                ends = Some(Piece { first: int8(first)?, last: int8(last)? });
            }
            Ok(())
        })
        .await?;
        session.settle();
        Ok(ends)
    }

    /// Decides what to do after a failure of a piece. Returns the server's reason when the piece is `one` record, which is at fault.
    async fn after(&mut self, error: ReadError, walk: &mut Walk, one: bool) -> Result<Option<String>, ReadError> {
        let error = match error {
            ReadError::Gone(error) | ReadError::Query(error) => error,
            ReadError::Source(error) if self.lost.is_none() => {
                self.lost = Some(Lost { gone: false, why: error.to_string() });
                return Ok(None);
            }
            error => return Err(error),
        };
        let code = error.code().unwrap_or_default().to_owned();
        if walk.may_try_again(&error) {
            walk.before_the_next_try(&error).await;
            Ok(None)
        } else if error.is_fault_of_a_record() && self.lost.is_none() {
            if one {
                return Ok(Some(words(&error)));
            }
            walk.halve();
            Ok(None)
        } else if concerns_every_row(&code) && self.lost.is_none() {
            self.lost = Some(Lost { gone: GONE.contains(&code.as_str()), why: words(&error) });
            Ok(None)
        } else {
            Err(error.into())
        }
    }

    async fn show(&self, walk: &Walk, piece: Piece, visit: Visit<'_>) -> Result<(), Stop> {
        if self.lost.is_some() {
            return self.copy(&self.sql(walk, piece, None), Now::NotRead, visit).await;
        }
        let source = ReadFrom::of(self.job);
        match self.job.spec.source {
            Source::Generate(_) => self.copy(&self.sql(walk, piece, Some(&source)), Now::Gone, visit).await,
            Source::Table(_) => self.show_beside_table(walk, piece, &source, visit).await,
        }
    }

    /// The table may be in another database: some signatures are held while their rows are looked up there.
    async fn show_beside_table(
        &self,
        walk: &Walk,
        piece: Piece,
        source: &ReadFrom,
        visit: Visit<'_>,
    ) -> Result<(), Stop> {
        let mut client = self.ledger.client(ACTION).await.map_err(ReadError::from_query)?;
        let tx = client.build_transaction().read_only(true).start().await.map_err(ReadError::from)?;
        tx.batch_execute(INDEX_ONLY).await.map_err(ReadError::from)?;
        let beside = BesideRecords::of(self.job, "s.record_id");
        let BesideRecords { join, key, .. } = &beside;
        let sql = format!(
            "SELECT s.record_id, s.key_id, s.signature, s.digest, {key} AS key FROM {} s{join} WHERE {} ORDER BY s.record_id",
            signatures_partition(self.job.id),
            walk.condition(piece)
        );
        let portal = tx.bind(&sql, &[]).await.map_err(ReadError::from)?;
        loop {
            let rows = tx.query_portal(&portal, HELD_ROWS).await.map_err(ReadError::from)?;
            let mut held = Held::default();
            for row in &rows {
                let signature = row.get::<_, Option<&[u8]>>(2).unwrap_or_default();
                held.push(row.get(0), beside.of_row(row), KeyId(row.get(1)), signature, row.get(3))?;
            }
            if rows.is_empty() {
                return Ok(tx.rollback().await.map_err(ReadError::from)?);
            }
            self.look_up(&held, source, visit).await?;
        }
    }

    /// Shows these signatures with the rows that the table has for them.
    async fn look_up(&self, held: &Held, source: &ReadFrom, visit: Visit<'_>) -> Result<(), Stop> {
        if source.row_key.is_some() {
            return Ok(show_by_key(self.ledger, self.job, source, held, LARGEST_PAYLOAD, visit).await?);
        }
        let session = records::begin(self.ledger, self.job, ACTION).await?;
        let Some(client) = session.client() else { return Ok(()) };
        let mut merge = Merge::with(held);
        stream::<2, Halt>(client, &source.rows_of(held.ids()), |[id, payload]| {
            let payload = payload.map(|read| source.form.payload_now(read));
            merge.next(int8(id)?, payload.as_deref().map_or(Found::Null, Found::Payload), visit)
        })
        .await?;
        client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
        session.settle();
        Ok(merge.finish(usize::MAX, visit)?)
    }

    /// Shows one record whose payload cannot be read.
    async fn without_its_payload(
        &self,
        piece: Piece,
        why: &str,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let walk = Walk::over(Rows::All, self.job);
        match self.copy(&self.sql(&walk, piece, None), Now::Unreadable(why), visit).await {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(Stop::Asked) => Ok(ControlFlow::Break(())),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn copy(&self, sql: &str, absent: Now<'_>, visit: Visit<'_>) -> Result<(), Stop> {
        let beside = BesideRecords::of(self.job, "s.record_id");
        let session = Session::new(self.ledger.client(ACTION).await.map_err(ReadError::from)?);
        let Some(client) = session.client() else { return Ok(()) };
        copy_out::<7, Stop>(client, "", sql, |[id, key, signature, digest, there, payload, row_key]| {
            let now = match (there, payload) {
                (_, Some(payload)) => Now::Payload(payload),
                (Some(_), None) => Now::Null,
                (None, None) => absent,
            };
            let signature = signature.unwrap_or_default();
            let row_key = beside.read(row_key);
            let row =
                SignedRow { id: int8(id)?, row_key: row_key.as_ref(), key: KeyId(int8(key)?), signature, digest, now };
            if visit(row).is_break() { Err(Stop::Asked) } else { Ok(()) }
        })
        .await?;
        session.settle();
        Ok(())
    }

    fn sql(&self, walk: &Walk, piece: Piece, source: Option<&ReadFrom>) -> String {
        beside_source(self.job, &walk.condition(piece), source)
    }
}

/// The first and last id of at most `most` signatures. Like every statement on signatures it runs where the planner walks an index: by its
/// statistics it would sort all of them for every piece.
pub(crate) fn ends_of_piece(signatures: &str, condition: &str, most: i64) -> String {
    format!(
        "SELECT min(record_id), max(record_id) FROM (SELECT s.record_id FROM {signatures} s WHERE {condition} \
         ORDER BY s.record_id LIMIT {most}) AS piece"
    )
}

/// Each generated record with a signature is looked up by itself, through the index of its key, whatever that key's type
/// and the statistics: a row that was rejected is not touched, and may be one that cannot be read.
pub(crate) fn beside_source(job: &Job, condition: &str, source: Option<&ReadFrom>) -> String {
    let now = source.map_or_else(
        || "SELECT NULL::bool AS there, NULL::bytea AS payload".to_owned(),
        |ReadFrom { table, key, payload, .. }| {
            format!("SELECT true AS there, {payload} AS payload FROM {table} WHERE {key} = s.record_id OFFSET 0")
        },
    );
    let BesideRecords { join, key: row_key, .. } = BesideRecords::of(job, "s.record_id");
    format!(
        "SELECT s.record_id, s.key_id, s.signature, s.digest, r.there, r.payload, {row_key} FROM {} s{join} \
         LEFT JOIN LATERAL ({now}) AS r ON true WHERE {condition} ORDER BY s.record_id",
        signatures_partition(job.id)
    )
}

/// Undefined table, column, schema.
const GONE: [&str; 3] = ["42P01", "42703", "3F000"];

/// Names, rights and types: what the server says of a statement, whatever its rows hold.
fn concerns_every_row(code: &str) -> bool {
    code.starts_with("42") || code.starts_with("3F")
}

/// What the server says, without what was asked.
fn words(error: &QueryError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
