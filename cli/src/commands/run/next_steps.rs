//! What a run says when it is over or was stopped: what is kept, and with which command to continue.

use std::time::Duration;

use indicatif::HumanCount;
use vaultstream_ledger::{Job, JobState, jobs, progress};

use crate::{
    shell::{command_line, program},
    site::Site,
};

/// For how long a ledger is asked what is kept; it may be why the run was stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// What to do with signatures; nothing for a job that is not complete.
pub(crate) fn next(site: &Site, job: &str) -> String {
    if site.place.is_temporary() {
        return "The signatures are gone now: they were in a temporary database. With --data-dir DIR they are kept."
            .to_owned();
    }
    let (program, flags) = (program(), site.place.flags());
    let (_, name) = job.split_once('/').unwrap_or_default();
    format!(
        "Next:\n  {program} verify --job {job}{flags}\n  {program} export --job {job}{flags} > {name}.jsonl\n  \
         {program} status{flags}"
    )
}

/// What is kept of an interrupted job.
pub(crate) async fn interrupted(site: &Site, job: &Job) -> String {
    let title = format!("{}/{}", job.namespace, job.name);
    let looked = tokio::time::timeout(PATIENCE, look(site, job)).await;
    let (mut done, mut complete) = (format!("interrupted while {title} was run"), false);
    if let Ok(Some((told, state))) = looked {
        (done, complete) = (format!("interrupted: {told}"), state.is_terminal());
    }
    if site.place.is_temporary() {
        return format!("{done}, in a temporary database that is gone now. With --data-dir DIR it would be kept");
    }
    if complete {
        return format!(
            "{done}. Only the check at the end was cut short. To check:\n  {} verify --job {title}{}",
            program(),
            site.place.flags()
        );
    }
    format!("{done}. What was done is kept. Run the same command again to continue:\n  {}", command_line())
}

async fn look(site: &Site, job: &Job) -> Option<(String, JobState)> {
    let ledger = site.fresh_ledger(PATIENCE).await.ok()?;
    let job = jobs::by_id(&ledger, job.id).await.ok()??;
    let counts = progress(&ledger, job.id).await.ok()??;
    let count = |number: i64| HumanCount(number.unsigned_abs()).to_string();
    let title = format!("{}/{}", job.namespace, job.name);
    let told = match job.state {
        JobState::Pending | JobState::Provisioning | JobState::Seeding => {
            format!("{} records of {title} are prepared, and none is signed yet", count(job.seeded))
        }
        _ => format!("{} of {} records of {title} are signed", count(counts.signed), count(counts.total)),
    };
    Some((told, job.state))
}
