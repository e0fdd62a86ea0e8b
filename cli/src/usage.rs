//! The command line as typed: what cannot be read of it is said in the style of every other error.

use std::{error::Error as _, process::ExitCode};

use clap::{
    CommandFactory as _, Parser as _,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

use crate::{args::Cli, error::Failure, output};

/// Reads the command line.
///
/// # Errors
/// With the exit code to end with, once everything is said: help was asked for, or the command line is wrong.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let text = if output::stdout_colours() { text.ansi().to_string() } else { text.to_string() };
            output::print(&text).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // It colours for terminals only, and a stderr that is gone is no failure.
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => Failure::bad_input(sentence(&error)).report(),
    })
}

/// What is wrong, what was probably meant, and where to read on.
fn sentence(error: &Error) -> String {
    let mut lines = vec![what(error)];
    for (kind, dashes) in [
        (ContextKind::SuggestedArg, ""),
        (ContextKind::SuggestedValue, ""),
        (ContextKind::SuggestedSubcommand, "vaultstream "),
    ] {
        if let Some(near) = strings(error, kind).first() {
            lines.push(format!("  tip: did you mean {dashes}{near}?"));
        }
    }
    lines.push(format!("  help: {}", help()));
    lines.join("\n")
}

fn what(error: &Error) -> String {
    let (argument, value) = (first(error, ContextKind::InvalidArg), first(error, ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!("there is no option {argument} here"),
        ErrorKind::UnknownArgument => format!("one argument too many: {argument}"),
        ErrorKind::InvalidSubcommand => {
            format!("there is no command {}", first(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => {
            format!("which command? One of {}", strings(error, ContextKind::ValidSubcommand).join(", "))
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{} needs a value: {argument}", name(&argument)),
        ErrorKind::InvalidValue => {
            let known = strings(error, ContextKind::ValidValue).join(", ");
            format!("{} is {value}: it must be one of {known}", name(&argument))
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{} is {value}: {why}", name(&argument))
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", missing(error)),
        ErrorKind::ArgumentConflict => match strings(error, ContextKind::PriorArg).as_slice() {
            [prior] if *prior == argument => format!("{} can be given only once", name(&argument)),
            [] => format!("{} cannot be given here", name(&argument)),
            prior => format!("{} cannot be given together with {}", name(&argument), prior.join(", ")),
        },
        // What this program's options cannot cause, in the library's own words.
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

fn missing(error: &Error) -> String {
    // An alternative is shown as <--job <NS/NAME>|--uid <UID>>.
    let told = |argument: &String| match argument.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) if inner.contains('|') => inner.split('|').collect::<Vec<_>>().join(" or "),
        _ => argument.clone(),
    };
    strings(error, ContextKind::InvalidArg).iter().map(told).collect::<Vec<_>>().join(" and ")
}

/// An option without the name of its value.
fn name(argument: &str) -> &str {
    argument.split_once(' ').map_or(argument, |(name, _)| name)
}

fn first(error: &Error, kind: ContextKind) -> String {
    strings(error, kind).into_iter().next().unwrap_or_default()
}

fn strings(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The command that explains the one that was typed.
fn help() -> String {
    let typed = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_known = |word: &String| Cli::command().get_subcommands().any(|known| known.get_name() == word);
    match typed.filter(is_known) {
        Some(command) => format!("vaultstream {command} --help"),
        None => "vaultstream --help".to_owned(),
    }
}
