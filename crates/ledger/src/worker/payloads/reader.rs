//! Reading the payloads, and skipping rows that the server cannot read.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use futures_util::future;
use vaultstream_api::Source;
use vaultstream_signing::RecordName;

use super::payload::{Payload, RangeRead};
use super::plan::Plan;
use crate::copy::int8;
use crate::copy_out::{self, INDEX_ONLY, ReadError};
use crate::error::QueryError;
use crate::ids::BatchRange;
use crate::jobs::Job;
use crate::source::{self, Facts, Next, next_row};

/// Reads the ranges in one transaction. BEGIN, the facts of the table and the first COPY are sent together; the COPY is run once the facts
/// are found to be what was planned.
pub(super) async fn read(
    client: &ClientWrapper,
    job: &Job,
    ranges: &[BatchRange],
    visit: impl FnMut(usize, RecordName, Payload<'_>),
) -> Result<Vec<RangeRead>, ReadError> {
    let plan = Plan::new(job);
    let mut rows = Shown::new(ranges, plan.limit, visit);
    let mut before = begin(job, &plan);
    loop {
        let spans = plan.spans(rows.rest());
        let Some(&(_, end)) = spans.last() else { break };
        match copy(client, job, &plan, &before, &spans, &mut rows).await {
            Ok(()) => {
                rows.done_up_to(end);
                before = format!("{}; {}", source::RELEASE, source::SAVEPOINT);
            }
            Err(ReadError::Query(error)) if error.is_fault_of_a_record() => {
                go_around(client, job, &plan, &spans, error, &mut rows).await?;
                before = source::ROLLBACK.to_owned();
            }
            Err(error) => return Err(error),
        }
    }
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    Ok(rows.reads)
}

/// How long one statement on a table may take: whoever may lock its rows or define its indexes does not stop a worker for ever.
pub(super) const TABLE_TIMEOUT: Duration = Duration::from_secs(600);

/// Begins the transaction. A table is locked first, so that the facts hold until the end. Each statement has a snapshot of its own: one for
/// all of them would be older than the lock.
fn begin(job: &Job, plan: &Plan) -> String {
    let look = match &job.spec.source {
        Source::Generate(_) => String::new(),
        Source::Table(table) => {
            let timeout = format!("SET LOCAL statement_timeout = {}", TABLE_TIMEOUT.as_millis());
            format!("{timeout}; {}; {}; ", plan.from.lock(), Facts::sql(table))
        }
    };
    format!("BEGIN READ ONLY; {look}{INDEX_ONLY}; {}", source::SAVEPOINT)
}

/// One COPY after the statements `before`, which may include the query for the facts.
async fn copy<V: FnMut(usize, RecordName, Payload<'_>)>(
    client: &ClientWrapper,
    job: &Job,
    plan: &Plan,
    before: &str,
    spans: &[(i64, i64)],
    rows: &mut Shown<'_, V>,
) -> Result<(), ReadError> {
    let sql = plan.sql(spans);
    let (begun, prepared) = future::join(client.simple_query(before), copy_out::prepare(client, &sql)).await;
    let messages = begun.map_err(ReadError::from)?;
    if let (Source::Table(table), Some(facts)) = (&job.spec.source, Facts::read(&messages)) {
        source::unchanged(job, table, &facts)?;
    }
    let prepared = prepared.map_err(ReadError::from)?;
    let stream = copy_out::begin_prepared(client, &prepared).await.map_err(ReadError::from)?;
    if plan.is_checked() {
        return copy_out::show::<3, ReadError>(stream, |[id, payload, size]| {
            let id = int8(id)?;
            match (payload, size) {
                (Some(read), _) => match plan.from.form.payload(read) {
                    Ok(bytes) => rows.show(id, Payload::Bytes(&bytes)),
                    Err(why) => rows.show(id, Payload::NotCanonical(&why.to_string())),
                },
                (None, Some(_)) => rows.show(id, Payload::TooLarge(int8(size)?)),
                (None, None) => rows.show(id, Payload::Null),
            }
        })
        .await;
    }
    copy_out::show::<2, ReadError>(stream, |[id, payload]| {
        rows.show(int8(id)?, payload.map_or(Payload::Null, Payload::Bytes))
    })
    .await
}

/// Skips the row that made a COPY fail with `error`. Rows come by ascending id, so that it is most likely the first one that was
/// not shown. It is read alone and shown as what it is; either way the rest is one row shorter.
async fn go_around<V: FnMut(usize, RecordName, Payload<'_>)>(
    client: &ClientWrapper,
    job: &Job,
    plan: &Plan,
    spans: &[(i64, i64)],
    error: QueryError,
    rows: &mut Shown<'_, V>,
) -> Result<(), ReadError> {
    client.batch_execute(source::ROLLBACK).await.map_err(ReadError::from)?;
    for &(first, last) in spans {
        let Some(first) = rows.first_open(first, last) else { continue };
        match next_row(client, &plan.from, first, last).await? {
            Next::Nothing => rows.done_up_to(last),
            Next::Unreadable(id, at_fault) => return rows.lose(id, at_fault),
            Next::Row(id) => match copy(client, job, plan, source::ROLLBACK, &[(id, id)], rows).await {
                Ok(()) => {
                    rows.done_up_to(id);
                    return Ok(());
                }
                Err(ReadError::Query(error)) if error.is_fault_of_a_record() => {
                    return rows.show(id, Payload::Unreadable(&words(&error)));
                }
                Err(error) => return Err(error),
            },
        }
    }
    // The row was removed meanwhile.
    tracing::debug!(%error, "the record at fault is gone");
    Ok(())
}

/// What the server said.
pub(super) fn words(error: &QueryError) -> String {
    error.report().map_or_else(String::new, |report| format!("{} ({})", report.message(), report.code().code()))
}

/// The ranges, and which of their rows were shown.
struct Shown<'a, V> {
    ranges: &'a [BatchRange],
    /// Places in `ranges`, by first id.
    order: Vec<usize>,
    /// The place in `order` of the range that the last row was in.
    at: usize,
    /// Everything up to this id was shown, or does not exist.
    done: Option<i64>,
    /// Rows of a range at most.
    limit: Option<i64>,
    reads: Vec<RangeRead>,
    /// Rows whose ids could not be read.
    lost: i64,
    visit: V,
}

