//! Follows a job in the ledger and shows how far it is.

use std::time::{Duration, Instant};

use indicatif::HumanCount;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vaultstream_api::Source;
use vaultstream_ledger::{Job, JobState, Ledger, Progress, jobs, progress};

use super::{
    display::ProgressDisplay,
    rate::{RateMeter, with_rate},
};
use crate::job::title;

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Shows a job's progress until it is stopped.
pub(crate) struct JobFollower {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl JobFollower {
    /// Begins to poll the ledger.
    pub(crate) fn start(display: &ProgressDisplay, ledger: Ledger, job: &Job) -> Self {
        let stop = CancellationToken::new();
        let (id, stopped, display) = (job.id, stop.clone(), display.clone());
        display.stage(&format!("{}: preparing", title(job)));
        let task = tokio::spawn(async move {
            let mut meter = RateMeter::default();
            while display.is_visible() {
                // When the ledger does not respond the last figures remain.
                let polled = async { (jobs::by_id(&ledger, id).await, progress(&ledger, id).await) };
                tokio::select! {
                    polled = polled => if let (Ok(Some(job)), Ok(Some(counts))) = polled {
                        show(&display, &mut meter, &job, &counts);
                    },
                    () = stopped.cancelled() => break,
                }
                tokio::select! {
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                    () = stopped.cancelled() => break,
                }
            }
            display.hide();
        });
        Self { stop, task }
    }

    /// Stops and removes the line from the terminal.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // A task that panicked has nothing left to remove.
        let _ = self.task.await;
    }
}

fn show(display: &ProgressDisplay, meter: &mut RateMeter, job: &Job, counts: &Progress) {
    match phase(job, counts) {
        Some(Phase { stage, figures: None }) => display.stage(&stage),
        Some(Phase { stage, figures: Some((done, total)) }) => {
            let rate = meter.update(Instant::now(), done);
            display.figures(&stage, &with_rate(&stage, done, total, rate), done, total);
        }
        None => {}
    }
}

/// What is shown of a job.
#[derive(Debug, PartialEq, Eq)]
struct Phase {
    stage: String,
    /// How much is done, and of how much; a total of 0 is unknown.
    figures: Option<(u64, u64)>,
}

/// `None` for a job that is over: its report says more.
fn phase(job: &Job, counts: &Progress) -> Option<Phase> {
    let (done, total) = ((counts.signed + counts.rejected).unsigned_abs(), counts.total.unsigned_abs());
    let seeded = job.seeded.unsigned_abs();
    let (words, figures) = match (job.state, &job.spec.source) {
        (JobState::Pending, _) => ("preparing".to_owned(), None),
        (JobState::Seeding, Source::Generate(generate)) => {
            ("making records".to_owned(), Some((seeded, generate.records)))
        }
        // The number of rows is known once all of them were read.
        (JobState::Seeding, Source::Table(_)) => ("planning".to_owned(), Some((seeded, 0))),
        (JobState::Signing, _) if job.is_following() => {
            let lag = counts.lag.map(|lag| format!(", {:.1} s behind", lag.as_secs_f64()));
            (format!("following{}", lag.unwrap_or_default()), Some((done, 0)))
        }
        (JobState::Signing, _) if total == 0 || done >= total => {
            (format!("indexing {} signatures", HumanCount(counts.signed.unsigned_abs())), None)
        }
        (JobState::Signing, _) => ("signing".to_owned(), Some((done, total))),
        (JobState::Finishing, _) => ("making the receipt".to_owned(), None),
        (JobState::Complete | JobState::Failed | JobState::Deleting, _) => return None,
    };
    Some(Phase { stage: format!("{}: {words}", title(job)), figures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{GENERATED, TABLE, counts, job};

    #[test]
    fn each_state_of_a_job_is_shown_with_the_figures_that_are_known() {
        let cases = [
            (GENERATED, JobState::Pending, 0, Some(("preparing", None))),
            (GENERATED, JobState::Seeding, 0, Some(("making records", Some((1000, 1000))))),
            // The number of a table's rows is not known before all were read.
            (TABLE, JobState::Seeding, 0, Some(("planning", Some((1000, 0))))),
            (TABLE, JobState::Signing, 400, Some(("signing", Some((410, 1000))))),
            (TABLE, JobState::Signing, 990, Some(("indexing 990 signatures", None))),
            (TABLE, JobState::Finishing, 990, Some(("making the receipt", None))),
            (TABLE, JobState::Complete, 990, None),
            (TABLE, JobState::Failed, 400, None),
            (TABLE, JobState::Deleting, 400, None),
        ];
        for (spec, state, signed, expected) in cases {
            let job = job(spec, state);
            let shown = phase(&job, &counts(&job, signed, if signed > 0 { 10 } else { 0 }));
            let expected = expected.map(|(words, figures)| Phase { stage: format!("default/job: {words}"), figures });
            assert_eq!(shown, expected, "{state} of {spec}");
        }
    }
}
