//! Failures: a message and an exit code.

use vaultstream_program::chain;

/// A failure, told in one sentence; several faults are a line each, and lines that begin with two spaces are tips.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The user has to correct the input: exit code 2.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// Another failure: exit code 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// An error with its causes, as bad input.
    pub(crate) fn input(error: &dyn std::error::Error) -> Self {
        Self::bad_input(chain(error))
    }

    /// An error with its causes, as another failure. A server without free space is bad input: the user has to free some.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        if vaultstream_ledger::is_out_of_space(error) {
            return Self::bad_input(format!(
                "{}; free some space there, then run the same command again",
                chain(error)
            ));
        }
        Self::failed(chain(error))
    }

    /// The reader of stdout has closed it (`… | head`): exit code 128 and SIGPIPE, as from a shell, without a message.
    pub(crate) fn unread() -> Self {
        Self { message: String::new(), code: 141 }
    }

    /// Stopped by a signal. The code is 128 and the signal's number, as from a shell.
    pub(crate) fn interrupted(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code }
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The exit code to end with.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl From<vaultstream_lifecycle::LifecycleError> for Failure {
    fn from(error: vaultstream_lifecycle::LifecycleError) -> Self {
        Self::of(&error)
    }
}
