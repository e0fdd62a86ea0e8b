//! `vaultstream receipt`: the signed summary of a finished job.

use std::process::ExitCode;

use vaultstream_ledger::verify::public_keys;

use crate::{args::ReceiptArgs, error::Failure, job::title, ledger, output, verify::read_receipt};

/// Prints the receipt as JSON once its signature was checked, or as it is stored.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: ReceiptArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    let name = title(&job);
    let Some(stored) = &job.receipt else {
        return Err(Failure::failed(format!("{name} has no receipt: it is {}", job.state)));
    };
    if args.raw {
        output::line(output::printable(stored))?;
        return Ok(ExitCode::SUCCESS);
    }
    let keys = public_keys(&opened.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let receipt = read_receipt(&job, &keys)
        .map_err(|problem| Failure::failed(format!("{name}: {problem}; --raw prints it as it is stored")))?;
    output::line(serde_json::to_string_pretty(&receipt).map_err(|error| Failure::of(&error))?)?;
    Ok(ExitCode::SUCCESS)
}
