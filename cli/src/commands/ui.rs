//! `vaultstream ui`: the live page of a ledger.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::{args::UiArgs, error::Failure, ledger, web};

/// Serves the page until a signal.
///
/// # Errors
/// One sentence.
pub(crate) async fn serve(args: UiArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let page = web::LocalPage::of(opened.ledger.clone(), &opened.location, args.ledger.cluster.as_ref());
    let serving = web::listen(args.listen, "--listen").await?;
    serving.serve(page, CancellationToken::new()).await?;
    Ok(ExitCode::SUCCESS)
}
