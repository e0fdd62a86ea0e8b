//! The command line as typed: what is wrong with it is said in the style of every other error.

use std::error::Error as _;

use clap::{
    Parser,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

/// Why there is nothing to run.
#[derive(Debug)]
pub enum NotRun {
    /// Help or the version was asked for: this is it, and it belongs on stdout.
    Asked(Error),
    /// Nothing was asked for: this is the help, and it belongs on stderr.
    Nothing(Error),
    /// The command line is wrong: one sentence, then lines that begin with two spaces and tell what to do.
    Wrong(String),
}

/// Reads the command line.
///
/// # Errors
/// [`NotRun`].
pub fn parse<P: Parser>() -> Result<P, NotRun> {
    parse_from(std::env::args_os().collect())
}

/// Reads these words as a command line, the program's name first.
///
/// # Errors
/// [`NotRun`].
pub fn parse_from<P: Parser>(words: Vec<std::ffi::OsString>) -> Result<P, NotRun> {
    P::try_parse_from(&words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => NotRun::Asked(error),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => NotRun::Nothing(error),
        _ => NotRun::Wrong(sentence::<P>(&error, &words)),
    })
}

/// What is wrong, what was probably meant, and where to read on.
fn sentence<P: Parser>(error: &Error, words: &[std::ffi::OsString]) -> String {
    let command = P::command();
    let program = format!("{} ", command.get_name());
    let mut lines = vec![what(error)];
    for (kind, prefix) in [
        (ContextKind::SuggestedArg, ""),
        (ContextKind::SuggestedValue, ""),
        (ContextKind::SuggestedSubcommand, program.as_str()),
    ] {
        if let Some(near) = strings(error, kind).first() {
            lines.push(format!("  tip: did you mean {prefix}{near}?"));
        }
    }
    lines.push(format!("  help: {}", help(&command, words)));
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
        // What these options cannot cause, in the library's own words.
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

fn missing(error: &Error) -> String {
    // An alternative is shown as <--job <NS/NAME>|--uid <UID>>.
    let shown = |argument: &String| match argument.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) if inner.contains('|') => inner.split('|').collect::<Vec<_>>().join(" or "),
        _ => argument.clone(),
    };
    strings(error, ContextKind::InvalidArg).iter().map(shown).collect::<Vec<_>>().join(" and ")
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
fn help(command: &clap::Command, words: &[std::ffi::OsString]) -> String {
    let program = command.get_name();
    let typed = words.iter().skip(1).filter_map(|word| word.to_str()).find(|word| !word.starts_with('-'));
    match typed.filter(|word| command.get_subcommands().any(|known| known.get_name() == *word)) {
        Some(known) => format!("{program} {known} --help"),
        None => format!("{program} --help"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "signer", version, subcommand_required = true, arg_required_else_help = true)]
    enum Signer {
        /// Runs.
        Run {
            #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
            lanes: u8,
            #[arg(long, conflicts_with = "lanes")]
            dry: bool,
        },
    }

    fn wrong(words: &[&str]) -> String {
        match parse_from::<Signer>(words.iter().map(Into::into).collect()) {
            Err(NotRun::Wrong(sentence)) => sentence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_command_line_is_told_in_one_sentence_with_a_way_on() {
        let run = "  help: signer run --help";
        for (words, told) in [
            (&["signer", "run"][..], format!("missing: --lanes <LANES>\n{run}")),
            (&["signer", "run", "--lanes", "0"], format!("--lanes is 0: 0 is not in 1..=255\n{run}")),
            (
                &["signer", "run", "--lane", "1"],
                format!("there is no option --lane here\n  tip: did you mean --lanes?\n{run}"),
            ),
            (
                &["signer", "run", "--lanes", "1", "--dry"],
                format!("--lanes cannot be given together with --dry\n{run}"),
            ),
            (
                &["signer", "rum"],
                "there is no command rum\n  tip: did you mean signer run?\n  help: signer --help".to_owned(),
            ),
        ] {
            assert_eq!(wrong(words), told, "{words:?}");
        }
    }

    #[test]
    fn help_is_no_mistake() {
        let parse = |words: &[&str]| parse_from::<Signer>(words.iter().map(Into::into).collect());
        assert!(matches!(parse(&["signer", "--version"]), Err(NotRun::Asked(_))));
        assert!(matches!(parse(&["signer"]), Err(NotRun::Nothing(_))));
        assert!(parse(&["signer", "run", "--lanes", "2"]).is_ok());
    }
}
