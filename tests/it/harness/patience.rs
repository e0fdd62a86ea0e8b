//! How long tests wait.

use std::time::Duration;

/// Longer than anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
