//! The verdict that is kept in the ledger, for those who look at the job later.

use vaultstream_ledger::{Job, Ledger, verdicts};

use crate::{args::VerifyMode, report::Report, verify::Verified};

/// Keeps what was found, as this login's word. Nothing depends on that: who only reads keeps nothing, nor does one whose ledger is away.
/// What is good only because changed rows did not count is not kept: who reads it later does not know that.
pub(crate) async fn keep(ledger: &Ledger, job: &Job, (mode, verified): (VerifyMode, &Verified), report: &Report) {
    if report.is_good() && verified.is_excused() {
        return;
    }
    let verdict = verdicts::Verdict {
        verified: report.is_good(),
        mode: mode.as_str().to_owned(),
        signatures: report.checked(),
        problems: report.problems().map(str::to_owned).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    match verdicts::give(ledger, job.id, &verdict).await {
        Ok(true) => {}
        Ok(false) => tracing::debug!("this login works on no jobs, so its verdict is not kept in the ledger"),
        Err(error) => tracing::debug!(%error, "the verdict is not kept in the ledger"),
    }
}
