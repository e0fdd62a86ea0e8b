//! Stages and figures, drawn on a terminal and written as lines elsewhere.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::HumanCount;
use parking_lot::Mutex;

use super::bar::Bar;
use crate::output;

/// Interval of a run's lines where there is no terminal.
const RUN_LINE_INTERVAL: Duration = Duration::from_secs(30);
/// Interval of a verification's lines where there is no terminal.
const VERIFICATION_LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows progress on stderr. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ProgressDisplay(Option<Arc<Mutex<Display>>>);

struct Display {
    /// `None` where stderr is no terminal.
    bar: Option<Bar>,
    /// Whether a stage is a line of its own where there is no terminal.
    announces_stages: bool,
    line_interval: Duration,
    stage: String,
    last_line: Instant,
}

impl ProgressDisplay {
    /// For a run, or for a benchmark's servers. Shows nothing unless `visible`.
    pub(crate) fn of_run(visible: bool) -> Self {
        Self::new(visible, true, RUN_LINE_INTERVAL)
    }

    /// For a verification. Shows nothing unless `visible`.
    pub(crate) fn of_verification(visible: bool) -> Self {
        Self::new(visible, false, VERIFICATION_LINE_INTERVAL)
    }

    fn new(visible: bool, announces_stages: bool, line_interval: Duration) -> Self {
        let bar = output::stderr_is_terminal().then(Bar::default);
        let display = Display { bar, announces_stages, line_interval, stage: String::new(), last_line: Instant::now() };
        Self(visible.then(|| Arc::new(Mutex::new(display))))
    }

    /// Whether anything is shown.
    pub(crate) fn is_visible(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a stage whose extent is not known.
    pub(crate) fn stage(&self, words: &str) {
        self.with(|display| display.stage(words, words));
    }

    /// Shows something short on a terminal, and nothing elsewhere.
    pub(crate) fn moment(&self, words: &str) {
        self.with(|display| {
            if let Some(bar) = &mut display.bar {
                bar.spin(words);
            }
        });
    }

    /// Shows that `done` of `total` is done in this stage; a total of 0 is unknown. `words` are the stage and its rate.
    pub(crate) fn figures(&self, stage: &str, words: &str, done: u64, total: u64) {
        self.with(|display| display.figures(stage, words, done, total));
    }

    /// Removes the line from the terminal.
    pub(crate) fn hide(&self) {
        self.with(|display| {
            if let Some(bar) = &mut display.bar {
                bar.hide();
            }
        });
    }

    fn with(&self, act: impl FnOnce(&mut Display)) {
        if let Some(display) = &self.0 {
            act(&mut display.lock());
        }
    }
}

impl Display {
    fn stage(&mut self, stage: &str, words: &str) {
        if let Some(bar) = &mut self.bar {
            bar.spin(words);
        }
        self.begin(stage);
    }

    fn figures(&mut self, stage: &str, words: &str, done: u64, total: u64) {
        // A bar of length 0 would be drawn as a full one.
        if total == 0 {
            return self.stage(stage, words);
        }
        self.begin(stage);
        match &mut self.bar {
            Some(bar) => bar.measure(words, done, total),
            None if self.last_line.elapsed() >= self.line_interval => {
                self.last_line = Instant::now();
                output::remark(format_args!("{words}: {} of {}", HumanCount(done), HumanCount(total)));
            }
            None => {}
        }
    }

    /// Where there is no terminal a new stage may be a line.
    fn begin(&mut self, stage: &str) {
        if self.stage != stage {
            stage.clone_into(&mut self.stage);
            if self.announces_stages {
                self.last_line = Instant::now();
                if self.bar.is_none() {
                    output::remark(stage);
                }
            }
        }
    }
}
