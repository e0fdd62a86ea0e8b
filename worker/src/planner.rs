//! Planning a table: lifecycle sends one `plan` message; the worker that gets it reads the table's keys, and stores its batches in the
//! ledger chunk by chunk.
//!
//! ```text
//! plan message ─▶ begin ─▶ read a chunk ─▶ store it ─▶ … ─▶ ack
//!                            │    ▲          └─ Wait: until lifecycle allows that much
//!                            └────┘ told in the ledger and tried again, until a person has mended the table
//! ```

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_ledger::{
    Class, Job, QueryError,
    following::{self, Looked},
    jobs,
    planning::{self, Begun, ChunkOutcome, TableError, TablePlan},
};
use vaultstream_streams::{Backoff, BatchPuller, JobStreams, ReadAhead, Work};

use crate::{
    in_flight::InFlightMessages,
    job::{is_to_be_planned, tenant_of},
    session::SessionError,
    shared::{Shared, Shutdown},
    source_health::{self, Teller},
};

/// Rows of a chunk: a second or so.
const CHUNK_ROWS: u64 = 250_000;
/// The least that a chunk is cut to after timeouts.
const CHUNK_ROWS_LEAST: u64 = 16;

/// How often the job is read while it is planned.
const JOB_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The delay before a chunk is stored for which the job has not been allowed enough yet.
const ALLOWANCE_RETRY: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));

/// The delay before a message is delivered again that cannot be served here and now.
const REDELIVERY_DELAY: Duration = Duration::from_secs(1);

/// How long the last messages to the servers may take.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Plans the job's table if it is asked to, until the job is planned or changes, or the worker is stopped.
pub(crate) async fn run(shared: &Arc<Shared>, job: &Job, shutdown: &Shutdown) -> Result<(), SessionError> {
    let mut planner = Planner { shared, job, lease: Uuid::new_v4(), plan: None };
    let result = tokio::select! {
        result = planner.serve() => result,
        () = planner_is_outdated(shared, job) => Ok(()),
        () = shutdown.drain.cancelled() => Ok(()),
    };
    planner.leave().await;
    match result {
        Ok(()) => Ok(()),
        Err(SessionError::StreamsGone) => {
            tokio::time::sleep(REDELIVERY_DELAY).await;
            Ok(())
        }
        Err(error) => shared.wait_out(error, &shutdown.drain).await,
    }
}

/// Returns once the ledger says something else of the job.
async fn planner_is_outdated(shared: &Shared, job: &Job) {
    loop {
        tokio::time::sleep(JOB_POLL_INTERVAL).await;
        // Unknown is not changed.
        let Ok(now) = jobs::by_uid(&shared.ledger, job.uid).await else { continue };
        if !now.is_some_and(|now| is_to_be_planned(&now) && now.generation == job.generation && now.spec == job.spec) {
            return;
        }
    }
}

/// Waits a moment for the release of what a worker holds. Without it, its lease runs out.
pub(crate) async fn give_up(releasing: impl Future<Output = Result<(), QueryError>>) {
    match tokio::time::timeout(FAREWELL_TIMEOUT, releasing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a lease was not released: it runs out"),
        Err(elapsed) => tracing::debug!(%elapsed, "a lease was not released: it runs out"),
    }
}

struct Planner<'a> {
    shared: &'a Arc<Shared>,
    job: &'a Job,
    /// The same after a failure whose outcome is not known.
    lease: Uuid,
    /// Held until it is complete or another worker has it.
    plan: Option<TablePlan>,
}

/// How serving a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planned {
    /// The table is planned, or is not to be.
    Done,
    /// Another worker plans it, as far as is known.
    Elsewhere,
}

