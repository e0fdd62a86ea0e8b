//! The fault that an error of a lifecycle step is, with the reason that the job's conditions show.

use vaultstream_api::Reason;
use vaultstream_ledger::ErrorKind;
use vaultstream_lifecycle::LifecycleError;

use crate::fault::ConditionFault;

impl From<LifecycleError> for ConditionFault {
    fn from(error: LifecycleError) -> Self {
        lifecycle_fault(&error)
    }
}

pub(super) fn lifecycle_fault(error: &LifecycleError) -> ConditionFault {
    match error {
        LifecycleError::Source(fault) => ConditionFault::new(fault.reason, fault.why.as_str()),
        LifecycleError::Ledger(error) => ledger_fault(error),
        // The same message while the outage lasts: the causes differ from one attempt to the next.
        LifecycleError::Streams(error) if error.kind() == vaultstream_streams::ErrorKind::Transient => {
            ConditionFault::new(Reason::StreamsUnavailable, error.to_string())
        }
        LifecycleError::Streams(error) => {
            ConditionFault::new(Reason::StreamsRefused, vaultstream_program::chain(error))
        }
        LifecycleError::Limit(error) => ConditionFault::new(Reason::LimitExceeded, error.to_string()),
        LifecycleError::NoKeys { .. } => ConditionFault::new(Reason::KeysDamaged, error.to_string()),
    }
}

pub(super) fn ledger_fault(error: &vaultstream_ledger::QueryError) -> ConditionFault {
    let reason = match error.kind() {
        ErrorKind::Transient => Reason::LedgerUnavailable,
        ErrorKind::Refused | ErrorKind::Permanent => Reason::LedgerRefused,
    };
    ConditionFault::new(reason, error.to_string())
}
