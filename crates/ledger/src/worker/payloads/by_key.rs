//! Reading rows whose ids are ordinals: their keys from the ledger, and then the rows by them.
//!
//! ```text
//! ranges of ordinals ──▶ rows_<job> (ledger): a key for each ──▶ the table (source): a row for each, or none
//! ```

use std::collections::VecDeque;

use deadpool_postgres::ClientWrapper;
use futures_util::future;
use tokio_postgres::CopyOutStream;
use vaultstream_api::{Source, TableSource};
use vaultstream_signing::{RecordName, RowKey};

use super::payload::{Payload, RangeRead};
use super::reader::{TABLE_TIMEOUT, words};
use crate::connection::{Ledger, Session};
use crate::copy::{CopyError, KeyForm, int8};
use crate::copy_out::{self, INDEX_ONLY, ReadError};
use crate::error::QueryError;
use crate::ids::BatchRange;
use crate::jobs::{Job, RowAccess, RowKeyColumns};
use crate::queries::Queries;
use crate::source::{self, Facts, KeyExpressions, ReadFrom, ViewUse, literal, rows_table};

const ACTION: &str = "read payloads by keys";

/// Keys that are read at first; the next ones are more, as long as they have no more bytes than [`BYTES_AT_ONCE`].
const FIRST_KEYS: i64 = 4_096;
const MOST_KEYS: i64 = 16_384;
const BYTES_AT_ONCE: usize = 1 << 20;

/// Rows that may have been inserted among some thousands before those that are left are looked up.
const SPARE_ROWS: usize = 1_000;

/// Shows a record for every ordinal of the ranges. Whatever keys the table has, no more of them are in memory than some megabytes.
pub(super) async fn read(
    ledger: &Ledger,
    job: &Job,
    ranges: &[BatchRange],
    visit: impl FnMut(usize, RecordName, Payload<'_>),
) -> Result<Vec<RangeRead>, ReadError> {
    let (Some(columns), Source::Table(table)) = (job.ordinals(), &job.spec.source) else { return Ok(Vec::new()) };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let (from, form) = (ReadFrom::of(job), KeyForm::of(&columns.types));
    let mut source =
        RowSource { client, job, form, before: begin(&from, table), from, has_login: ledger.source.is_another };
    let mut spans = Spans::of(ranges);
    let mut wanted = Wanted::of(ranges.len(), visit);
    // Uuids are short, whatever the table has.
    let mut most = if form == KeyForm::Uuid { MOST_KEYS } else { FIRST_KEYS };
    loop {
        let next = spans.take(most);
        if next.is_empty() {
            break;
        }
        let bytes = wanted.read_keys(ledger, job, columns, &next).await?;
        wanted.read_rows(&mut source).await?;
        most = if bytes < BYTES_AT_ONCE / 4 { (4 * most).min(MOST_KEYS) } else { most };
        most = if bytes > BYTES_AT_ONCE { (most / 4).max(1) } else { most };
    }
    Queries::over(client, ACTION).batch("COMMIT").await?;
    session.settle();
    Ok(wanted.reads)
}

/// Begins the transaction in which the rows are read. The table is locked first, so that the facts hold until the end.
fn begin(from: &ReadFrom, table: &TableSource) -> String {
    let plans = if from.row_key.as_ref().is_some_and(KeyExpressions::is_indexed) { INDEX_ONLY } else { "" };
    format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; {}; {}; {plans}; {}",
        TABLE_TIMEOUT.as_millis(),
        from.lock(),
        Facts::sql(table),
        source::SAVEPOINT
    )
}

/// Ordinals from `first` to `last` of the range in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    place: usize,
    first: i64,
    last: i64,
}

/// The ordinals of some ranges, ascending, of which the first ones can be taken.
struct Spans(VecDeque<Span>);

impl Spans {
    fn of(ranges: &[BatchRange]) -> Self {
        let span = |(place, range): (usize, &BatchRange)| Span { place, first: range.first, last: range.last };
        let mut spans: Vec<Span> = ranges.iter().enumerate().map(span).collect();
        spans.sort_unstable_by_key(|span| span.first);
        Self(spans.into())
    }

    fn take(&mut self, most: i64) -> Vec<Span> {
        let (mut taken, mut room) = (Vec::new(), most.max(1));
        while let Some(span) = self.0.front_mut().filter(|_| room > 0) {
            let last = span.last.min(span.first.saturating_add(room - 1));
            taken.push(Span { last, ..*span });
            room -= last - span.first + 1;
            if last == span.last {
                self.0.pop_front();
            } else {
                span.first = last + 1;
            }
        }
        taken
    }
}

/// Where the rows are read.
struct RowSource<'a> {
    client: &'a ClientWrapper,
    job: &'a Job,
    form: KeyForm,
    from: ReadFrom,
    /// Statements to send before the next read, which may include the query for the facts.
    before: String,
    /// It is another login than the ledger's.
    has_login: bool,
}

