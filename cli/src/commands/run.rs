//! `vaultstream run`: each job of the manifests, one after the other.

use std::{io::Read as _, path::Path, process::ExitCode, sync::Arc, time::Instant};

use indicatif::HumanCount;
use uuid::Uuid;
use vaultstream_api::{MAX_MANIFESTS, SigningJob, Source, TableSource};
use vaultstream_ledger::{
    Job, JobState, NewJob, QueryError,
    jobs::{self, EnsureError},
    progress as ledger_progress,
};
use vaultstream_signing::Backend;
use vaultstream_worker::{Parts, Worker, cores, metrics::Metrics};

use crate::{
    afterwards,
    args::{Output, RunArgs, VerifyMode},
    changes,
    drive::{self, Driven, Driving},
    error::Failure,
    interrupt::Interrupt,
    output,
    progress::Progress,
    report::{Report, SignedNow},
    shell,
    site::{Site, Wanted},
    verify,
};

/// What the ledger says of where a job came from; on a cluster, its identity.
pub(crate) const CLUSTER: &str = "local";

/// Connections of a run: the worker's six, and two for what drives and shows the job.
pub(crate) const CONNECTIONS: usize = 8;

/// Up to so many records every signature is verified unless told otherwise.
const FULL_UP_TO: u64 = 100_000;

/// Signs every job of the manifests.
///
/// # Errors
/// One sentence.
pub async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let interrupt = Interrupt::listen("finishing what is in flight; press Ctrl-C again to stop now")
        .map_err(|error| Failure::of(&error))?;
    let manifests = manifests(&args)?;
    let backend = Backend::choose(args.backend).map_err(|error| Failure::input(&error))?;
    let progress = Progress::new(args.output == Output::Text);
    let wanted = Wanted {
        connections: CONNECTIONS,
        tables: manifests.iter().filter_map(|job| table(&job.spec.source)).collect(),
    };
    let Some(site) = interrupt.or(Site::open(&args.site, &wanted, &progress)).await else {
        return Err(interrupt
            .failure(format!("interrupted before anything was signed. To try again:\n  {}", shell::command_line())));
    };
    let site = site?;
    let worker = worker(&site, backend)?;
    let run = Run { site: &site, worker: &worker, args: &args, interrupt: &interrupt, progress: &progress };
    run.jobs(&manifests).await
}

/// A run under way.
#[derive(Clone, Copy)]
struct Run<'a> {
    site: &'a Site,
    worker: &'a Worker,
    args: &'a RunArgs,
    interrupt: &'a Interrupt,
    progress: &'a Progress,
}

