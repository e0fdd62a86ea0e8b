//! `vaultstream verify --bundle`: verifies a file.

use std::{path::Path, process::ExitCode};

use vaultstream_program::cores;
use vaultstream_proof::bundle::{BundleError, BundleOptions, verify_bundle};

use super::witness;
use crate::{
    args::{OutputFormat, VerifyArgs},
    error::Failure,
    progress::ProgressDisplay,
    report::bundle::BundleReport,
    verify::{certificate::Trust, expected::Expected, problem::NAMED},
};

/// Verifies the bundle and prints the report.
///
/// # Errors
/// One sentence, when the file cannot be read or is not a bundle. What is wrong with the bundle is in the report.
pub(super) async fn verify(
    file: &Path,
    args: &VerifyArgs,
    expected: Expected,
    trust: Option<&Trust>,
) -> Result<ExitCode, Failure> {
    let most = if args.all { usize::MAX } else { NAMED };
    let display = ProgressDisplay::of_verification(args.output == OutputFormat::Text);
    let size = std::fs::metadata(file).map_or(0, |file| file.len());
    let stage = format!("{}: checking the bundle", file.display());
    let mut progress = |bytes: u64| display.figures(&stage, &stage, bytes, size);
    let found = verify_bundle(file, BundleOptions { threads: cores(), most }, &mut progress);
    display.hide();
    let found = found.map_err(|error| match error {
        BundleError::Read { .. } | BundleError::NotABundle { .. } | BundleError::Format { .. } => {
            Failure::input(&error)
        }
    })?;
    let job = &found.header.job;
    let expected = expected.with(witness::of_receipt(args, &job.namespace, &job.name, job.uid).await?);
    let report = BundleReport::of(found, &expected, trust, args.allow_changed);
    report.print(args.output)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