impl Planner<'_> {
    async fn serve(&mut self) -> Result<(), SessionError> {
        let shared = self.shared;
        let topology = JobStreams::new(tenant_of(self.job), self.job.uid, self.job.generation);
        let topology = shared.streams.find(&topology).await.map_err(SessionError::of_streams)?;
        let one = ReadAhead { messages: 1, bytes: 1 };
        let mut puller = shared.streams.batches(&topology, one).await.map_err(SessionError::of_streams)?;
        let in_flight = InFlightMessages::default();
        let ack_wait = puller.ack_wait();
        let served = tokio::select! {
            served = self.take_messages(&mut puller, &in_flight) => served,
            () = in_flight.keep_alive(ack_wait, CancellationToken::new()) => Ok(()),
        };
        puller.shutdown().await;
        served
    }

    async fn take_messages(
        &mut self,
        puller: &mut BatchPuller,
        in_flight: &InFlightMessages,
    ) -> Result<(), SessionError> {
        while let Some(delivery) = puller.next().await.map_err(SessionError::of_streams)? {
            let (work, ack) = delivery.split();
            let message = in_flight.hold(ack);
            let served = match work {
                Work::Plan => self.plan_table().await?,
                // There is no batch yet, whatever a message says.
                Work::Batch(_) | Work::Finish(_) => Planned::Elsewhere,
            };
            match served {
                Planned::Done => {
                    message.ack();
                    return Ok(());
                }
                Planned::Elsewhere => message.redeliver_after(REDELIVERY_DELAY),
            }
        }
        Ok(())
    }

    async fn plan_table(&mut self) -> Result<Planned, SessionError> {
        let shared = self.shared;
        let mut plan = match planning::begin(&shared.ledger, self.job.id, self.lease).await? {
            Begun::Plan(plan) => plan,
            Begun::Held => return Ok(Planned::Elsewhere),
            Begun::Over => return Ok(Planned::Done),
        };
        self.plan = Some(plan.clone());
        tracing::info!(job = %self.job.name, "planning the source table");
        let mut teller = Teller::new(self.job);
        let (mut rows, mut failures) = (CHUNK_ROWS, 0);
        let mut ahead = None;
        let mut arrivals_are_noted = self.job.spec.follow.is_none();
        loop {
            let Some(job) = jobs::by_uid(&shared.ledger, self.job.uid).await? else { return Ok(Planned::Done) };
            if !is_to_be_planned(&job) {
                return Ok(Planned::Done);
            }
            if !arrivals_are_noted {
                let noted = self.note_arrivals(&plan).await;
                teller.tell(shared, noted.as_ref().err()).await;
                if noted.is_err() {
                    tokio::time::sleep(source_health::RETRY.at_least_half(failures)).await;
                    failures += 1;
                    continue;
                }
                arrivals_are_noted = true;
            }
            let chunk = match ahead.take() {
                Some(chunk) => chunk,
                None => planning::read_chunk(&shared.ledger, &job, &plan, rows).await,
            };
            match &chunk {
                Err(TableError::Query(error)) if error.class() == Class::CutOff && rows > CHUNK_ROWS_LEAST => {
                    rows = (rows / 4).max(CHUNK_ROWS_LEAST);
                    tracing::warn!(job = %job.name, rows, "a statement took too long: planning smaller chunks");
                    continue;
                }
                chunk => teller.tell(shared, chunk.as_ref().err()).await,
            }
            let Ok(chunk) = chunk else {
                tokio::time::sleep(source_health::RETRY.at_least_half(failures)).await;
                failures += 1;
                continue;
            };
            failures = 0;
            let stored = if chunk.is_last() {
                self.store(&mut plan, &chunk).await?
            } else {
                // The next one is read while this one is stored: two servers, or two processes of one.
                let next = chunk.behind(&plan);
                let reading = planning::read_chunk(&shared.ledger, &job, &next, rows);
                let (stored, read) = tokio::join!(self.store(&mut plan, &chunk), reading);
                ahead = Some(read);
                stored?
            };
            match stored {
                ChunkOutcome::Complete => return Ok(Planned::Done),
                ChunkOutcome::Lost => return Ok(Planned::Elsewhere),
                ChunkOutcome::More | ChunkOutcome::Wait => {}
            }
        }
    }

    /// Before the first row of a job that follows its table is read, its arrivals are written down already.
    async fn note_arrivals(&self, plan: &TablePlan) -> Result<(), TableError> {
        let Looked { arrivals, fault } = following::look(&self.shared.ledger, self.job).await?;
        match (arrivals, fault) {
            (_, Some(fault)) => Err(fault.into()),
            (Some(arrivals), None) => Ok(planning::note_arrivals(&self.shared.ledger, plan, &arrivals).await?),
            (None, None) => Ok(()),
        }
    }

    /// Stores a chunk, as soon as that much is allowed.
    async fn store(&mut self, plan: &mut TablePlan, chunk: &planning::Chunk) -> Result<ChunkOutcome, SessionError> {
        let mut attempts = 0;
        loop {
            let kept = planning::store(&self.shared.ledger, plan, chunk).await?;
            match kept {
                ChunkOutcome::Wait => {
                    tokio::time::sleep(ALLOWANCE_RETRY.at_least_half(attempts)).await;
                    attempts += 1;
                }
                ChunkOutcome::Complete | ChunkOutcome::Lost => {
                    self.plan = None;
                    return Ok(kept);
                }
                ChunkOutcome::More => {
                    tracing::debug!(job = %self.job.name, rows = chunk.rows(), "a chunk is planned");
                    return Ok(kept);
                }
            }
        }
    }

    /// Lets another worker continue at once with a plan that is not complete.
    async fn leave(&mut self) {
        if let Some(plan) = self.plan.take() {
            give_up(planning::release(&self.shared.ledger, &plan)).await;
        }
        if let Err(error) = self.shared.streams.flush(FAREWELL_TIMEOUT).await {
            tracing::debug!(%error, "the last acknowledgements may be lost");
        }
    }
}
