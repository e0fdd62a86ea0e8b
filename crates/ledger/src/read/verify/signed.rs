//! Every signature of a job with what it signs: the ledger first, and beside it what the source has now, if it can be read.
//!
//! In pieces, each a transaction of its own: no snapshot is held while signatures are checked, and a limit on statements or
//! transactions ends no read that could be done. A piece that the server cannot hand over is halved, down to the one record
//! that is at fault; the others come as if nothing were wrong with it.

use std::error::Error as _;
use std::ops::ControlFlow;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::walk::{Piece, Rows, Walk};
use crate::connection::{Ledger, Session};
use crate::copy::{CopyError, int8};
use crate::copy_out::{ReadError, copy_out};
use crate::error::QueryError;
use crate::ids::KeyId;
use crate::jobs::Job;
use crate::source::{ReadFrom, signatures_partition};

/// A signature and what it signs.
#[derive(Clone, Copy, Debug)]
pub struct SignedRow<'a> {
    /// Which record.
    pub id: i64,
    /// The key that signed.
    pub key: KeyId,
    /// r and s.
    pub signature: &'a [u8],
    /// The digest that was signed, for records of a table.
    pub digest: Option<&'a [u8]>,
    /// What the source has now.
    pub now: Now<'a>,
}

/// What the source of a signed record has for it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now<'a> {
    /// This payload.
    Payload(&'a [u8]),
    /// A row whose payload is NULL.
    Null,
    /// No row.
    Gone,
    /// A row that the server cannot return, with its reason.
    Unreadable(&'a str),
    /// The whole source cannot be read: see [`SignedRows::lost`].
    NotRead,
}

impl<'a> Now<'a> {
    /// The payload, if there is one.
    #[must_use]
    pub fn payload(self) -> Option<&'a [u8]> {
        match self {
            Self::Payload(payload) => Some(payload),
            Self::Null | Self::Gone | Self::Unreadable(_) | Self::NotRead => None,
        }
    }
}

/// Why no row of the source can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The table or one of its columns is not there any more, under its name; else it may not be read.
    pub gone: bool,
    /// What the server says.
    pub why: String,
}

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

/// Called with each signature; a break ends the reading.
pub type Visit<'v> = &'v mut (dyn FnMut(SignedRow<'_>) -> ControlFlow<()> + Send);

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
        loop {
            let piece = match self.next(&walk).await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(()),
                Err(ReadError::Query(error)) if walk.may_try_again(&error) => {
                    walk.before_the_next_try(&error).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut last = None;
            let mut note = |row: SignedRow<'_>| {
                last = Some(row.id);
                visit(row)
            };
            let error = match self.show(&walk, piece, &mut note).await {
                Ok(()) => {
                    walk.went_well(piece);
                    continue;
                }
                Err(Stop::Asked) => return Ok(()),
                Err(Stop::Failed(error)) => error,
            };
            walk.shown_up_to(last);
            let one = piece.first == piece.last && last.is_none();
            if let Some(why) = self.after(error, &mut walk, one).await? {
                if self.without_its_payload(piece, &why, visit).await?.is_break() {
                    return Ok(());
                }
                walk.shown_up_to(Some(piece.last));
            }
        }
    }

    /// The ends of the next piece; `None` at the end.
    async fn next(&self, walk: &Walk) -> Result<Option<Piece>, ReadError> {
        let Some(from) = walk.from else { return Ok(None) };
        let Some(most) = walk.most else { return Ok(Some(Piece { first: from, last: walk.until })) };
        let signatures = signatures_partition(self.job.id);
        let sql = format!(
            "SELECT min(record_id) AS first, max(record_id) AS last FROM (SELECT s.record_id FROM {signatures} s WHERE {} \
             ORDER BY s.record_id LIMIT {most}) AS piece",
            walk.condition(Piece { first: from, last: walk.until })
        );
        let row = self.ledger.query_one("read signatures", &sql, &[]).await.map_err(ReadError::from_query)?;
        let ends = row.get::<_, Option<i64>>("first").zip(row.get::<_, Option<i64>>("last"));
        Ok(ends.map(|(first, last)| Piece { first, last }))
    }

    /// Decides what to do after a failure of a piece. Returns the server's reason when the piece is `one` record, which is at fault.
    async fn after(&mut self, error: ReadError, walk: &mut Walk, one: bool) -> Result<Option<String>, ReadError> {
        let error = match error {
            ReadError::Gone(error) | ReadError::Query(error) => error,
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
        let source = if self.lost.is_some() { None } else { Some(ReadFrom::of(self.job)) };
        let absent = if self.lost.is_some() { Now::NotRead } else { Now::Gone };
        self.copy(&self.sql(walk, piece, source.as_ref()), absent, visit).await
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
        let session = Session::new(self.ledger.client("read signatures").await.map_err(ReadError::from)?);
        let Some(client) = session.client() else { return Ok(()) };
        // With the session's own rights: vaultstream_source, which reads source tables for workers, sees no signatures.
        copy_out::<6, Stop>(client, "", sql, |[id, key, signature, digest, there, payload]| {
            let now = match (there, payload) {
                (_, Some(payload)) => Now::Payload(payload),
                (Some(_), None) => Now::Null,
                (None, None) => absent,
            };
            let signature = signature.unwrap_or_default();
            let row = SignedRow { id: int8(id)?, key: KeyId(int8(key)?), signature, digest, now };
            if visit(row).is_break() { Err(Stop::Asked) } else { Ok(()) }
        })
        .await?;
        session.settle();
        Ok(())
    }

    fn sql(&self, walk: &Walk, piece: Piece, source: Option<&ReadFrom>) -> String {
        beside_source(&signatures_partition(self.job.id), &walk.condition(piece), source)
    }
}

/// Each row with a signature is looked up in the source by itself, through the index of its key, whatever that key's type
/// and the statistics: a row that was rejected is not touched, and may be one that cannot be read.
pub(crate) fn beside_source(signatures: &str, condition: &str, source: Option<&ReadFrom>) -> String {
    let now = source.map_or_else(
        || "SELECT NULL::bool AS there, NULL::bytea AS payload".to_owned(),
        |ReadFrom { table, key, payload, .. }| {
            format!("SELECT true AS there, {payload} AS payload FROM {table} WHERE {key} = s.record_id OFFSET 0")
        },
    );
    format!(
        "SELECT s.record_id, s.key_id, s.signature, s.digest, r.there, r.payload FROM {signatures} s \
         LEFT JOIN LATERAL ({now}) AS r ON true WHERE {condition} ORDER BY s.record_id"
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
