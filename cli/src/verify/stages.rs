//! What verification is at: a bar on a terminal, a line every ten seconds elsewhere.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output;

const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the stages one after the other.
pub(super) struct Stages {
    bar: ProgressBar,
    job: String,
    stage: &'static str,
    of: Option<u64>,
    begun: Instant,
    last_line: Instant,
    visible: bool,
}

impl Stages {
    /// Nothing yet. With `visible` false nothing ever.
    pub(super) fn of(job: &str, visible: bool) -> Self {
        let terminal = visible && output::stderr_is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(job.to_owned());
        if terminal {
            output::show(bar.clone());
        }
        let now = Instant::now();
        Self {
            bar,
            job: job.to_owned(),
            stage: "",
            of: None,
            begun: now,
            last_line: now,
            visible: visible && !terminal,
        }
    }

    /// A new stage, of so many steps where that is known.
    pub(super) fn begin(&mut self, stage: &'static str, of: Option<u64>) {
        (self.stage, self.of, self.begun) = (stage, of, Instant::now());
        let template = match of {
            Some(_) => "{prefix} {msg} [{wide_bar}] {human_pos}/{human_len} {percent}% {rate}{left}",
            None => "{prefix} {msg} {spinner}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> ").with_key("rate", rate).with_key("left", left));
        }
        // Only now: whatever is set is drawn.
        if let Some(of) = of {
            self.bar.set_length(of);
        }
        self.bar.reset();
        self.bar.set_message(stage);
        if of.is_none() {
            self.bar.enable_steady_tick(Duration::from_millis(120));
        } else {
            self.bar.disable_steady_tick();
        }
    }

    /// So far in this stage.
    pub(super) fn at(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.visible && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let rate = (done as f64 / self.begun.elapsed().as_secs_f64().max(0.001)) as u64;
            let of = self.of.map(|of| format!(" of {}", HumanCount(of))).unwrap_or_default();
            let (done, rate) = (HumanCount(done), HumanCount(rate));
            output::remark(format_args!("{}: {}: {done}{of}, {rate}/s", self.job, self.stage));
        }
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        output::hide();
    }
}

fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar that cannot be drawn is nothing to stop for.
    let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
}

fn left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    if state.pos() > 0 && state.eta() >= Duration::from_secs(1) {
        let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
    }
}
