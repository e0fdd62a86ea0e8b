//! Everything that a command says: its answer on stdout, remarks on stderr.
//!
//! Nothing here panics when the other side has gone away or a disk is full. What comes from a database, a manifest or a
//! server is made [`printable`] first, and colours are only for terminals.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, PoisonError},
};

use anstream::ColorChoice;
use indicatif::ProgressBar;

use crate::error::Failure;

/// Writes text to stdout as it is, and flushes.
///
/// # Errors
/// [`unwritten`].
pub fn print(text: &str) -> Result<(), Failure> {
    beside_line(|| {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
    })
}

/// Writes one line to stdout.
///
/// # Errors
/// [`unwritten`].
pub fn line(text: impl fmt::Display) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// One value as a line of JSON on stdout.
///
/// # Errors
/// [`unwritten`].
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(|error| Failure::of(&error))?)
}

/// Writes a remark to stderr, without control characters. Whether it arrives does not matter: nothing depends on it.
pub fn remark(text: impl fmt::Display) {
    let text = text.to_string();
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(printable).collect();
    // A reader that went away misses it.
    let _ = Stderr.write_all(format!("{}\n", lines.join("\n")).as_bytes());
}

/// The same remark only once.
pub fn remark_once(text: impl fmt::Display) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let text = text.to_string();
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
        remark(text);
    }
}

/// The line on the terminal that changes, while there is one.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows this line on the terminal instead of the one before; what is written meanwhile appears above it.
pub(crate) fn show(line: ProgressBar) {
    hide();
    *LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
}

/// Takes the line that changes from the terminal.
pub(crate) fn hide() {
    if let Some(line) = LINE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        line.finish_and_clear();
    }
}

fn beside_line<T>(write: impl FnOnce() -> T) -> T {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Stderr, above the line that changes: for logs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_line(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an output that cannot be written ends with: quietly when its reader has gone, as shells tell it, else a sentence.
pub fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::unread(),
        _ => Failure::failed(format!("failed to write the output: {error}")),
    }
}

/// Text without anything that a terminal takes for a command or that reverses what is read: such characters are written as
/// Rust writes them in a string, `\n` or `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_command(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
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
pub enum Colour {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Look here.
    Warning,
}

/// Text for stdout in a colour, where stdout is a terminal that shows some.
pub fn paint(colour: Colour, text: &str) -> Cow<'_, str> {
    let code = match colour {
        Colour::Good => "32",
        Colour::Bad => "31",
        Colour::Warning => "33",
    };
    match stdout_colours() {
        true => Cow::Owned(format!("\u{1b}[1;{code}m{text}\u{1b}[0m")),
        false => Cow::Borrowed(text),
    }
}

/// Whether stdout shows colours: it is a terminal, and neither NO_COLOR, CLICOLOR nor TERM say otherwise.
pub fn stdout_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether a person looks at stderr.
pub fn stderr_is_terminal() -> bool {
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
