//! Why a reconcile failed.

use crate::{
    job::{apply::ApplyError, retry_annotation::RetryError, scale::ScaleError, status::StatusError},
    metrics::ReconcileStep,
};

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The finalizer could not be set or removed.
    #[error("failed to change the finalizers")]
    Finalizer(#[source] kube::Error),
    /// A child could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The number of workers could not be written.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The status could not be written.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The annotation could not be removed.
    #[error(transparent)]
    Retry(#[from] RetryError),
}

impl ReconcileError {
    /// The step that failed, for metrics.
    pub(crate) fn step(&self) -> ReconcileStep {
        match self {
            Self::Finalizer(_) => ReconcileStep::Finalizer,
            Self::Apply(_) => ReconcileStep::Apply,
            Self::Scale(_) => ReconcileStep::Scale,
            Self::Status(_) => ReconcileStep::Status,
            Self::Retry(_) => ReconcileStep::Retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_counts_for_its_step() {
        let cause = || kube::Error::LinesCodecMaxLineLengthExceeded;
        let errors = [
            ReconcileError::Finalizer(cause()),
            ReconcileError::Scale(cause().into()),
            ReconcileError::Status(cause().into()),
            ReconcileError::Retry(cause().into()),
        ];
        assert_eq!(errors.map(|error| error.step().as_str()), ["finalizer", "scale", "status", "retry"]);
        assert_eq!(ReconcileStep::ALL.map(ReconcileStep::as_str), ["finalizer", "apply", "scale", "status", "retry"]);
    }
}
