//! The trace of a job: a span for the work on it in this process, and one for each phase of that work.
//!
//! A phase is one span, however often it is polled. It ends when the next one begins, when a step fails, and when driving pauses.

use vaultstream_ledger::{Job, JobState};
use vaultstream_trace::{Span, SpanRef};

use crate::LifecycleError;

/// The spans that are open.
#[derive(Default)]
pub(crate) struct JobTrace {
    job: Option<Span>,
    phase: Option<(&'static str, Span)>,
}

impl JobTrace {
    /// A step of this job begins.
    pub(crate) fn begin_step(&mut self, job: &Job) {
        let name = phase(job);
        let trace = self.job.get_or_insert_with(|| Span::job(&job.name, job.uid));
        if self.phase.as_ref().is_none_or(|(open, _)| *open != name) {
            // The old one ends before the new one begins.
            self.phase = None;
            self.phase = Some((name, trace.child(name)));
        }
    }

    /// A step failed. The next one begins its phase anew.
    pub(crate) fn fail(&mut self, error: &LifecycleError) {
        if let Some((_, span)) = self.phase.take() {
            span.fail(error);
        }
    }

    /// The job is left alone for a while.
    pub(crate) fn pause(&mut self) {
        self.phase = None;
    }

    /// What other traces link to.
    pub(crate) fn reference(&self) -> SpanRef {
        self.job.as_ref().map(Span::reference).unwrap_or_default()
    }
}

/// What a step does, from the job's row.
fn phase(job: &Job) -> &'static str {
    match job.state {
        JobState::Complete | JobState::Failed | JobState::Deleting => "Cleaning up",
        _ if job.suspended => "Suspended",
        JobState::Pending => "Provisioning",
        JobState::Seeding => "Seeding",
        JobState::Signing if job.batches.is_some_and(|batches| job.published < batches) => "Publishing",
        JobState::Signing => "Signing",
        JobState::Finishing => "Finishing",
    }
}