impl RowSource<'_> {
    /// Begins a COPY. It is run once the facts are found to be what was planned.
    async fn begin(&self, sql: &str) -> Result<CopyOutStream, ReadError> {
        let Self { client, job, before, has_login, .. } = self;
        let (begun, prepared) = future::join(client.simple_query(before), copy_out::prepare(client, sql)).await;
        let messages = begun.map_err(ReadError::from)?;
        if let (Source::Table(table), Some(facts)) = (&job.spec.source, Facts::read(&messages)) {
            source::runs_no_code(&facts, ViewUse::planned(job, &facts, *has_login))?;
            source::unchanged(job, table, &facts)?;
        }
        let prepared = prepared.map_err(ReadError::from)?;
        copy_out::begin_prepared(client, &prepared).await.map_err(ReadError::from)
    }

    /// Goes back to before a COPY that failed by a fault of a record, which is returned.
    fn after(&mut self, read: Result<(), ReadError>) -> Result<Option<QueryError>, ReadError> {
        match read {
            Ok(()) => {
                self.before = format!("{}; {}", source::RELEASE, source::SAVEPOINT);
                Ok(None)
            }
            Err(ReadError::Query(error)) if error.is_fault_of_a_record() => {
                self.before = source::ROLLBACK.to_owned();
                Ok(Some(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// The rows of some ordinals, and how many of them were shown.
struct Wanted<V> {
    names: Vec<(usize, RecordName)>,
    /// Their keys as they were sent, one after the other, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// Those before this place were shown.
    shown: usize,
    reads: Vec<RangeRead>,
    visit: V,
}

impl<V: FnMut(usize, RecordName, Payload<'_>)> Wanted<V> {
    fn of(ranges: usize, visit: V) -> Self {
        let (names, fields, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { names, fields, ends, shown: 0, reads: vec![RangeRead::default(); ranges], visit }
    }

    /// Reads the key of each of these ordinals. Returns how many bytes they have.
    async fn read_keys(
        &mut self,
        ledger: &Ledger,
        job: &Job,
        columns: &RowKeyColumns,
        spans: &[Span],
    ) -> Result<usize, ReadError> {
        (self.names, self.fields, self.ends, self.shown) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let session = Session::new(ledger.client(ACTION).await.map_err(ReadError::from_query)?);
        let Some(client) = session.client() else { return Ok(0) };
        let mut expected = spans.iter().flat_map(|span| (span.first..=span.last).map(|id| (span.place, id)));
        let (form, mut scratch) = (KeyForm::of(&columns.types), Vec::new());
        copy_out::copy_out::<2, ReadError>(
            client,
            "",
            &keys_of(job, form, columns.columns.len(), spans),
            |[ordinal, key]| {
                let (place, id) =
                    expected.next().filter(|(_, id)| int8(ordinal) == Ok(*id)).ok_or(ReadError::NoKeys)?;
                let field = key.ok_or(ReadError::NoKeys)?;
                let hash = form.hash(field, &mut scratch)?;
                self.names.push((place, RecordName { id, key: Some(hash) }));
                self.fields.extend(field);
                self.ends.push(self.fields.len());
                Ok(())
            },
        )
        .await?;
        session.settle();
        if expected.next().is_none() { Ok(self.fields.len()) } else { Err(ReadError::NoKeys) }
    }

    fn field(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.fields.get(start..*self.ends.get(at)?)
    }

    /// Keys that were planned as they arrived may lie anywhere in the index.
    fn may_ascend(&self, form: KeyForm) -> bool {
        form != KeyForm::Uuid || (1..self.names.len()).all(|at| self.field(at - 1) < self.field(at))
    }

    /// Reads the rows, and those around one that the server cannot read in smaller steps.
    async fn read_rows(&mut self, source: &mut RowSource<'_>) -> Result<(), ReadError> {
        if source.from.row_key.as_ref().is_some_and(|key| key.access == RowAccess::Range)
            && self.may_ascend(source.form)
        {
            let walked = self.walk(source).await;
            source.after(walked)?;
        }
        let all = self.names.len();
        let mut most = all;
        while self.shown < all {
            let end = all.min(self.shown + most);
            let looked_up = self.look_up(source, end).await;
            match source.after(looked_up)? {
                None => {
                    self.show_gone(end);
                    most = most.saturating_mul(2);
                }
                Some(fault) => {
                    if end - self.shown <= 1 {
                        self.show(self.shown, Payload::Unreadable(&words(&fault)));
                    }
                    most = (end.saturating_sub(self.shown) / 2).max(1);
                }
            }
        }
        Ok(())
    }

    /// One COPY along the index, which shows the rows up to the first one that is not the next: it costs a third of looking each up. Rows that
    /// were inserted meanwhile are passed over. What is missing is looked up, which alone says that a row is gone.
    async fn walk(&mut self, source: &RowSource<'_>) -> Result<(), ReadError> {
        let (form, most) = (source.form, self.names.len() + SPARE_ROWS);
        let (Some(first), Some(last)) = (self.field(0), self.names.len().checked_sub(1).and_then(|at| self.field(at)))
        else {
            return Ok(());
        };
        let (first, last) = (form.key(Some(first))?, form.key(Some(last))?);
        let sql = source.from.rows_between(&first, &last, most, source.job.spec.max_payload_bytes);
        let mut is_lost = false;
        let stream = source.begin(&sql).await?;
        copy_out::show::<3, ReadError>(stream, |[key, payload, size]| {
            if is_lost {
                return Ok(());
            }
            let before = self.shown.checked_sub(1);
            match before.filter(|before| self.field(*before) == key).or(Some(self.shown)) {
                Some(at) if self.field(at) == key => self.found_as(source, at, payload, size),
                _ => {
                    // One that was inserted meanwhile, or a later one of those that are wanted.
                    is_lost = (self.shown..self.names.len()).any(|at| self.field(at) == key);
                    Ok(())
                }
            }
        })
        .await
    }

    /// One COPY of the rows with the keys up to `end`.
    async fn look_up(&mut self, source: &RowSource<'_>, end: usize) -> Result<(), ReadError> {
        let start = self.shown;
        let keys: Result<Vec<RowKey>, CopyError> = (start..end).map(|at| source.form.key(self.field(at))).collect();
        let sql = source.from.rows_with(keys?.iter(), source.job.spec.max_payload_bytes);
        let stream = source.begin(&sql).await?;
        copy_out::show::<3, ReadError>(stream, |[place, payload, size]| {
            let place = int8(place)?;
            let at = usize::try_from(place).ok().and_then(|place| (place + start).checked_sub(1));
            let at = at.filter(|at| *at < end).ok_or(ReadError::OutOfOrder(place))?;
            self.found_as(source, at, payload, size)
        })
        .await
    }

    fn found_as(
        &mut self,
        source: &RowSource<'_>,
        at: usize,
        payload: Option<&[u8]>,
        size: Option<&[u8]>,
    ) -> Result<(), ReadError> {
        match (payload, size) {
            (Some(read), _) => match source.from.form.payload(read) {
                Ok(bytes) => self.found(at, Payload::Bytes(&bytes)),
                Err(why) => self.found(at, Payload::NotCanonical(&why.to_string())),
            },
            (None, Some(_)) => self.found(at, Payload::TooLarge(int8(size)?)),
            (None, None) => self.found(at, Payload::Null),
        }
    }

    /// A row with the key in this place; those before it that were not shown are gone.
    fn found(&mut self, at: usize, payload: Payload<'_>) -> Result<(), ReadError> {
        match at.checked_add(1).map(|next| next.cmp(&self.shown)) {
            Some(std::cmp::Ordering::Greater) => {
                self.show_gone(at);
                self.show(at, payload);
                Ok(())
            }
            Some(std::cmp::Ordering::Equal) => {
                let (place, name) = self.names[at];
                (self.visit)(place, name, Payload::Repeated);
                Ok(())
            }
            _ => Err(ReadError::OutOfOrder(self.names[at].1.id)),
        }
    }

    fn show_gone(&mut self, end: usize) {
        while self.shown < end {
            self.show(self.shown, Payload::Gone);
        }
    }

    fn show(&mut self, at: usize, payload: Payload<'_>) {
        let (place, name) = self.names[at];
        self.shown = at + 1;
        self.reads[place].rows += 1;
        (self.visit)(place, name, payload);
    }
}

/// The keys of these ordinals, which ascend.
fn keys_of(job: &Job, form: KeyForm, columns: usize, spans: &[Span]) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for span in spans {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(span.first) => *last = span.last,
            _ => runs.push((span.first, span.last)),
        }
    }
    let runs: Vec<String> =
        runs.iter().map(|(first, last)| format!("({}, {})", literal(*first), literal(*last))).collect();
    format!(
        "SELECT r.ordinal, r.key FROM (VALUES {}) AS span (first, last) CROSS JOIN LATERAL (SELECT s.ordinal, {} AS key FROM {} s \
         WHERE s.ordinal BETWEEN span.first AND span.last ORDER BY s.ordinal OFFSET 0) AS r",
        runs.join(", "),
        form.sql((1..=columns).map(|at| format!("s.k{at}"))),
        rows_table(job.id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BatchNo;

    fn taken(spans: &mut Spans, most: i64) -> Vec<(usize, i64, i64)> {
        spans.take(most).iter().map(|span| (span.place, span.first, span.last)).collect()
    }

    #[test]
    fn ordinals_are_taken_in_their_order_and_each_once() {
        let range = |batch, first, last| BatchRange { batch: BatchNo(batch), first, last, rows: last - first + 1 };
        let mut spans = Spans::of(&[range(3, 11, 20), range(1, 1, 5), range(9, i64::MAX, i64::MAX)]);
        assert_eq!(taken(&mut spans, 3), [(1, 1, 3)]);
        assert_eq!(taken(&mut spans, 3), [(1, 4, 5), (0, 11, 11)]);
        assert_eq!(taken(&mut spans, 9), [(0, 12, 20)]);
        assert_eq!(taken(&mut spans, 0), [(2, i64::MAX, i64::MAX)], "one at least");
        assert_eq!(taken(&mut spans, 9), []);
    }
}
