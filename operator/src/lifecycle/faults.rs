//! The fault that an error of a lifecycle step is, with the reason that the job's conditions show.

use vaultstream_api::Reason;
use vaultstream_ledger::{Verdict, steps::SourceError};
use vaultstream_lifecycle::LifecycleError;
use vaultstream_streams::Class;

use crate::fault::Fault;

pub(super) fn lifecycle_fault(error: &LifecycleError) -> Fault {
    match error {
        LifecycleError::Source(error) => {
            let missing = matches!(error, SourceError::NoTable { .. } | SourceError::NoColumn { .. });
            let reason = if missing { Reason::SourceUnavailable } else { Reason::SourceUnusable };
            Fault::new(reason, error.to_string())
        }
        LifecycleError::Ledger(error) => ledger_fault(error),
        // The same message while the outage lasts: the causes differ from one attempt to the next.
        LifecycleError::Streams(error) if error.class() == Class::Passing => {
            Fault::new(Reason::StreamsUnavailable, error.to_string())
        }
        LifecycleError::Streams(error) => Fault::new(Reason::StreamsRefused, crate::chain(error)),
        LifecycleError::NoKeys { .. } => Fault::new(Reason::KeysDamaged, error.to_string()),
    }
}

pub(super) fn ledger_fault(error: &vaultstream_ledger::QueryError) -> Fault {
    let reason = match error.verdict() {
        Verdict::Passing => Reason::LedgerUnavailable,
        Verdict::Refused | Verdict::Wrong => Reason::LedgerRefused,
    };
    Fault::new(reason, error.to_string())
}
