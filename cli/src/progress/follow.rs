//! How far a run is: on a terminal a line that changes, elsewhere a line a stage.

mod rate;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vaultstream_api::Source;
use vaultstream_ledger::{Job, JobState, Ledger, Progress as Counts, jobs, progress};

use crate::{output, progress::rate::Rate};

const LOOK: Duration = Duration::from_millis(250);
/// Where there is no terminal, figures come this often.
const LINE_EVERY: Duration = Duration::from_secs(30);

const SPINNER: &str = "{spinner} {msg}";
const BAR: &str = "{msg} [{wide_bar}] {human_pos}/{human_len} {percent}%";

/// Shows what a run does, on stderr. Cheap to clone.
#[derive(Clone)]
pub struct Progress(Option<Arc<Mutex<Shown>>>);

struct Shown {
    terminal: bool,
    stage: String,
    line: Option<Line>,
    said: Instant,
}

struct Line {
    bar: ProgressBar,
    /// Whether it has a bar, or only turns.
    measured: bool,
}

impl Progress {
    /// Nothing is shown when only JSON is wanted.
    pub fn new(visible: bool) -> Self {
        let shown =
            Shown { terminal: output::stderr_is_terminal(), stage: String::new(), line: None, said: Instant::now() };
        Self(visible.then(|| Arc::new(Mutex::new(shown))))
    }

    /// Something begins whose length is not known.
    pub fn stage(&self, words: &str) {
        self.with(|shown| shown.stage(words, words));
    }

    /// Something short, for those who look at a terminal.
    pub fn moment(&self, words: &str) {
        self.with(|shown| {
            if shown.terminal {
                shown.line(None, words).set_message(words.to_owned());
            }
        });
    }

    /// So much of a stage is done; `words` may hold a rate.
    fn figures(&self, stage: &str, words: &str, done: u64, total: u64) {
        self.with(|shown| shown.figures(stage, words, done, total));
    }

    /// Nothing is going on any more.
    pub fn hide(&self) {
        self.with(|shown| {
            shown.line = None;
            output::hide();
        });
    }

    fn with(&self, act: impl FnOnce(&mut Shown)) {
        if let Some(shown) = &self.0 {
            act(&mut shown.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Shown {
    fn stage(&mut self, stage: &str, words: &str) {
        if self.terminal {
            self.line(None, words).set_message(words.to_owned());
        }
        self.begin(stage);
    }

    fn figures(&mut self, stage: &str, words: &str, done: u64, total: u64) {
        // A bar of nothing would be a full one.
        if total == 0 {
            return self.stage(stage, words);
        }
        if self.terminal {
            let bar = self.line(Some(total), words);
            bar.set_length(total);
            bar.set_position(done.min(total));
            bar.set_message(words.to_owned());
        }
        self.begin(stage);
        if !self.terminal && self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            output::remark(format_args!("{words}: {} of {}", HumanCount(done), HumanCount(total)));
        }
    }

    /// Where there is no terminal, a stage is said when it begins.
    fn begin(&mut self, stage: &str) {
        if self.stage != stage {
            stage.clone_into(&mut self.stage);
            self.said = Instant::now();
            if !self.terminal {
                output::remark(stage);
            }
        }
    }

    /// The line, with a bar where the length is known. A new one says at once what it is about.
    fn line(&mut self, length: Option<u64>, words: &str) -> ProgressBar {
        let measured = length.is_some();
        if let Some(line) = self.line.as_ref().filter(|line| line.measured == measured) {
            return line.bar.clone();
        }
        let bar = ProgressBar::new(length.unwrap_or(1)).with_message(words.to_owned());
        if let Ok(style) = ProgressStyle::with_template(if measured { BAR } else { SPINNER }) {
            bar.set_style(style.progress_chars("=> "));
        }
        output::show(bar.clone());
        bar.enable_steady_tick(LOOK / 2);
        self.line = Some(Line { bar: bar.clone(), measured });
        bar
    }
}

/// Shows a job's progress until it is stopped.
pub(crate) struct Following {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Following {
    pub(crate) fn start(shown: &Progress, ledger: Ledger, job: &Job) -> Self {
        let stop = CancellationToken::new();
        let title = format!("{}/{}", job.namespace, job.name);
        let (id, until, shown) = (job.id, stop.clone(), shown.clone());
        shown.stage(&format!("{title}: preparing"));
        let task = tokio::spawn(async move {
            let mut rate = Rate::default();
            while shown.0.is_some() {
                // Unknown is shown as no change, never as zero.
                let looked = async { (jobs::by_id(&ledger, id).await, progress(&ledger, id).await) };
                tokio::select! {
                    looked = looked => if let (Ok(Some(job)), Ok(Some(counts))) = looked {
                        show(&shown, &title, &job, &counts, &mut rate);
                    },
                    () = until.cancelled() => break,
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = until.cancelled() => break,
                }
            }
        });
        Self { stop, task }
    }

    /// Stops and clears the line.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // A display that panicked has nothing left to clear.
        let _ = self.task.await;
        output::hide();
    }
}

fn show(shown: &Progress, title: &str, job: &Job, counts: &Counts, rate: &mut Rate) {
    let (signed, total) = ((counts.signed + counts.rejected).unsigned_abs(), counts.total.unsigned_abs());
    let seeded = job.seeded.unsigned_abs();
    let (verb, done, total) = match (job.state, &job.spec.source) {
        (JobState::Pending | JobState::Provisioning, _) => return shown.stage(&format!("{title}: preparing")),
        (JobState::Seeding, Source::Generate(generate)) => ("making records", seeded, generate.records),
        // How many there are is known when all have been seen.
        (JobState::Seeding, Source::Table(_)) => ("planning", seeded, 0),
        (JobState::Signing, _) if total == 0 || signed >= total => {
            return shown.stage(&format!("{title}: indexing {} signatures", HumanCount(counts.signed.unsigned_abs())));
        }
        (JobState::Signing, _) => ("signing", signed, total),
        (JobState::Finishing, _) => return shown.stage(&format!("{title}: making the receipt")),
        (JobState::Complete | JobState::Failed | JobState::Deleting, _) => return,
    };
    let stage = format!("{title}: {verb}");
    let speed = rate.update(Instant::now(), done);
    let mut words = stage.clone();
    if total == 0 {
        words.push_str(&format!(" {} records", HumanCount(done)));
    }
    if let Some(speed) = speed {
        words.push_str(&format!(" {}/s", HumanCount(speed)));
        let left = total.saturating_sub(done) / speed.max(1);
        if total > 0 && left > 0 {
            words.push_str(&format!(", {} left", humantime::format_duration(Duration::from_secs(left))));
        }
    }
    shown.figures(&stage, &words, done, total);
}
