//! The job of a run.

use vaultstream_api::{FieldError, SigningJob, SigningJobSpec};

use crate::error::Failure;

/// The job of a run.
///
/// # Errors
/// Each field that cannot be as the arguments have it.
pub(super) fn bench_job(spec: SigningJobSpec) -> Result<SigningJob, Failure> {
    let told = |errors: Vec<FieldError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    spec.validate().map_err(|errors| Failure::bad_input(told(errors)))?;
    Ok(SigningJob::new("bench", spec))
}
