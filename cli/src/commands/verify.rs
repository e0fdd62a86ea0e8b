//! `vaultstream verify`: checks a job and prints what was found.

mod bundle;
mod wait;
mod witness;

use std::process::ExitCode;

use vaultstream_ledger::{Job, JobState, Ledger, verify::public_keys};
use vaultstream_signing::PublicKey;

use crate::{
    args::{OutputFormat, VerifyArgs},
    error::Failure,
    job::title,
    output,
    report::Report,
    verdict,
    verify::{
        self, CheckOptions, Verified, anchors,
        certificate::{Certified, Trust},
        expected::Expected,
        problem::NAMED,
        problem::Problem,
        read_receipt, receipt_key,
    },
};

/// Checks a job and prints the report.
///
/// # Errors
/// One sentence, when the ledger cannot be read. What is wrong with the job is in the report.
pub(crate) async fn verify(args: VerifyArgs) -> Result<ExitCode, Failure> {
    if args.strict {
        output::remark("note: --strict has no effect any more: changed rows fail unless --allow-changed is given");
    }
    let expected = Expected::of(&args.expected)?;
    let trust = Trust::of(&args.expected)?;
    let roots = anchors::roots(args.expected.tsa_roots.as_deref())?;
    if let Some(file) = &args.subject.bundle {
        return bundle::verify(file, &args, expected, (trust.as_ref(), roots.as_ref())).await;
    }
    let job = &args.subject.job();
    let (opened, job) = match args.wait {
        Some(timeout) => wait::for_the_end(&args.ledger, &args.source, job, *timeout).await?,
        None => wait::open(&args.ledger, &args.source, job).await?,
    };
    let expected = expected.with(witness::of_receipt(&args, &job.namespace, &job.name, job.uid).await?);
    let most = if args.all { usize::MAX } else { NAMED };
    if args.coverage && !job.is_following() {
        let any_more = if job.follow.is_some() { " any more" } else { "" };
        return Err(Failure::bad_input(format!(
            "--coverage: {} follows no table{any_more}; rows that came after it was planned are not its own",
            title(&job)
        )));
    }
    let options = CheckOptions {
        mode: args.mode,
        visible: args.output == OutputFormat::Text,
        most,
        partial: args.partial,
        coverage: args.coverage,
    };
    let others = expected.problems(job.receipt.as_deref());
    // Checks take minutes, and change nothing about a finished job that is another one.
    let mut verified = if others.is_empty() || job.state != JobState::Complete {
        verify::check(&opened.ledger, &job, options).await?
    } else {
        Verified::default()
    };
    if !args.allow_changed {
        verified.demand_unchanged();
    }
    let is_judged = verified.mode.is_some() || !others.is_empty();
    verified.problems.extend(others);
    let anchors = anchors::of_job(&opened.ledger, &job, roots.as_ref()).await?;
    verified.problems.extend(anchors.problems);
    let certified = certified(&opened.ledger, &job, trust.as_ref()).await?;
    let (certified, uncertified) = certified.map_or((None, None), |found| (found.as_ref().ok().cloned(), found.err()));
    verified.problems.extend(uncertified);
    let report = Report::of(&opened.ledger, &job, &verified, None).await?;
    let sums = verified.batches.map_or((0, 0), |batches| (batches.number, batches.sealed));
    let report = report.proving(expected.proof(sums)).anchored(anchors.anchors).certified(certified);
    report.print(args.output)?;
    if is_judged && (job.state == JobState::Complete || job.is_following()) {
        verdict::keep(&opened.ledger, &job, (args.mode, &verified), &report).await;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Which issuer vouches for the key of the job's receipt, or why none does. `None` when that is not asked, or the receipt itself is not right.
async fn certified(
    ledger: &Ledger,
    job: &Job,
    trust: Option<&Trust>,
) -> Result<Option<Result<Certified, Problem>>, Failure> {
    let Some(trust) = trust else { return Ok(None) };
    let keys = public_keys(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let key = receipt_key(&keys).and_then(|key| PublicKey::from_spki_der(&key.public_key).ok());
    let receipt = read_receipt(job, &keys);
    let (Some(jws), Some(key), Ok(receipt)) = (&job.receipt, key, receipt) else { return Ok(None) };
    Ok(Some(trust.certified(jws, &receipt, &key)))
}
