//! What is found of a condition.

use vaultstream_api::Reason;

/// A condition's status (`None` is Unknown), reason and message.
pub(super) type Finding = (Option<bool>, Reason, String);

pub(super) fn yes(reason: Reason, message: impl Into<String>) -> Finding {
    (Some(true), reason, message.into())
}

pub(super) fn no(reason: Reason, message: impl Into<String>) -> Finding {
    (Some(false), reason, message.into())
}

pub(super) fn unknown(reason: Reason, message: impl Into<String>) -> Finding {
    (None, reason, message.into())
}
