//! One job: its sections in turn, one statement at a time, for all its viewers.

mod sections;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;
use uuid::Uuid;
use vaultstream_ledger::{Job, overview};

use crate::{
    feed::Audience,
    place::{Place, Workers},
    rate::Rate,
    wire::{Problem, Row, Time},
};
use sections::Section;
pub(crate) use sections::events;

/// Between two statements: a viewer costs the ledger at most one a second.
const TICK: Duration = Duration::from_secs(1);
/// A section that takes long is read less often: it may take this share of the ledger's time, as one in so many.
const SHARE: u32 = 20;
/// How much less often a job is read that is over.
const OVER: u32 = 10;

/// What is shown of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// The job's namespace, once it was found.
    pub(crate) namespace: Option<String>,
    /// By their names, as JSON.
    pub(crate) sections: BTreeMap<&'static str, Arc<str>>,
    /// Why they get old.
    pub(crate) problem: Option<Problem>,
    /// There is no such job, or no longer.
    pub(crate) is_gone: bool,
}

/// Reads until nobody looks any more, or the job is gone.
pub(crate) async fn read(place: Arc<dyn Place>, uid: Uuid, audience: Audience<Uuid, Reading>) {
    let mut reader = Reader::of(place, uid);
    while !audience.has_left() {
        if !reader.reading.is_gone {
            let before = reader.reading.clone();
            let meanwhile = || Reading { problem: Some(Problem::of_silence()), ..before };
            let read = audience.wait(reader.next(), meanwhile).await;
            match read {
                Ok(()) => reader.reading.problem = None,
                Err(error) => reader.reading.problem = Some(Problem { error }),
            }
            audience.show(reader.reading.clone());
        }
        // All of it at once for whoever opens the page, and one after the other from then on.
        if reader.is_complete() || reader.reading.problem.is_some() || reader.reading.is_gone {
            tokio::time::sleep(TICK).await;
        }
    }
}

struct Reader {
    place: Arc<dyn Place>,
    uid: Uuid,
    rate: Rate,
    /// When each section is read next.
    due: BTreeMap<Section, Instant>,
    reading: Reading,
    job: Option<Job>,
    workers: Workers,
    /// Keys that are leased.
    lanes: i64,
    /// What the ledger's clock said, and when that was read.
    clock: (SystemTime, Instant),
}

impl Reader {
    fn of(place: Arc<dyn Place>, uid: Uuid) -> Self {
        let (rate, due, reading) = (Rate::default(), BTreeMap::new(), Reading::default());
        let clock = (SystemTime::now(), Instant::now());
        Self { place, uid, rate, due, reading, job: None, workers: Workers::default(), lanes: 0, clock }
    }

    fn is_complete(&self) -> bool {
        self.due.len() == Section::ALL.len()
    }

    /// Reads what is due, the longest overdue first, if anything is.
    async fn next(&mut self) -> Result<(), String> {
        let now = Instant::now();
        let section = match Section::ALL.iter().find(|section| !self.due.contains_key(section)) {
            Some(never) => Some(*never),
            None => {
                self.due.iter().filter(|(_, at)| **at <= now).min_by_key(|(_, at)| **at).map(|(section, _)| *section)
            }
        };
        let Some(section) = section else { return Ok(()) };
        let read = self.section(section).await;
        let is_over = self.job.as_ref().is_some_and(|job| job.state.is_terminal());
        // A job that is over is verified then.
        let period = section.period() * if is_over && section != Section::Verdict { OVER } else { 1 };
        self.due.insert(section, now + period.max(now.elapsed() * SHARE));
        read
    }

    async fn section(&mut self, section: Section) -> Result<(), String> {
        let ledger = self.place.ledger()?;
        let failed = |error| format!("the ledger cannot be read: {error}");
        let Some(job) = self.job.as_ref().filter(|_| section != Section::Job) else {
            let found = overview::figures(&ledger, self.uid).await.map_err(failed)?;
            // Another cluster's job is none here.
            let cluster = self.place.cluster();
            let found = found.filter(|found| cluster.is_none_or(|cluster| cluster == found.job.cluster));
            let Some(found) = found else {
                self.reading.is_gone = true;
                return Ok(());
            };
            self.clock = (found.row.at, Instant::now());
            let rate = self.rate.take(found.row.at, found.row.signed + found.row.rejected);
            let row = Row::of(&found.row, rate);
            self.reading.namespace = Some(found.job.namespace.clone());
            self.put("job", &sections::job(&found, &row, Time(found.row.at)));
            self.put("commands", &sections::commands(&*self.place, &found.job));
            self.put("receipt", &sections::receipt(&found.job));
            self.lanes = found.leases;
            self.put("workers", &sections::workers(self.workers, self.lanes));
            self.job = Some(found.job);
            return Ok(());
        };
        match section {
            Section::Job => {}
            Section::Batches => {
                let (at, read) = self.clock;
                let (map, curve) = sections::batches(&ledger, job, at + read.elapsed()).await.map_err(failed)?;
                self.put("batches", &map);
                self.put("curve", &curve);
            }
            Section::Keys => {
                let keys = sections::keys(&ledger, job).await.map_err(failed)?;
                self.put("keys", &keys);
            }
            Section::Rejects => {
                let rejects = sections::rejects(&ledger, job).await.map_err(failed)?;
                self.put("rejects", &rejects);
            }
            Section::Checkpoints => {
                let checkpoints = sections::checkpoints(&ledger, job).await.map_err(failed)?;
                self.put("checkpoints", &checkpoints);
            }
            Section::Verdict => {
                let verification = sections::verification(&ledger, job).await.map_err(failed)?;
                self.put("verification", &verification);
            }
            Section::Workers => {
                self.workers = self.place.workers(job).await;
                self.put("workers", &sections::workers(self.workers, self.lanes));
            }
        }
        Ok(())
    }

    fn put(&mut self, name: &'static str, section: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(section) {
            self.reading.sections.insert(name, Arc::from(text));
        }
    }
}

/// What a viewer was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent(BTreeMap<&'static str, Arc<str>>);

impl Sent {
    /// The sections that changed, and the job itself for a viewer who has to hear that all is well `again`.
    pub(crate) fn next(&mut self, reading: &Reading, again: bool) -> Vec<(&'static str, Arc<str>)> {
        if again {
            self.0.remove("job");
        }
        let is_new = |(name, text): &(&&'static str, &Arc<str>)| self.0.get(**name) != Some(*text);
        let new: Vec<_> =
            reading.sections.iter().filter(is_new).map(|(name, text)| (*name, Arc::clone(text))).collect();
        self.0.extend(new.iter().cloned());
        new
    }
}
