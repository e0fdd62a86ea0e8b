//! Reads the command line, and reports its errors in the style of all others.

use std::{error::Error as _, process::ExitCode};

use clap::{
    CommandFactory as _, Parser as _,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

use crate::{args::Cli, error::Failure, output};

/// Reads the command line.
///
/// # Errors
/// With the exit code to end with, after everything is printed: help was requested, or the command line is wrong.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let text = if output::stdout_colours() { text.ansi().to_string() } else { text.to_string() };
            output::print(&text).map_or_else(|failure| output::report(&failure), |()| ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // It colours for terminals only. A closed stderr is not a failure.
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => output::report(&Failure::bad_input(sentence(&error))),
    })
}

/// The error, what was probably meant, and the command that explains more.
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
        // Errors that this program's options cannot cause keep the library's words.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, OutputFormat};

    fn parsed(line: &str) -> Result<Cli, Error> {
        Cli::try_parse_from(std::iter::once("vaultstream").chain(line.split_whitespace()))
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_said_in_one_sentence() {
        let cases = [
            ("run", "missing: --file <FILE>"),
            ("run -f a --verify most", "--verify is most: it must be one of full, sample, sql"),
            ("run -f a --nats-replicas 9", "--nats-replicas is 9: 9 is not in 1..=5"),
            ("run -f a --nats-cert c", "missing: --nats-key <FILE>"),
            ("run -f a --nats-creds c --nats-nkey n", "--nats-creds cannot be given together with --nats-nkey <FILE>"),
            ("run -f a --data-dir", "--data-dir needs a value: --data-dir <DIR>"),
            ("run -f a --data-dir b --data-dir c", "--data-dir can be given only once"),
            ("verify", "missing: --job <NS/NAME> or --uid <UID>"),
            (
                "verify --job a --uid 00000000-0000-0000-0000-000000000007",
                "--job cannot be given together with --uid <UID>",
            ),
            ("verify --job a --mode all", "--mode is all: it must be one of full, sample, sql"),
            ("verify --job a --strict --allow-changed", "--strict cannot be given together with --allow-changed"),
            (
                "status --job a --uid 00000000-0000-0000-0000-000000000007",
                "--job cannot be given together with --uid <UID>",
            ),
            ("keys rewrap --kek-file a", "missing: --old-kek-file <FILE>"),
            ("export --job a --colour", "there is no option --colour here"),
            ("crd please", "one argument too many: please"),
            ("sign", "there is no command sign"),
            ("status --watch=yes", "unexpected value 'yes' for '--watch' found; no more were expected"),
        ];
        for (line, expected) in cases {
            let error = parsed(line).unwrap_err();
            let told = sentence(&error);
            assert_eq!(told.lines().next(), Some(expected), "{line}: {told}");
            assert!(told.lines().last().is_some_and(|last| last.starts_with("  help: vaultstream ")), "{line}: {told}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_corrected() {
        let cases = [
            ("verfy --job a", "  tip: did you mean vaultstream verify?"),
            ("verify --job a --partal", "  tip: did you mean --partial?"),
            ("verify --job a --mode ful", "  tip: did you mean full?"),
        ];
        for (line, tip) in cases {
            let told = sentence(&parsed(line).unwrap_err());
            assert!(told.lines().any(|told| told == tip), "{line}: {told}");
        }
    }

    #[test]
    fn arguments_that_fit_together_are_read() {
        for line in [
            "run -f a -f b",
            "run a b",
            "run -f - --again --seed-only --verify sql -o json",
            "run -f a --database-url postgres://a --data-dir b --nats-url nats://c --nats-cert c --nats-key k",
            "status --all --job a",
            "keys --job a --key -AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "keys rewrap --kek-file a --old-kek-file b --old-kek-file c",
            "delete --uid 00000000-0000-0000-0000-000000000007 -y --force",
            "bench --batch-size 100,5000 --pairs 1 -o markdown",
            "dev up --data-dir a",
        ] {
            parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        let Command::Run(args) = parsed("run -f a b -o json").unwrap().command else { panic!("not run") };
        assert_eq!(args.manifests().count(), 2);
        assert_eq!(args.output, OutputFormat::Json);
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
