//! What is kept of a run that ended or was stopped, and the command that continues it.

use std::time::Duration;

use indicatif::HumanCount;
use vaultstream_ledger::{Job, JobState, Progress, jobs, progress};

use crate::{
    environment::Environment,
    job::title,
    location::LedgerLocation,
    shell::{command_line, program},
};

/// How long the ledger may take to tell what is kept: it may be the reason why the run was stopped.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(2);

/// What to do next with the signatures of a complete job.
pub(super) fn next(location: &LedgerLocation, job: &str) -> String {
    if location.is_temporary() {
        return "The signatures are gone now: they were in a temporary database. With --data-dir DIR they are kept."
            .to_owned();
    }
    let (program, flags) = (program(), location.flags());
    let (_, name) = job.split_once('/').unwrap_or_default();
    format!(
        "Next:\n  {program} verify --job {job}{flags}\n  {program} export --job {job}{flags} > {name}.jsonl\n  \
         {program} status{flags}\n  {program} ui{flags}"
    )
}

/// What is said when the user stops a job that follows its table, which has no other end here. `None` for another job.
pub(super) async fn stopped_following(environment: &Environment, job: &Job) -> Option<String> {
    let kept = tokio::time::timeout(LEDGER_TIMEOUT, kept(environment, job)).await.ok()?;
    let (job, counts) = kept.filter(|(job, _)| job.spec.follow.is_some() && job.state == JobState::Signing)?;
    if environment.location.is_temporary() {
        return Some(format!(
            "{}, in a temporary database that is gone now. With --data-dir DIR it would be kept",
            how_much(&job, &counts)
        ));
    }
    Some(format!("{}. To go on following:\n  {}", how_much(&job, &counts), command_line()))
}

/// What is kept of an interrupted job.
pub(super) async fn interrupted(environment: &Environment, job: &Job) -> String {
    let kept = tokio::time::timeout(LEDGER_TIMEOUT, kept(environment, job)).await;
    after_interruption(&environment.location, job, kept.ok().flatten())
}

/// What to do after an interruption. `kept` is the job as it is in the ledger, if that could be read.
fn after_interruption(location: &LedgerLocation, job: &Job, kept: Option<(Job, Progress)>) -> String {
    let title = title(job);
    let is_over = kept.as_ref().is_some_and(|(job, _)| job.state.is_terminal());
    let done = match kept {
        Some((job, counts)) => format!("interrupted: {}", how_much(&job, &counts)),
        None => format!("interrupted while {title} was run"),
    };
    if location.is_temporary() {
        return format!("{done}, in a temporary database that is gone now. With --data-dir DIR it would be kept");
    }
    if is_over {
        return format!(
            "{done}. Only the check at the end was cut short. To check:\n  {} verify --job {title}{}",
            program(),
            location.flags()
        );
    }
    format!("{done}. What was done is kept. Run the same command again to continue:\n  {}", command_line())
}

/// The job as it is in the ledger, and its counts.
async fn kept(environment: &Environment, job: &Job) -> Option<(Job, Progress)> {
    let ledger = environment.fresh_ledger(LEDGER_TIMEOUT).await.ok()?;
    let job = jobs::by_id(&ledger, job.id).await.ok()??;
    let counts = progress(&ledger, job.id).await.ok()??;
    Some((job, counts))
}

fn how_much(job: &Job, counts: &Progress) -> String {
    let count = |number: i64| HumanCount(number.unsigned_abs()).to_string();
    let title = title(job);
    match job.state {
        JobState::Pending | JobState::Seeding => {
            format!("{} records of {title} are prepared, and none is signed yet", count(job.seeded))
        }
        _ => format!("{} of {} records of {title} are signed", count(counts.signed), count(counts.total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{GENERATED, counts, job};

    fn kept_in(dir: &str) -> LedgerLocation {
        LedgerLocation::of(None, Some(dir.as_ref()))
    }

    #[test]
    fn the_next_commands_find_the_same_ledger() {
        let next = next(&kept_in("/my data"), "default/job");
        for command in [
            " verify --job default/job --data-dir '/my data'",
            " export --job default/job --data-dir '/my data' > job.jsonl",
            " status --data-dir '/my data'",
            " ui --data-dir '/my data'",
        ] {
            assert!(next.contains(command), "{command}: {next}");
        }
    }

    #[test]
    fn an_interrupted_run_says_what_is_kept_and_how_to_continue() {
        let location = kept_in("/data");
        let cases = [
            (
                JobState::Seeding,
                "interrupted: 1,000 records of default/job are prepared, and none is signed yet. What was",
            ),
            (JobState::Signing, "interrupted: 400 of 1,000 records of default/job are signed. What was done is kept."),
            (
                JobState::Complete,
                "interrupted: 400 of 1,000 records of default/job are signed. Only the check at the end",
            ),
        ];
        for (state, expected) in cases {
            let job = job(GENERATED, state);
            let counts = counts(&job, 400, 0);
            let told = after_interruption(&location, &job, Some((job.clone(), counts)));
            assert!(told.starts_with(expected), "{state}: {told}");
            assert_eq!(
                told.contains(" verify --job default/job --data-dir /data"),
                state.is_terminal(),
                "{state}: {told}"
            );
        }
        let told = after_interruption(&location, &job(GENERATED, JobState::Signing), None);
        assert!(told.starts_with("interrupted while default/job was run. What was done is kept."), "{told}");
    }
}
