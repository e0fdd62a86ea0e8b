//! `vaultstream receipt`: the signed summary of a finished job, and the last checkpoint of one that follows its table.

use std::process::ExitCode;

use vaultstream_ledger::{Job, Ledger, QueryError, checkpoints, jobs, verify::public_keys};

use crate::{args::ReceiptArgs, error::Failure, job::title, ledger, output, verify::read_receipt};

/// Prints the receipt as JSON once its signature was checked, or as it is stored; or those of earlier jobs of the same name.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: ReceiptArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open_for(&args.ledger, args.job.named()).await?;
    let job = opened.find(&args.job).await?;
    let ledger = &opened.ledger;
    if !args.older {
        output::line(text(ledger, &job, args.raw).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut printed = false;
    for older in older(ledger, &job).await? {
        // One without a receipt, or with one that is damaged, hides no other.
        match text(ledger, &older, args.raw).await {
            Ok(text) => {
                output::line(text)?;
                printed = true;
            }
            Err(failure) => output::remark(format_args!("note: {} ({})", failure.message(), older.uid)),
        }
    }
    if printed {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::failed(format!("no earlier job {} has a receipt", title(&job))))
}

/// Jobs of the same cluster and name that were created earlier, the newest first.
async fn older(ledger: &Ledger, job: &Job) -> Result<Vec<Job>, Failure> {
    let mut all = jobs::list(ledger, true).await.map_err(|error| Failure::of(&error))?;
    all.retain(|other| {
        (&other.cluster, &other.namespace, &other.name) == (&job.cluster, &job.namespace, &job.name)
            && other.id < job.id
    });
    all.reverse();
    Ok(all)
}

/// The receipt as it is printed.
async fn text(ledger: &Ledger, job: &Job, raw: bool) -> Result<String, Failure> {
    let name = title(job);
    let failed = |error: QueryError| Failure::of(&error);
    let mut job = job.clone();
    if job.receipt.is_none() && job.follow.is_some() {
        job.receipt = checkpoints::last(ledger, job.id).await.map_err(failed)?.map(|last| last.checkpoint);
    }
    let Some(stored) = &job.receipt else {
        let what = if job.follow.is_some() { "checkpoint yet" } else { "receipt" };
        return Err(Failure::failed(format!("{name} has no {what}: it is {}", job.state)));
    };
    if raw {
        return Ok(output::printable(stored).into_owned());
    }
    let keys = public_keys(ledger, job.id).await.map_err(failed)?;
    let receipt = read_receipt(&job, &keys)
        .map_err(|problem| Failure::failed(format!("{name}: {problem}; --raw prints it as it is stored")))?;
    serde_json::to_string_pretty(&receipt).map_err(|error| Failure::of(&error))
}
