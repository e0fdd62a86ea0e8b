//! A fault: what keeps a job, or a connection, from working.

use vaultstream_api::Reason;

/// A fault, with the reason that conditions show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConditionFault {
    /// The condition's reason.
    pub(crate) reason: Reason,
    /// For people. It does not change while the fault lasts.
    pub(crate) message: String,
}

impl ConditionFault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Whether it is workers that found it, and that have to find out that it is over.
    pub(crate) fn is_of_source(&self) -> bool {
        matches!(self.reason, Reason::SourceUnavailable | Reason::SourceUnusable)
    }
}
