//! A job's row in the ledger: created or adopted, given the present spec, and read together with the job's figures. A row or
//! signatures that the ledger has lost are noticed here.

use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_ledger::{
    Job, JobId, JobState, LastCheckpoint, Ledger, NewJob, Progress, QueryError, gone_rows,
    jobs::{self, EnsureError},
    last_checkpoint,
};
use vaultstream_streams::Streams;

use crate::{
    fault::ConditionFault,
    lifecycle::{
        faults::ledger_fault,
        loss,
        request::{JobRequest, KnownProgress},
    },
};

/// Keeps one job's row, and remembers what the row had.
pub(super) struct JobRow {
    cluster: String,
    leftovers: Arc<Notify>,
    known: KnownProgress,
    /// The generation of the spec that this task has written.
    written: Option<i64>,
    /// How many records were rejected when those that are gone were last counted, and how many that were.
    gone: Option<(i64, i64)>,
}

/// A job and its figures, as the ledger has them.
pub(super) struct Reading {
    pub(super) job: Job,
    pub(super) progress: Option<Progress>,
    /// Of a job that follows its table.
    pub(super) checkpoint: Option<LastCheckpoint>,
    /// Of a job that follows its table: more was rejected than its spec allows.
    pub(super) rejects_exceeded: bool,
}

impl JobRow {
    /// `cluster` is the uid of this cluster. `leftovers` is notified when a deleted job still has this job's name.
    pub(super) fn new(cluster: String, leftovers: Arc<Notify>, known: KnownProgress) -> Self {
        Self { cluster, leftovers, known, written: None, gone: None }
    }

    /// Whether this task has written that generation of the spec.
    pub(super) fn has_written(&self, generation: i64) -> bool {
        self.written == Some(generation)
    }

    /// Makes sure that the row exists and has the requested spec. A job that had a row before gets no new one.
    pub(super) async fn ensure(
        &mut self,
        ledger: &Ledger,
        streams: &Streams,
        request: &JobRequest,
    ) -> Result<Job, ConditionFault> {
        let new = NewJob {
            uid: request.uid,
            cluster: self.cluster.clone(),
            namespace: request.namespace.clone(),
            name: request.name.clone(),
            spec: request.spec.clone(),
            generation: request.generation,
        };
        let ensured = if self.known.begun {
            Box::pin(jobs::adopt(ledger, &new)).await
        } else {
            Box::pin(jobs::ensure(ledger, &new)).await.map(|ensured| ensured.job)
        };
        let job = match ensured {
            Ok(job) => Some(job),
            Err(EnsureError::Gone) => None,
            // Another leader has written a later spec. If this one still leads, it receives that spec, too.
            Err(EnsureError::Outdated { .. }) => {
                jobs::by_uid(ledger, request.uid).await.map_err(|error| ledger_fault(&error))?
            }
            Err(EnsureError::Immutable { field }) => {
                return Err(ConditionFault::new(Reason::InvalidSpec, field.to_string()));
            }
            Err(error @ EnsureError::NameTaken { .. }) => {
                self.leftovers.notify_one();
                let why = format!("{error}; it is still being deleted");
                return Err(ConditionFault::new(Reason::LedgerUnavailable, why));
            }
            Err(EnsureError::Query(error)) => return Err(ledger_fault(&error)),
        };
        self.written = Some(request.generation);
        match job {
            Some(job) => Ok(job),
            None => Err(loss::row_lost(streams, request.uid).await),
        }
    }

    /// Reads the job and its figures. A job of which the ledger has less than was seen before is failed.
    pub(super) async fn read(
        &mut self,
        ledger: &Ledger,
        streams: &Streams,
        (id, uid): (JobId, Uuid),
    ) -> Result<Reading, ConditionFault> {
        let mut job = self.row(ledger, streams, (id, uid)).await?;
        let progress = vaultstream_ledger::progress(ledger, id).await.map_err(|error| ledger_fault(&error))?;
        let over = job.state.is_terminal() || job.state == JobState::Deleting;
        let signed = progress.as_ref().map_or(self.known.signed, |progress| progress.signed);
        if !over && signed < self.known.signed {
            loss::check_signatures(ledger, id, self.known.signed).await?;
            job = self.row(ledger, streams, (id, uid)).await?;
        }
        self.known.signed = signed;
        self.known.begun |= job.state != JobState::Pending;
        let (mut checkpoint, mut rejects_exceeded) = (None, false);
        if let (Some(progress), true) = (&progress, job.follow.is_some()) {
            checkpoint = last_checkpoint(ledger, id).await.map_err(|error| ledger_fault(&error))?;
            rejects_exceeded =
                self.exceeds_rejects(ledger, &job, progress).await.map_err(|error| ledger_fault(&error))?;
        }
        Ok(Reading { job, progress, checkpoint, rejects_exceeded })
    }

    /// Whether more was rejected than the spec allows. Rows that are gone do not count, and are counted anew only when there are more rejects.
    async fn exceeds_rejects(&mut self, ledger: &Ledger, job: &Job, progress: &Progress) -> Result<bool, QueryError> {
        let allowed = job.spec.max_rejected.allowed(progress.total.unsigned_abs());
        let rejected = progress.rejected;
        if rejected.unsigned_abs() <= allowed {
            return Ok(false);
        }
        let gone = match self.gone {
            Some((then, gone)) if then == rejected => gone,
            _ => gone_rows(ledger, job.id).await?,
        };
        self.gone = Some((rejected, gone));
        Ok((rejected - gone).max(0).unsigned_abs() > allowed)
    }

    async fn row(&self, ledger: &Ledger, streams: &Streams, (id, uid): (JobId, Uuid)) -> Result<Job, ConditionFault> {
        match jobs::by_id(ledger, id).await {
            Ok(Some(job)) => Ok(job),
            Ok(None) if self.known.begun => Err(loss::row_lost(streams, uid).await),
            Ok(None) => Err(ConditionFault::new(Reason::LedgerUnavailable, "the job's row is gone: it is made again")),
            Err(error) => Err(ledger_fault(&error)),
        }
    }
}
