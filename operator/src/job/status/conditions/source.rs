//! The conditions of a job's table: Following and SourceReady. Their messages have no figures, which would be written too often: those are
//! in `status.following`.

use std::time::Duration;

use vaultstream_api::{Phase, Reason, Source};
use vaultstream_ledger::FollowState;

use super::finding::{Finding, no, unknown, yes};
use crate::{fault::ConditionFault, job::status::inputs::StatusInputs};

/// A planner that has read nothing for this long is told of. It reads at least every 5 seconds.
const SILENT_AFTER: Duration = Duration::from_secs(60);

/// Whether the job has the condition Following.
pub(super) fn has_following(inputs: &StatusInputs<'_>) -> bool {
    inputs.job.spec.follow.is_some() || inputs.snapshot.job.as_ref().is_some_and(|row| row.follow.is_some())
}

/// Whether the job has the condition SourceReady.
pub(super) fn has_source(inputs: &StatusInputs<'_>) -> bool {
    matches!(inputs.job.spec.source, Source::Table(_))
}

/// What keeps the table of a job that goes on signing from being read, or its trigger from firing. The same of any other job stops its task.
pub(super) fn fault(inputs: &StatusInputs<'_>, phase: Phase) -> Option<ConditionFault> {
    let row = inputs.snapshot.job.as_ref().filter(|row| phase == Phase::Signing && row.is_following())?;
    row.source_fault.as_ref().map(|fault| ConditionFault::new(fault.reason, fault.why.as_str()))
}

pub(super) fn following(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let snapshot = inputs.snapshot;
    let follow = snapshot.job.as_ref().and_then(|row| row.follow.as_ref());
    match (phase, follow.map(|follow| follow.state)) {
        (Phase::Complete | Phase::Failed | Phase::Deleting, _) => no(Reason::Finished, "the job has ended"),
        (Phase::Suspended, _) => {
            no(Reason::SuspendRequested, "the job is suspended: rows that arrive wait in the source")
        }
        (Phase::Queued, _) => {
            no(Reason::Queued, "the job is waiting for its turn: rows that arrive wait in the source")
        }
        (_, Some(FollowState::Ending | FollowState::Ended)) => {
            no(Reason::Ending, "spec.follow was removed: what came before is read and signed, and then the job ends")
        }
        (Phase::Pending | Phase::Seeding, _) | (_, None) => {
            no(Reason::Seeding, "the rows that are there are planned first; those that arrive wait in the source")
        }
        (_, Some(FollowState::Following)) => match &snapshot.fault {
            Some(fault) if fault.reason == Reason::LedgerUnavailable => unknown(fault.reason, fault.message.as_str()),
            _ if is_silent(inputs) => no(
                Reason::PlannerSilent,
                "no worker has read for a minute which rows arrived; they wait in the source: see SourceReady and WorkersAvailable",
            ),
            _ => yes(Reason::FollowsTable, "new rows are signed as they arrive"),
        },
    }
}

/// Whether arrivals were not read lately, by the ledger's clock.
fn is_silent(inputs: &StatusInputs<'_>) -> bool {
    let Some((row, progress)) = inputs.snapshot.job.as_ref().zip(inputs.snapshot.progress.as_ref()) else {
        return false;
    };
    let read = row.follow.as_ref().and_then(|follow| follow.read).or(row.times.seeded);
    read.and_then(|read| progress.at.duration_since(read).ok()).is_some_and(|silent| silent > SILENT_AFTER)
}

pub(super) fn source_ready(inputs: &StatusInputs<'_>, phase: Phase) -> Finding {
    let row = inputs.snapshot.job.as_ref();
    let of_task = inputs.snapshot.fault.clone().filter(ConditionFault::is_of_source);
    let of_row = || row?.source_fault.as_ref().map(|fault| ConditionFault::new(fault.reason, fault.why.as_str()));
    let of_end = || {
        let failed = row.filter(|_| phase == Phase::Failed)?;
        let fault = ConditionFault::new(failed.failure_reason?, failed.failure.clone().unwrap_or_default());
        fault.is_of_source().then_some(fault)
    };
    if phase.is_final() || phase == Phase::Deleting {
        return match of_end() {
            Some(fault) => no(fault.reason, fault.message),
            None => unknown(Reason::Finished, "the job has ended: nothing reads the table any more"),
        };
    }
    let ledger_away = inputs.snapshot.fault.as_ref().filter(|fault| fault.reason == Reason::LedgerUnavailable);
    if let Some(away) = ledger_away {
        return unknown(away.reason, away.message.as_str());
    }
    match (of_task.or_else(of_row), phase) {
        (Some(fault), _) => no(fault.reason, fault.message),
        (None, Phase::Suspended) => unknown(Reason::SuspendRequested, "the job is suspended: nothing reads the table"),
        (None, Phase::Queued) => unknown(Reason::Queued, "the job is waiting for its turn: nothing reads the table"),
        (None, Phase::Signing | Phase::Finishing) => yes(
            Reason::SourceReadable,
            if row.is_some_and(|row| row.is_following()) {
                "the table can be read, and its trigger fires"
            } else {
                "the table can be read"
            },
        ),
        (None, _) => unknown(Reason::Seeding, "the table has not been read to its end yet"),
    }
}
