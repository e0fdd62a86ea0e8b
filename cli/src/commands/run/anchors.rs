//! Asks the timestamping authorities of a job that is over, as the operator does on a cluster.

use vaultstream_ledger::Job;
use vaultstream_lifecycle::Anchoring;

use super::context::RunContext;
use crate::{
    error::Failure,
    job, output,
    verify::anchors::{self, Anchor},
};

/// Asks until all have confirmed, or the time for it is over. Returns what they say. A job is not worse for those that have not confirmed.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn ask(run: RunContext<'_>, job: &Job) -> Result<Vec<Anchor>, Failure> {
    let RunContext { environment, args, progress, .. } = run;
    if job.spec.anchors.is_empty() || job.receipt.is_none() {
        return Ok(Vec::new());
    }
    let title = job::title(job);
    progress.stage(&format!("{title}: asking timestamping authorities"));
    let anchoring = Anchoring::new(environment.ledger.clone(), None);
    let pending = anchoring.anchor_job(job.id, *args.anchor_timeout).await;
    progress.hide();
    let pending = pending.map_err(|error| Failure::of(&error))?;
    if pending > 0 {
        output::remark(format_args!(
            "{title}: {pending} of {} timestamping authorities have not confirmed the receipt; the same command asks them again",
            job.spec.anchors.len()
        ));
    }
    Ok(anchors::of_job(&environment.ledger, job, None).await?.anchors)
}
