//! What the program says when it fails, and with which exit code.

use std::process::ExitCode;

use vaultstream_worker::chain;

use crate::output;

/// A failure, told in one sentence; several faults are a line each, and lines that begin with two spaces are tips.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The user has to mend something: exit code 2.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// Something went wrong that is not a matter of input: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// An error with its causes, as bad input.
    pub fn input(error: &dyn std::error::Error) -> Self {
        Self::bad_input(chain(error))
    }

    /// An error with its causes, as a failure. A server without room is not the job's fault, but its user's to mend.
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        if vaultstream_ledger::is_out_of_space(error) {
            return Self::bad_input(format!(
                "{}; free some space there, then run the same command again",
                chain(error)
            ));
        }
        Self::failed(chain(error))
    }

    /// Whoever reads stdout has seen enough (`… | head`): 128 and SIGPIPE, as shells tell it, and not a word.
    pub fn unread() -> Self {
        Self { message: String::new(), code: 141 }
    }

    /// Stopped by a signal; the code tells which, as shells do.
    pub(crate) fn interrupted(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code }
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says it on stderr.
    pub fn report(&self) -> ExitCode {
        for line in self.message.lines() {
            let program = if line.starts_with("  ") { "" } else { "vaultstream: " };
            output::remark(format_args!("{program}{line}"));
        }
        ExitCode::from(self.code)
    }
}
