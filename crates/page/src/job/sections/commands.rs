//! The command lines for a job.

use serde::Serialize;
use vaultstream_ledger::{Job, JobState};

use crate::place::Place;

/// Command lines.
#[derive(Debug, Serialize)]
pub(crate) struct Commands {
    commands: Vec<Command>,
}

#[derive(Debug, Serialize)]
struct Command {
    title: &'static str,
    command: String,
}

/// What a person may want to do with the job.
pub(crate) fn commands(place: &dyn Place, job: &Job) -> Commands {
    let (is_complete, follows) = (job.state == JobState::Complete, job.follow.is_some());
    let command = |title, verb, options: &[&str]| Command { title, command: place.command(job, verb, options) };
    let mut commands = vec![command("Watch it in a terminal", "status", &["--watch"])];
    if follows || is_complete {
        commands.push(command("Verify every signature", "verify", &[]));
        commands.push(command("Print its receipt", "receipt", &[]));
        commands.push(command("Write a bundle for an auditor", "export", &["--bundle", "bundle.json"]));
    }
    if follows && !is_complete {
        commands.push(command("Look for rows that no trigger saw", "verify", &["--coverage"]));
    }
    commands.extend(place.actions(job).into_iter().map(|(title, command)| Command { title, command }));
    commands.push(command("List its keys", "keys", &[]));
    commands.push(command("Delete it with its signatures", "delete", &[]));
    Commands { commands }
}
