//! `vaultstream verify --bundle`: verifies a file.

use std::{path::Path, process::ExitCode};

use vaultstream_certificates::Roots;
use vaultstream_program::cores;
use vaultstream_proof::bundle::{BundleError, BundleOptions, read_header, verify_bundle};

use super::witness;
use crate::{
    args::{OutputFormat, VerifyArgs},
    error::Failure,
    progress::ProgressDisplay,
    report::bundle::BundleReport,
    verify::{certificate::Trust, expected::Expected, problem::NAMED},
};

/// Verifies the bundle and prints the report. A bundle of another receipt than the expected one is told before its lines are read.
///
/// # Errors
/// One sentence, when the file cannot be read or is not a bundle. What is wrong with the bundle is in the report.
pub(super) async fn verify(
    file: &Path,
    args: &VerifyArgs,
    expected: Expected,
    (trust, tsa_roots): (Option<&Trust>, Option<&Roots>),
) -> Result<ExitCode, Failure> {
    let earlier = args.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let header = read_header(file).map_err(|error| refused(&error))?;
    let job = &header.job;
    let expected = expected.with(witness::of_receipt(args, &job.namespace, &job.name, job.uid).await?);
    let others = expected.problems(Some(&header.receipt));
    let report = if others.is_empty() {
        let most = if args.all { usize::MAX } else { NAMED };
        let display = ProgressDisplay::of_verification(args.output == OutputFormat::Text);
        let size = std::fs::metadata(file).map_or(0, |file| file.len());
        let stage = format!("{}: checking the bundle", file.display());
        let mut progress = |bytes: u64| display.figures(&stage, &stage, bytes, size);
        let found = verify_bundle(file, BundleOptions { threads: cores(), most, earlier }, &mut progress);
        display.hide();
        let found = found.map_err(|error| refused(&error))?;
        BundleReport::of(found, &expected, (trust, tsa_roots), args.allow_changed)
    } else {
        BundleReport::refusing(&header, others)
    };
    report.print(args.output)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_checkpoint(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::bad_input(format!("--checkpoint {}: the file cannot be read: {error}", file.display()))
    })
}

fn refused(error: &BundleError) -> Failure {
    match error {
        BundleError::Read { .. } | BundleError::NotABundle { .. } | BundleError::Format { .. } => Failure::input(error),
    }
}
