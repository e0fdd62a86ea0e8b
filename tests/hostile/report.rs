//! A line for each attempt, and what all of them say together.

use std::fmt::Display;

/// What was tried, and what was found.
#[derive(Default)]
pub(crate) struct Report {
    attempts: usize,
    found: usize,
}

impl Report {
    /// The server refused it.
    pub(crate) fn refused(&mut self, what: impl Display, why: impl Display) {
        self.attempts += 1;
        println!("refused  {what}  ({why})");
    }

    /// The server allowed it, and it showed and changed nothing of the victim.
    pub(crate) fn nothing(&mut self, what: impl Display) {
        self.attempts += 1;
        println!("nothing  {what}");
    }

    /// It belongs to the attacker.
    pub(crate) fn own(&mut self, what: impl Display) {
        println!("own      {what}");
    }

    /// It could not be tried.
    pub(crate) fn skipped(&mut self, what: impl Display, why: &str) {
        println!("skipped  {what}  ({why})");
    }

    /// It succeeded, or was no attempt at all.
    pub(crate) fn found(&mut self, what: impl Display, how: impl Display) {
        self.attempts += 1;
        self.found += 1;
        println!("FOUND    {what}  ({how})");
    }

    /// The last line. True when nothing was found.
    pub(crate) fn end(&self) -> bool {
        let Self { attempts, found } = self;
        if *found == 0 {
            println!("{attempts} attempts: changed nothing of the victim and learned nothing but its own");
        } else {
            println!("{found} of {attempts} attempts succeeded");
        }
        *found == 0
    }
}
