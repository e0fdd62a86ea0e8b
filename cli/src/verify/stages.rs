//! The stages of a verification, and how far each is.

use std::time::{Duration, Instant};

use crate::progress::{ProgressDisplay, RateMeter, with_rate};

/// Interval at which figures are passed on; rows are checked far more often.
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);

/// Shows the stages one after the other, and removes them from the terminal when it is dropped.
pub(super) struct Stages {
    display: ProgressDisplay,
    job: String,
    stage: String,
    total: u64,
    meter: RateMeter,
    updated: Instant,
}

impl Stages {
    /// Nothing is shown yet, and nothing at all unless `visible`.
    pub(super) fn new(job: &str, visible: bool) -> Self {
        Self {
            display: ProgressDisplay::of_verification(visible),
            job: job.to_owned(),
            stage: String::new(),
            total: 0,
            meter: RateMeter::default(),
            updated: Instant::now(),
        }
    }

    /// Begins a stage of unknown extent.
    pub(super) fn begin(&mut self, stage: &str) {
        self.stage = format!("{}: {stage}", self.job);
        (self.total, self.meter) = (0, RateMeter::default());
        self.display.stage(&self.stage);
    }

    /// Begins a stage in which `total` signatures are checked.
    pub(super) fn begin_measured(&mut self, stage: &str, total: u64) {
        self.begin(stage);
        self.total = total;
        if total > 0 {
            self.show(0);
        }
    }

    /// Tells how many signatures of this stage are checked.
    pub(super) fn update(&mut self, done: u64) {
        if self.total > 0 && self.updated.elapsed() >= UPDATE_INTERVAL {
            self.show(done);
        }
    }

    fn show(&mut self, done: u64) {
        self.updated = Instant::now();
        let rate = self.meter.update(self.updated, done);
        self.display.figures(&self.stage, &with_rate(&self.stage, done, self.total, rate), done, self.total);
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.display.hide();
    }
}
