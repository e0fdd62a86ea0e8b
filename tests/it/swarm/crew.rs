//! Those who work at the job of a round: workers, each with a network of its own, and the driver.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::Mutex;
use uuid::Uuid;
use vaultstream_lifecycle::Outcome;

use super::plan::{BROKEN, Kind, Plan, WORKERS};
use crate::harness::{Drive, Lines, Program, Running, Site, quick};

/// Longer than any round takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);
/// Longer than a worker needs to finish what it holds, and to find its servers again.
const FAREWELL: Duration = Duration::from_secs(60);

pub(super) struct Crew<'a> {
    pub(super) site: &'a Site,
    pub(super) uid: Uuid,
    pub(super) drive: Mutex<Drive>,
    pub(super) workers: Vec<Worker>,
    /// Workers that a fault has started beside.
    pub(super) extras: Mutex<Vec<Running>>,
    driver_lines: Mutex<Lines>,
    kind: Kind,
}

pub(super) struct Worker {
    /// Locked while a fault is at work on them.
    pub(super) lines: Mutex<Lines>,
    pub(super) process: Mutex<Option<Running>>,
    folder: PathBuf,
}

impl<'a> Crew<'a> {
    /// Begins with the job that was seeded; no worker runs yet.
    pub(super) async fn new(site: &'a Site, plan: &Plan) -> Self {
        let lines = Lines::to(site).await;
        let seeded = site.seed_through(&plan.manifest, &lines.database_url, &lines.nats_url).await;
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let lines = Lines::to(site).await;
            let folder = site.dir.path().join(format!("worker-{number}"));
            write_connection(site, &folder, &lines);
            workers.push(Worker { lines: Mutex::new(lines), process: Mutex::new(None), folder });
        }
        Self {
            site,
            uid: seeded.uid,
            drive: Mutex::new(seeded.drive(quick())),
            workers,
            extras: Mutex::default(),
            driver_lines: Mutex::new(lines),
            kind: plan.kind,
        }
    }

    /// The worker that a fault meets.
    pub(super) fn worker(&self, whom: usize) -> &Worker {
        &self.workers[whom % self.workers.len()]
    }

    /// The network that a fault meets: a worker's, or the driver's.
    pub(super) fn lines(&self, whom: usize) -> &Mutex<Lines> {
        self.workers.get(whom).map_or(&self.driver_lines, |worker| &worker.lines)
    }

    pub(super) async fn program(&self, worker: &Worker) -> Program {
        let program = self.site.worker_with(self.uid, &worker.folder).await;
        match self.kind {
            Kind::Broken => program.env("VAULTSTREAM_FAULT_RECORDS", BROKEN),
            Kind::Generated | Kind::Table | Kind::Followed => program,
        }
    }

    pub(super) async fn start_all(&self) {
        for worker in &self.workers {
            let program = self.program(worker).await;
            *worker.process.lock().await = Some(program.start());
        }
    }

    pub(super) async fn is_over(&self) -> bool {
        self.drive.lock().await.is_over()
    }

    /// Waits until this many records are signed. False when the job is over before.
    pub(super) async fn until_signed(&self, at_least: i64) -> bool {
        loop {
            if self.is_over().await {
                return false;
            }
            if self.site.signed().await >= at_least {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the job's end, then ends the workers. None may have ended by itself, whatever its servers and its network did.
    pub(super) async fn finish(self) {
        let begun = Instant::now();
        while !self.is_over().await {
            assert!(begun.elapsed() < LIMIT, "the job does not end:\n{}", self.state().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.drive.into_inner().outcome().await, Outcome::Complete);
        let mut processes = self.extras.into_inner();
        for worker in &self.workers {
            processes.extend(worker.process.lock().await.take());
        }
        for process in processes {
            process.signal(Signal::TERM);
            let ended = process.end_within(FAREWELL).await;
            // One that was started a moment ago may not listen to signals yet.
            if ended.status.signal() != Some(Signal::TERM.as_raw()) || !ended.stderr.is_empty() {
                ended.assert_code(0);
            }
        }
    }

    /// For a person who has to find out why a round does not end.
    async fn state(&self) -> String {
        let mut told = self
            .site
            .text(
                "SELECT jsonb_build_object('job', to_jsonb(j) - 'spec' - 'receipt', 'open', (SELECT jsonb_agg(to_jsonb(b)) \
                 FROM (SELECT * FROM vaultstream.batches WHERE state <> 'signed' LIMIT 20) b), 'keys', \
                 (SELECT jsonb_agg(to_jsonb(k) - 'public_key' - 'wrapped_key') FROM vaultstream.keys k))::text \
                 FROM vaultstream.jobs j",
            )
            .await;
        for worker in &self.workers {
            if let Some(process) = &*worker.process.lock().await {
                told += &format!("\n--- worker, {}:\n{}", process.status("State"), process.stderr());
            }
        }
        for process in &*self.extras.lock().await {
            told += &format!("\n--- beside, {}:\n{}", process.status("State"), process.stderr());
        }
        told
    }
}

fn write_connection(site: &Site, folder: &Path, lines: &Lines) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::copy(site.kek(), folder.join("kek")).unwrap();
    std::fs::write(folder.join("DATABASE_URL"), &lines.database_url).unwrap();
    std::fs::write(folder.join("NATS_URL"), &lines.nats_url).unwrap();
}
