//! The line on a terminal: a bar where the total is known, else a spinner.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// Interval at which the line is drawn again.
const DRAW_INTERVAL: Duration = Duration::from_millis(125);

const SPINNER: &str = "{spinner} {msg}";
const BAR: &str = "{msg} [{wide_bar}] {human_pos}/{human_len} {percent}%";

/// The only line of this kind; the commands draw no others.
#[derive(Default)]
pub(super) struct Bar(Option<Line>);

struct Line {
    drawn: ProgressBar,
    measured: bool,
}

impl Bar {
    /// Shows that work is under way whose extent is not known.
    pub(super) fn spin(&mut self, words: &str) {
        self.line(None, words).set_message(words.to_owned());
    }

    /// Shows that `done` of `total` is done.
    pub(super) fn measure(&mut self, words: &str, done: u64, total: u64) {
        let line = self.line(Some(total), words);
        line.set_length(total);
        line.set_position(done.min(total));
        line.set_message(words.to_owned());
    }

    /// Removes the line from the terminal.
    pub(super) fn hide(&mut self) {
        if self.0.take().is_some() {
            output::hide();
        }
    }

    /// The line of this kind. A new one is drawn at once, so its words are set first.
    fn line(&mut self, total: Option<u64>, words: &str) -> ProgressBar {
        let measured = total.is_some();
        if let Some(line) = self.0.as_ref().filter(|line| line.measured == measured) {
            return line.drawn.clone();
        }
        let drawn = ProgressBar::new(total.unwrap_or(1)).with_message(words.to_owned());
        if let Ok(style) = ProgressStyle::with_template(if measured { BAR } else { SPINNER }) {
            drawn.set_style(style.progress_chars("=> "));
        }
        output::show(drawn.clone());
        drawn.enable_steady_tick(DRAW_INTERVAL);
        self.0 = Some(Line { drawn: drawn.clone(), measured });
        drawn
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.hide();
    }
}
