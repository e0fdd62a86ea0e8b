//! Reads the command line, and reports its errors in the style of all others.

use std::process::ExitCode;

use vaultstream_program::usage::{self, NotRun};

use crate::{args::Cli, error::Failure, output};

/// Reads the command line.
///
/// # Errors
/// With the exit code to end with, after everything is printed: help was requested, or the command line is wrong.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    usage::parse().map_err(|not_run| match not_run {
        NotRun::Asked(help) => {
            let text = help.render();
            let text = if output::stdout_colours() { text.ansi().to_string() } else { text.to_string() };
            output::print(&text).map_or_else(|failure| output::report(&failure), |()| ExitCode::SUCCESS)
        }
        NotRun::Nothing(help) => {
            // It colours for terminals only. A closed stderr is not a failure.
            let _ = help.print();
            ExitCode::from(2)
        }
        NotRun::Wrong(sentence) => output::report(&Failure::bad_input(sentence)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, OutputFormat};

    fn parsed(line: &str) -> Result<Cli, NotRun> {
        usage::parse_from(std::iter::once("vaultstream").chain(line.split_whitespace()).map(Into::into).collect())
    }

    /// What is said of a command line that is wrong.
    fn sentence(line: &str) -> String {
        match parsed(line) {
            Err(NotRun::Wrong(sentence)) => sentence,
            other => panic!("{line}: {other:?}"),
        }
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
            ("verify", "missing: --job <NS/NAME> or --uid <UID> or --bundle <FILE> or [NS/]NAME"),
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
            let told = sentence(line);
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
            let told = sentence(line);
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
            "keys revoke --job a --key -AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA --reason lost --compromised",
            "delete --uid 00000000-0000-0000-0000-000000000007 -y --force",
            "bench --batch-size 100,5000 --pairs 1 -o markdown",
            "dev up --data-dir a",
        ] {
            parsed(line).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        }
        let Command::Run(args) = parsed("run -f a b -o json").unwrap().command else { panic!("not run") };
        assert_eq!(args.manifests().count(), 2);
        assert_eq!(args.output, OutputFormat::Json);
    }

    #[test]
    fn a_cluster_is_given_to_commands_that_read_one_and_refused_beside_another_ledger() {
        // Whether the ledger is that of a cluster, and whether a cluster is only the witness.
        let placed = |line: &str, is_plugin| -> Result<(bool, bool), String> {
            let mut cli = parsed(line).unwrap();
            cli.in_cluster(is_plugin)?;
            Ok(match cli.command {
                Command::Verify(args) => (args.ledger.cluster.is_some(), args.from_cluster),
                Command::Receipt(args) => (args.ledger.cluster.is_some(), false),
                Command::Keys(args) => (args.ledger.cluster.is_some(), false),
                _ => (false, false),
            })
        };
        for (line, is_plugin, expected) in [
            ("receipt job", false, (false, false)),
            ("receipt job", true, (true, false)),
            ("receipt job --data-dir a", true, (false, false)),
            ("--context a receipt job", false, (true, false)),
            ("receipt -n team job", false, (true, false)),
            ("keys job --secret team/a", false, (true, false)),
            ("verify job --kubeconfig a", false, (true, false)),
            ("verify job --context a --database-url b", false, (false, true)),
            ("verify --bundle a --context b", false, (false, true)),
            ("verify --bundle a", true, (false, false)),
            ("run -f a", true, (false, false)),
        ] {
            assert_eq!(placed(line, is_plugin), Ok(expected), "{line}, {is_plugin}");
        }
        let refused = |line: &str| placed(line, false).unwrap_err();
        assert!(refused("run -f a --context b").starts_with("--context, --namespace, "));
        assert!(refused("-n a keys rewrap --kek-file b --old-kek-file c").starts_with("--context, --namespace, "));
        assert!(refused("receipt job --context a --data-dir b").starts_with("a ledger and a cluster are named"));
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
