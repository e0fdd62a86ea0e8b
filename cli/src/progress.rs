//! How far a job is: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vaultstream_ledger::{Job, JobState, Ledger, Progress as Counts, jobs, progress};

use crate::output;

const LOOK: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows a job's progress until it is stopped.
pub(crate) struct Progress {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Progress {
    /// Starts showing, on stderr; `visible` is false when only JSON is wanted.
    pub(crate) fn start(ledger: Ledger, job: &Job, visible: bool) -> Self {
        let stop = CancellationToken::new();
        let title = format!("{}/{}", job.namespace, job.name);
        let (id, until) = (job.id, stop.clone());
        let task = tokio::spawn(async move {
            if !visible {
                return;
            }
            let mut display = Display::new(&title);
            loop {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = until.cancelled() => break,
                }
                // Unknown is shown as no change, never as zero.
                if let (Ok(Some(job)), Ok(Some(counts))) = (jobs::by_id(&ledger, id).await, progress(&ledger, id).await)
                {
                    display.show(&job, &counts);
                }
            }
            display.bar.finish_and_clear();
        });
        Self { stop, task }
    }

    /// Stops and clears the bar.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // A display that panicked has nothing left to clear.
        let _ = self.task.await;
    }
}

struct Display {
    bar: ProgressBar,
    title: String,
    terminal: bool,
    last_line: Instant,
    rate: Rate,
}

impl Display {
    fn new(title: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {msg:<10} [{wide_bar}] {human_pos}/{human_len} {percent}%")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(title.to_owned());
        Self { bar, title: title.to_owned(), terminal, last_line: Instant::now(), rate: Rate::default() }
    }

    fn show(&mut self, job: &Job, counts: &Counts) {
        let (done, total) = match job.state {
            JobState::Pending | JobState::Provisioning | JobState::Seeding => (job.seeded, job.total.unwrap_or(0)),
            _ => (counts.signed + counts.rejected, counts.total),
        };
        let (done, total) = (done.unsigned_abs(), total.unsigned_abs());
        let phase = job.state.as_str().to_lowercase();
        let speed = self.rate.update(done);
        let eta = speed.filter(|speed| *speed > 0).map(|speed| Duration::from_secs(total.saturating_sub(done) / speed));
        let message = match (speed, eta) {
            (Some(speed), Some(eta)) => {
                format!("{phase} {}/s, {} left", HumanCount(speed), humantime::format_duration(eta))
            }
            _ => phase.clone(),
        };
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(message.clone());
        if !self.terminal && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            output::remark(format_args!("{}: {message}: {} of {}", self.title, HumanCount(done), HumanCount(total)));
        }
    }
}

/// Records a second over the last few looks.
#[derive(Default)]
struct Rate {
    seen: std::collections::VecDeque<(Instant, u64)>,
}

impl Rate {
    const LOOKS: usize = 12;

    fn update(&mut self, done: u64) -> Option<u64> {
        let now = Instant::now();
        if self.seen.back().is_some_and(|(_, before)| *before > done) {
            self.seen.clear();
        }
        self.seen.push_back((now, done));
        if self.seen.len() > Self::LOOKS {
            self.seen.pop_front();
        }
        let (then, before) = *self.seen.front()?;
        let seconds = now.duration_since(then).as_secs_f64();
        (seconds > 0.4).then(|| ((done - before) as f64 / seconds) as u64)
    }
}
