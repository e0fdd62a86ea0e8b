//! `vaultstream run`: each job of the manifests, one after the other.

use std::{io::Read as _, path::Path, process::ExitCode, sync::Arc};

use uuid::Uuid;
use vaultstream_api::{MAX_MANIFESTS, SigningJob};
use vaultstream_ledger::{
    Job, NewJob, QueryError,
    jobs::{self, EnsureError},
};
use vaultstream_signing::Backend;
use vaultstream_worker::{Parts, Shutdown, Worker, cores, listen_for_signals, metrics::Metrics};

use crate::{
    args::{Output, RunArgs, VerifyMode},
    drive::{self, Driven},
    error::Failure,
    output, report,
    site::Site,
    verify,
};

/// What the ledger says of where a job came from; on a cluster, its identity.
const CLUSTER: &str = "local";

/// Connections of a run: the worker's six, and two for what drives and shows the job.
pub(crate) const CONNECTIONS: usize = 8;

/// Up to so many records every signature is verified unless told otherwise.
const FULL_UP_TO: u64 = 100_000;

/// Signs every job of the manifests.
///
/// # Errors
/// One sentence.
pub async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let manifests = manifests(&args)?;
    let backend = Backend::choose(args.backend).map_err(|error| Failure::input(&error))?;
    let shutdown = Shutdown::default();
    listen_for_signals(&shutdown).map_err(|error| Failure::of(&error))?;
    let site = Site::open(&args.site, CONNECTIONS).await?;
    let worker = worker(&site, backend)?;
    let (mut all_complete, mut told) = (true, Ok(()));
    for manifest in manifests {
        let job = ensure(&site, &manifest, &args).await?;
        let Some(report) = one(&site, &worker, job, &args, &shutdown).await? else { continue };
        all_complete &= report.is_good();
        // Signing is what counts: jobs are finished though nobody can be told.
        if told.is_ok() {
            told = report.print(args.output);
        }
    }
    match told {
        Err(untold) if all_complete => Err(untold),
        Err(untold) => {
            untold.report();
            Ok(ExitCode::FAILURE)
        }
        Ok(()) if all_complete => Ok(ExitCode::SUCCESS),
        Ok(()) => Ok(ExitCode::FAILURE),
    }
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
    let failed = |error: QueryError| Failure::of(&error);
    let live = jobs::live(&site.ledger, CLUSTER, &new.namespace, &new.name).await.map_err(failed)?;
    let ensured = match live {
        Some(job) if job.state.is_final() && args.again => {
            jobs::retire(&site.ledger, job.id).await.map_err(failed)?;
            jobs::ensure(&site.ledger, &new).await.map(|ensured| ensured.job)
        }
        // A finished job is only told and verified again; what its manifest says now does not matter any more.
        Some(job) if job.state.is_final() => {
            output::remark(format_args!(
                "{}/{} is {} already; --again signs it anew",
                new.namespace, new.name, job.state
            ));
            Ok(job)
        }
        Some(job) => jobs::update_spec(&site.ledger, job.id, &new.spec, job.spec_generation + 1).await,
        None => jobs::ensure(&site.ledger, &new).await.map(|ensured| ensured.job),
    };
    ensured.map_err(|error| match error {
        EnsureError::Query(error) => failed(error),
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

/// Drives one job to its end and verifies it. No report where only seeding was asked for.
async fn one(
    site: &Site,
    worker: &Worker,
    job: Job,
    args: &RunArgs,
    shutdown: &Shutdown,
) -> Result<Option<report::Report>, Failure> {
    let title = format!("{}/{}", job.namespace, job.name);
    match drive::drive(site, worker, &job, args, shutdown).await? {
        Driven::Ended => {}
        Driven::Seeded => {
            output::remark(format_args!(
                "{title}: records and batches are made; run the same command without --seed-only to sign them"
            ));
            return Ok(None);
        }
        Driven::Interrupted => return Err(interrupted(site, &title)),
    }
    let job = jobs::by_id(&site.ledger, job.id)
        .await
        .map_err(|error| Failure::of(&error))?
        .ok_or_else(|| Failure::failed(format!("{title} was deleted meanwhile")))?;
    let mode = args.verify.unwrap_or(if job.total.unwrap_or(0).unsigned_abs() <= FULL_UP_TO {
        VerifyMode::Full
    } else {
        VerifyMode::Sample
    });
    let verified = verify::verify(&site.ledger, &job, mode, args.output == Output::Text).await?;
    report::Report::of(&site.ledger, &job, &verified).await.map(Some)
}

fn interrupted(site: &Site, title: &str) -> Failure {
    if site.temporary {
        Failure::interrupted(format!("{title} was interrupted; with --data-dir DIR its work would have been kept"))
    } else {
        Failure::interrupted(format!("{title} was interrupted; what was signed is committed, the same command goes on"))
    }
}