impl Run<'_> {
    async fn jobs(self, manifests: &[SigningJob]) -> Result<ExitCode, Failure> {
        let (mut all_good, mut told, mut signed) = (true, Ok(()), None);
        for manifest in manifests {
            let Some(ensured) = self.interrupt.or(ensure(self.site, manifest, self.args)).await else {
                return Err(self.interrupt.failure(format!(
                    "interrupted before {} was begun. To continue:\n  {}",
                    manifest.metadata.name.as_deref().unwrap_or_default(),
                    shell::command_line()
                )));
            };
            let Some(report) = self.one(ensured?).await? else { continue };
            // Whoever runs the command again wants to have signed what is there.
            let stale = report.is_old() && report.newer() > 0;
            if stale {
                output::remark(format_args!(
                    "{}: {} rows are newer than this job and not signed; --again signs the whole table again",
                    report.job(),
                    HumanCount(report.newer())
                ));
            }
            all_good &= report.is_good() && !stale;
            if report.is_good() {
                signed = Some(report.job().to_owned());
            }
            // Signing is what counts: jobs are finished though nobody can be told.
            if told.is_ok() {
                told = report.print(self.args.output);
            }
        }
        if let (Some(job), Output::Text, Ok(())) = (signed, self.args.output, &told) {
            output::remark(afterwards::next(self.site, &job));
        }
        match told {
            Err(untold) if all_good => Err(untold),
            Err(untold) => {
                untold.report();
                Ok(ExitCode::FAILURE)
            }
            Ok(()) if all_good => Ok(ExitCode::SUCCESS),
            Ok(()) => Ok(ExitCode::FAILURE),
        }
    }

    /// Drives one job to its end and verifies it. No report where only seeding was asked for.
    async fn one(self, job: Job) -> Result<Option<Report>, Failure> {
        let Self { site, worker, args, interrupt, progress } = self;
        let title = format!("{}/{}", job.namespace, job.name);
        let before = ledger_progress(&site.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
        let before = before.map_or(0, |counts| counts.signed.unsigned_abs());
        let begun = Instant::now();
        match drive::drive(&Driving { site, worker, args, interrupt, progress }, &job).await? {
            Driven::Ended => {}
            Driven::Seeded => {
                output::remark(format_args!(
                    "{title}: records and batches are made; run the same command without --seed-only to sign them"
                ));
                return Ok(None);
            }
            Driven::Interrupted => return Err(interrupt.failure(afterwards::interrupted(site, &job).await)),
        }
        let now = SignedNow { before, time: begun.elapsed() };
        let ended = jobs::by_id(&site.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
        let ended = ended.ok_or_else(|| lost(&title))?;
        match interrupt.or(self.check(&ended, now)).await {
            Some(report) => report.map(Some),
            None => Err(interrupt.failure(afterwards::interrupted(site, &ended).await)),
        }
    }

    async fn check(self, job: &Job, now: SignedNow) -> Result<Report, Failure> {
        let (ledger, args) = (&self.site.ledger, self.args);
        let mode = args.verify.unwrap_or(if job.total.unwrap_or(0).unsigned_abs() <= FULL_UP_TO {
            VerifyMode::Full
        } else {
            VerifyMode::Sample
        });
        self.progress.stage(&format!("{}/{}: verifying", job.namespace, job.name));
        self.progress.hide();
        let verified = verify::verify(ledger, job, mode, args.output == Output::Text).await?;
        Report::of(ledger, job, &verified, Some(now)).await
    }
}

/// A ledger whose row of the job went away in the middle, by hand or by a backup that was put back.
fn lost(title: &str) -> Failure {
    Failure::failed(format!(
        "{title} is lost: the ledger no longer has it. While it was being signed it was deleted, or the database was restored \
         to an earlier state. Nothing more is signed until you run the command again"
    ))
}

/// A worker that shares the run's connections.
///
/// # Errors
/// When there is no KEK, or the system refuses a thread.
pub fn worker(site: &Site, backend: Backend) -> Result<Worker, Failure> {
    let metrics = Arc::new(Metrics::new().map_err(|error| Failure::of(&error))?);
    let parts = Parts {
        ledger: site.ledger.clone(),
        streams: site.streams.clone(),
        keks: site.keks()?,
        backend,
        threads: cores(),
        memory: 32 << 20,
    };
    Worker::new(parts, metrics).map_err(|error| Failure::of(&error))
}

fn table(source: &Source) -> Option<&TableSource> {
    match source {
        Source::Table(table) => Some(table),
        Source::Generate(_) => None,
    }
}

fn manifests(args: &RunArgs) -> Result<Vec<SigningJob>, Failure> {
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for file in args.manifests() {
        let text = read(file)
            .map_err(|error| Failure::bad_input(format!("failed to read the manifest {}: {error}", file.display())))?;
        let jobs = match SigningJob::parse_manifests(&text) {
            Ok(jobs) => jobs,
            Err(error) => {
                let name = if file == Path::new("-") { "stdin".into() } else { file.display().to_string() };
                faults.extend(error.faults().iter().map(|fault| format!("{name}:{fault}")));
                continue;
            }
        };
        if let Some(job) = jobs.iter().find(|job| job.spec.suspend) {
            let name = job.metadata.name.as_deref().unwrap_or_default();
            return Err(Failure::bad_input(format!(
                "{name}: spec.suspend is true: set it to false to run the job here"
            )));
        }
        all.extend(jobs);
    }
    if faults.is_empty() { Ok(all) } else { Err(Failure::bad_input(faults.join("\n"))) }
}

/// The text of a manifest, or what of it is already too long.
fn read(file: &Path) -> std::io::Result<String> {
    let most = MAX_MANIFESTS as u64 + 1;
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(most).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// The job in the ledger: the live one of this name, or a new one.
async fn ensure(site: &Site, manifest: &SigningJob, args: &RunArgs) -> Result<Job, Failure> {
    let new = new_job(manifest);
    let title = format!("{}/{}", new.namespace, new.name);
    let failed = |error: QueryError| Failure::of(&error);
    let live = jobs::live(&site.ledger, CLUSTER, &new.namespace, &new.name).await.map_err(failed)?;
    let ensured = match live {
        Some(job) if job.state == JobState::Deleting => {
            return Err(Failure::bad_input(format!(
                "{title} is being deleted. To finish that: {} delete --job {title}{}",
                shell::program(),
                site.place.flags()
            )));
        }
        Some(job) if job.state.is_terminal() && args.again => {
            jobs::retire(&site.ledger, job.id).await.map_err(failed)?;
            jobs::ensure(&site.ledger, &new).await.map(|ensured| ensured.job)
        }
        Some(job) => {
            changes::refuse_others(&job, &new.spec, &site.place)?;
            if job.state.is_terminal() {
                output::remark(format_args!(
                    "{title} is already {}, nothing was signed now; --again signs it again",
                    job.state
                ));
                return Ok(job);
            }
            jobs::update_spec(&site.ledger, job.id, &new.spec, job.spec_generation + 1).await
        }
        None => jobs::ensure(&site.ledger, &new).await.map(|ensured| ensured.job),
    };
    ensured.map_err(|error| match error {
        EnsureError::Query(error) => failed(error),
        EnsureError::Gone => lost(&title),
        error => Failure::input(&error),
    })
}

/// A manifest as a job that the ledger does not know yet.
pub fn new_job(manifest: &SigningJob) -> NewJob {
    NewJob {
        uid: Uuid::new_v4(),
        cluster: CLUSTER.to_owned(),
        namespace: manifest.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        name: manifest.metadata.name.clone().unwrap_or_default(),
        spec: manifest.spec.clone(),
        generation: 1,
    }
}
