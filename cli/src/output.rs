//! Everything that a command prints: its result on stdout, remarks on stderr.
//!
//! Nothing here panics when stdout or stderr is closed or a disk is full. Text from a database, a manifest or a server is made
//! [`printable`] first. Colours are only for terminals.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anstream::ColorChoice;
use indicatif::ProgressBar;
use parking_lot::Mutex;
use vaultstream_signing::RowKey;

use crate::error::Failure;

/// Writes text to stdout as it is, and flushes.
///
/// # Errors
/// [`unwritten`].
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    beside_line(|| {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
    })
}

/// Writes one line to stdout.
///
/// # Errors
/// [`unwritten`].
pub(crate) fn line(text: impl fmt::Display) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// One value as a line of JSON on stdout.
///
/// # Errors
/// [`unwritten`].
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(|error| Failure::of(&error))?)
}

/// Writes a remark to stderr, without control characters. A failure to write it is ignored.
pub(crate) fn remark(text: impl fmt::Display) {
    let text = text.to_string();
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(printable).collect();
    // Nothing depends on remarks.
    let _ = Stderr.write_all(format!("{}\n", lines.join("\n")).as_bytes());
}

/// Says on stderr why the program fails, and returns the exit code to end with.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    for line in failure.message().lines() {
        let program = if line.starts_with("  ") { "" } else { "vaultstream: " };
        remark(format_args!("{program}{line}"));
    }
    ExitCode::from(failure.code())
}

/// Writes a remark unless the same was written before.
pub(crate) fn remark_once(text: impl fmt::Display) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let text = text.to_string();
    if SAID.lock().insert(text.clone()) {
        remark(text);
    }
}

/// The line on the terminal that changes, while there is one.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows this line on the terminal instead of the one before; what is written meanwhile appears above it.
pub(crate) fn show(line: ProgressBar) {
    hide();
    *LINE.lock() = Some(line);
}

/// Removes the line that changes from the terminal.
pub(crate) fn hide() {
    if let Some(line) = LINE.lock().take() {
        line.finish_and_clear();
    }
}

fn beside_line<T>(write: impl FnOnce() -> T) -> T {
    let line = LINE.lock().clone();
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Stderr for logs: they appear above the line that changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_line(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure of a command whose output cannot be written. It has no message when the reader has closed the output.
pub(crate) fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::unread(),
        _ => Failure::failed(format!("failed to write the output: {error}")),
    }
}

/// A record as people are told of it, with the key of its row where it has one.
pub(crate) fn named_record(id: i64, key: Option<&RowKey>) -> String {
    key.map_or_else(|| format!("record {id}"), |key| format!("record {id} {}", printable(&key.json())))
}

/// Text without characters that command a terminal or reverse the direction of text: they are escaped as in a Rust string,
/// `\n` or `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_command(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
}

/// Text for stdout, coloured where stdout is a terminal with colours.
pub(crate) fn paint(colour: Colour, text: &str) -> Cow<'_, str> {
    let code = match colour {
        Colour::Good => "32",
        Colour::Bad => "31",
    };
    if stdout_colours() { Cow::Owned(format!("\u{1b}[1;{code}m{text}\u{1b}[0m")) } else { Cow::Borrowed(text) }
}

/// Whether stdout shows colours: it is a terminal, and neither NO_COLOR, CLICOLOR nor TERM say otherwise.
pub(crate) fn stdout_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether stderr is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out_and_the_rest_is_left_alone() {
        assert_eq!(printable("Müller, 10 %, 漢字 \\n"), "Müller, 10 %, 漢字 \\n");
        assert_eq!(printable("\u{1b}[2J\u{9b}31m\u{7f}"), "\\u{1b}[2J\\u{9b}31m\\u{7f}");
        assert_eq!(printable("a\r\nb\tc\0"), "a\\r\\nb\\tc\\u{0}");
        assert_eq!(printable("abc\u{202e}cba\u{2066}\u{feff}"), "abc\\u{202e}cba\\u{2066}\\u{feff}");
    }
}