impl<'a, V: FnMut(usize, RecordName, Payload<'_>)> Shown<'a, V> {
    fn new(ranges: &'a [BatchRange], limit: Option<i64>, visit: V) -> Self {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|&place| ranges[place].first);
        let reads = vec![RangeRead::default(); ranges.len()];
        Self { ranges, order, at: 0, done: None, limit, reads, lost: 0, visit }
    }

    /// What is still to be read, ascending.
    fn rest(&self) -> impl Iterator<Item = BatchRange> {
        self.order.iter().skip(self.at).filter_map(|&place| {
            let range = self.ranges[place];
            let first = self.first_open(range.first, range.last)?;
            self.reads[place].outgrown_at.is_none().then_some(BatchRange { first, ..range })
        })
    }

    /// The first id of the range that is still to be read.
    fn first_open(&self, first: i64, last: i64) -> Option<i64> {
        match self.done {
            Some(done) if done >= last => None,
            Some(done) if done >= first => done.checked_add(1),
            _ => Some(first),
        }
    }

    fn done_up_to(&mut self, id: i64) {
        self.done = self.done.max(Some(id));
    }

    fn show(&mut self, id: i64, payload: Payload<'_>) -> Result<(), ReadError> {
        let repeated = self.done == Some(id);
        if !repeated && self.done.is_some_and(|done| id < done) {
            return Err(ReadError::OutOfOrder(id));
        }
        let place = self.place(id).ok_or(ReadError::OutOfOrder(id))?;
        self.done = Some(id);
        let read = &mut self.reads[place];
        if read.outgrown_at.is_some() {
            return Ok(());
        }
        if repeated {
            (self.visit)(place, id.into(), Payload::Repeated);
        } else if self.limit.is_some_and(|limit| read.rows >= limit) {
            read.outgrown_at = Some(id);
        } else {
            read.rows += 1;
            (self.visit)(place, id.into(), payload);
        }
        Ok(())
    }

    /// A row whose id cannot be read. When there are more of them than planned rows, the fault is not in rows.
    fn lose(&mut self, id: i64, error: QueryError) -> Result<(), ReadError> {
        self.lost += 1;
        if self.lost > self.ranges.iter().map(|range| range.rows).sum() {
            return Err(error.into());
        }
        self.show(id, Payload::Unreadable(&words(&error)))
    }

    /// The range that an id is in; ids never descend.
    fn place(&mut self, id: i64) -> Option<usize> {
        loop {
            let place = *self.order.get(self.at)?;
            let range = self.ranges.get(place)?;
            if id < range.first {
                return None;
            }
            if id <= range.last {
                return Some(place);
            }
            self.at += 1;
        }
    }
}
