//! Why traces cannot be exported.

/// The endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the export of traces: {0}")]
pub struct StartError(pub(crate) String);
