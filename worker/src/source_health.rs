//! What keeps this worker from reading the job's table. It is told in the ledger, so that the job's conditions show it, and waited out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_ledger::{
    Class, Job, JobId, SourceFault, faults, jobs,
    planning::{TableError, check_planned},
};
use vaultstream_program::chain;
use vaultstream_streams::Backoff;

use crate::{
    job::reads_table,
    session::{Session, SessionError},
    shared::Shared,
};

/// The delay before a table is checked again.
pub(crate) const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));

/// How long what passes by itself may last before it is told.
const TOLERATED_OUTAGE: Duration = Duration::from_secs(5);

/// What a check of the table led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// The table can be read.
    Readable,
    /// The job is another one by now, or the worker is to stop.
    Outdated,
}

/// Waits until the table of a job that signs can be read.
pub(crate) async fn settle(shared: &Shared, job: &Job, stop: &CancellationToken) -> Result<Health, SessionError> {
    if !reads_table(job) {
        return Ok(Health::Readable);
    }
    let mut teller = Teller::of_reader(job);
    let mut failures = 0;
    loop {
        let checked = check_planned(&shared.ledger, job).await;
        teller.tell(shared, checked.as_ref().err()).await;
        if checked.is_ok() {
            return Ok(Health::Readable);
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY.at_least_half(failures)) => failures += 1,
            () = stop.cancelled() => return Ok(Health::Outdated),
        }
        match jobs::by_uid(&shared.ledger, job.uid).await {
            Ok(Some(now)) if now.state == job.state && now.generation == job.generation && !now.suspended => {}
            Ok(_) => return Ok(Health::Outdated),
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells the ledger what is wrong with a job's table, each change once.
pub(crate) struct Teller {
    job: JobId,
    told: Option<SourceFault>,
    failing_since: Option<Instant>,
}

impl Teller {
    pub(crate) fn new(job: &Job) -> Self {
        Self { job: job.id, told: job.source_fault.clone(), failing_since: None }
    }

    /// Of who only reads the table: of a job that follows it, the planner says more, such as that its trigger is off, and only the planner says
    /// that this is over.
    fn of_reader(job: &Job) -> Self {
        let told = job.source_fault.clone().filter(|_| !job.is_following());
        Self { told, ..Self::new(job) }
    }

    /// Tells what an attempt to read the table failed with, or that it succeeded. Locks and timeouts are no fault of the table, and are only
    /// logged; a server that is away is told once that has lasted, unless it is the ledger's.
    pub(crate) async fn tell(&mut self, shared: &Shared, failure: Option<&TableError>) {
        if let Some(TableError::Query(error)) = failure
            && error.is_transient()
        {
            if self.failing_since.is_none() {
                tracing::warn!(error = chain(error), "the source table cannot be read at the moment; trying again");
            }
            let since = *self.failing_since.get_or_insert_with(Instant::now);
            let is_away = error.class() == Class::Unreachable && shared.ledger.has_another_source();
            if !is_away || since.elapsed() < TOLERATED_OUTAGE {
                return;
            }
        } else {
            self.failing_since = None;
        }
        self.set(shared, failure.map(|error| fault(error, shared.ledger.source_place()))).await;
    }

    async fn set(&mut self, shared: &Shared, fault: Option<SourceFault>) {
        if self.told == fault {
            return;
        }
        match &fault {
            Some(fault) => {
                tracing::warn!(reason = fault.reason.as_str(), "the source table cannot be read: {}", fault.why)
            }
            None => tracing::info!("the source table can be read again"),
        }
        match faults::report_source(&shared.ledger, self.job, fault.as_ref()).await {
            Ok(()) => self.told = fault,
            // It is told the next time.
            Err(error) => tracing::debug!(%error, "the state of the source could not be reported"),
        }
    }
}

/// The sentence is the same as long as the failure is.
fn fault(error: &TableError, place: &str) -> SourceFault {
    match error {
        TableError::Source(error) => SourceFault { reason: error.reason(), why: error.to_string(), passes: false },
        TableError::Query(error) if error.is_transient() => unreachable(place),
        TableError::Query(error) => {
            let why = format!("spec.source.table: the source table in {place} cannot be read: {}", chain(error));
            SourceFault { reason: Reason::SourceUnavailable, why, passes: false }
        }
    }
}

fn unreachable(place: &str) -> SourceFault {
    let why = format!("spec.source.table: {place}, which holds the source table, cannot be reached");
    SourceFault { reason: Reason::SourceUnavailable, why, passes: true }
}

/// Watches the source's database while a session signs.
pub(crate) struct Outage {
    teller: Teller,
    since: Option<Instant>,
}

impl Outage {
    pub(crate) fn new(session: &Session) -> Self {
        Self { teller: Teller::of_reader(&session.job), since: None }
    }

    /// Tells that the database is away, once it has been so for a while, and that it is back.
    pub(crate) async fn watch(&mut self, session: &Arc<Session>) {
        let shared = &session.shared;
        let fault = if shared.source.is_closed() || !shared.ledger.has_another_source() {
            self.since = None;
            None
        } else {
            let since = *self.since.get_or_insert_with(Instant::now);
            if since.elapsed() < TOLERATED_OUTAGE {
                return;
            }
            Some(unreachable(shared.ledger.source_place()))
        };
        self.teller.set(shared, fault).await;
    }
}
