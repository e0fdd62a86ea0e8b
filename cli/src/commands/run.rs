//! `vaultstream run`: each job of the manifests, one after the other.

mod anchors;
mod changes;
mod context;
mod drive;
mod manifests;
mod next_steps;

use std::{process::ExitCode, time::Instant};

use indicatif::HumanCount;
use tokio_util::sync::CancellationToken;
use vaultstream_api::{SigningJob, Source, TableSource};
use vaultstream_certificates::Issuer;
use vaultstream_ledger::{
    Job, JobState, QueryError,
    jobs::{self, EnsureError},
    progress as ledger_progress,
};
use vaultstream_program::memory;
use vaultstream_signing::Backend;

use self::{context::RunContext, drive::DriveOutcome};
use crate::{
    args::{OutputFormat, RunArgs, VerifyMode},
    environment::Environment,
    error::Failure,
    interrupt::Interrupt,
    job::{self, CLUSTER},
    output,
    progress::ProgressDisplay,
    report::{Report, SignedNow},
    shell, verdict, verify,
    web::{self, LocalPage},
};

/// Jobs of at most this size are verified in full unless `--verify` says otherwise.
const FULL_VERIFICATION_LIMIT: u64 = 100_000;

/// Signs every job of the manifests.
///
/// # Errors
/// One sentence.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    memory::keep_private().map_err(|error| Failure::of(&error))?;
    let interrupt = Interrupt::listen("finishing what is in flight; press Ctrl-C again to stop now")
        .map_err(|error| Failure::of(&error))?;
    let manifests = manifests::read_all(&args)?;
    let backend = Backend::choose(args.backend).map_err(|error| Failure::input(&error))?;
    let issuer = issuer(&args)?;
    tell_uncertified(&manifests, issuer.as_ref());
    let progress = ProgressDisplay::of_run(args.output == OutputFormat::Text);
    let followed = |job: &SigningJob| job.spec.follow.is_some();
    let tables: Vec<_> =
        manifests.iter().filter_map(|job| table(&job.spec.source).map(|table| (table, followed(job)))).collect();
    let Some(environment) = interrupt.or(Environment::open(&args.environment, &args.source, &tables, &progress)).await
    else {
        return Err(interrupt
            .failure(format!("interrupted before anything was signed. To try again:\n  {}", shell::command_line())));
    };
    let environment = environment?;
    serve_page(&args, &environment).await?;
    let worker = environment.worker(backend, issuer)?;
    let run = RunContext {
        environment: &environment,
        worker: &worker,
        args: &args,
        interrupt: &interrupt,
        progress: &progress,
    };
    run.jobs(&manifests).await
}

/// Serves the live page until the program ends, if that was asked for.
async fn serve_page(args: &RunArgs, environment: &Environment) -> Result<(), Failure> {
    let Some(address) = args.web else { return Ok(()) };
    let page = LocalPage::of(environment.ledger.clone(), &environment.location, None);
    let serving = web::listen(address, "--web").await?;
    tokio::spawn(async move {
        if let Err(failure) = serving.serve(page, CancellationToken::new()).await {
            output::report(&failure);
        }
    });
    Ok(())
}

/// What certifies receipt keys, if that was asked for.
fn issuer(args: &RunArgs) -> Result<Option<Issuer>, Failure> {
    let files = args.issuer_cert.as_deref().zip(args.issuer_key.as_deref());
    files.map(|(certificate, key)| Issuer::read(certificate, key)).transpose().map_err(|error| Failure::input(&error))
}

/// A manifest of a cluster runs here, too, where there is no cert-manager.
fn tell_uncertified(manifests: &[SigningJob], issuer: Option<&Issuer>) {
    let certified = manifests.iter().filter(|job| job.spec.signing.issuer_ref.is_some());
    for job in certified.filter(|_| issuer.is_none()) {
        output::remark(format_args!(
            "{}: spec.signing.issuerRef needs cert-manager, so the receipt gets no certificate here; --issuer-cert and --issuer-key certify it",
            job.metadata.name.as_deref().unwrap_or_default()
        ));
    }
}

impl RunContext<'_> {
    async fn jobs(self, manifests: &[SigningJob]) -> Result<ExitCode, Failure> {
        let (mut all_good, mut printed, mut signed) = (true, Ok(()), None);
        for manifest in manifests {
            let Some(ensured) = self.interrupt.or(ensure(self.environment, manifest, self.args)).await else {
                return Err(self.interrupt.failure(format!(
                    "interrupted before {} was begun. To continue:\n  {}",
                    manifest.metadata.name.as_deref().unwrap_or_default(),
                    shell::command_line()
                )));
            };
            let Some(report) = self.one(ensured?).await? else { continue };
            // A command that is run again is meant to sign the rows that are there now.
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
            // Signing is what counts: the other jobs are finished even when stdout is closed.
            if printed.is_ok() {
                printed = report.print(self.args.output);
            }
        }
        if let (Some(job), OutputFormat::Text, Ok(())) = (signed, self.args.output, &printed) {
            output::remark(next_steps::next(&self.environment.location, &job));
        }
        match printed {
            Err(unprinted) if all_good => Err(unprinted),
            Err(unprinted) => {
                output::report(&unprinted);
                Ok(ExitCode::FAILURE)
            }
            Ok(()) if all_good => Ok(ExitCode::SUCCESS),
            Ok(()) => Ok(ExitCode::FAILURE),
        }
    }

    /// Drives one job to its end and verifies it. Returns no report when only seeding was asked for.
    async fn one(self, job: Job) -> Result<Option<Report>, Failure> {
        let Self { environment, interrupt, .. } = self;
        let title = job::title(&job);
        let before = ledger_progress(&environment.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
        let before = before.map_or(0, |counts| counts.signed.unsigned_abs());
        let begun = Instant::now();
        match drive::drive(self, &job).await? {
            DriveOutcome::Ended => {}
            DriveOutcome::Seeded => {
                output::remark(format_args!(
                    "{title}: records and batches are made; run the same command without --seed-only to sign them"
                ));
                return Ok(None);
            }
            DriveOutcome::Interrupted => {
                return match next_steps::stopped_following(environment, &job).await {
                    Some(words) => {
                        output::remark(words);
                        Ok(None)
                    }
                    None => Err(interrupt.failure(next_steps::interrupted(environment, &job).await)),
                };
            }
        }
        let now = SignedNow { before, time: begun.elapsed() };
        let ended = jobs::by_id(&environment.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
        let ended = ended.ok_or_else(|| lost(&title))?;
        match interrupt.or(self.anchor_and_check(&ended, now)).await {
            Some(report) => report.map(Some),
            None => Err(interrupt.failure(next_steps::interrupted(environment, &ended).await)),
        }
    }

    async fn anchor_and_check(self, job: &Job, now: SignedNow) -> Result<Report, Failure> {
        let anchors = anchors::ask(self, job).await?;
        Ok(self.check(job, now).await?.anchored(anchors))
    }

    async fn check(self, job: &Job, now: SignedNow) -> Result<Report, Failure> {
        let (ledger, args) = (&self.environment.ledger, self.args);
        let mode = args.verify.unwrap_or(if job.total.unwrap_or(0).unsigned_abs() <= FULL_VERIFICATION_LIMIT {
            VerifyMode::Full
        } else {
            VerifyMode::Sample
        });
        self.progress.stage(&format!("{}: verifying", job::title(job)));
        self.progress.hide();
        let verified = verify::check_finished(ledger, job, mode, args.output == OutputFormat::Text).await?;
        let report = Report::of(ledger, job, &verified, Some(now)).await?;
        if verified.mode.is_some() && job.state == JobState::Complete {
            verdict::keep(ledger, job, (mode, &verified), &report).await;
        }
        Ok(report)
    }
}

/// The failure of a run whose job disappeared from the ledger, deleted or by the restoration of a backup.
fn lost(title: &str) -> Failure {
    Failure::failed(format!(
        "{title} is lost: the ledger no longer has it. While it was being signed it was deleted, or the database was restored \
         to an earlier state. Nothing more is signed until you run the command again"
    ))
}

fn table(source: &Source) -> Option<&TableSource> {
    match source {
        Source::Table(table) => Some(table),
        Source::Generate(_) => None,
    }
}

/// The job in the ledger: the live one of this name, or a new one.
async fn ensure(environment: &Environment, manifest: &SigningJob, args: &RunArgs) -> Result<Job, Failure> {
    let new = job::new_job(manifest);
    let title = format!("{}/{}", new.namespace, new.name);
    let failed = |error: QueryError| Failure::of(&error);
    let live = jobs::live(&environment.ledger, CLUSTER, &new.namespace, &new.name).await.map_err(failed)?;
    let ensured = match live {
        Some(job) if job.state == JobState::Deleting => {
            return Err(Failure::bad_input(format!(
                "{title} is being deleted. To finish that: {} delete --job {title}{}",
                shell::program(),
                environment.location.flags()
            )));
        }
        Some(job) if job.state.is_terminal() && args.again => {
            jobs::retire(&environment.ledger, job.id).await.map_err(failed)?;
            jobs::ensure(&environment.ledger, &new).await.map(|ensured| ensured.job)
        }
        Some(job) => {
            changes::refuse_others(&job, &new.spec, &environment.location)?;
            if job.state.is_terminal() {
                output::remark(format_args!(
                    "{title} is already {}, nothing was signed now; --again signs it again",
                    job.state
                ));
                return Ok(job);
            }
            jobs::update_spec(&environment.ledger, job.id, &new.spec, job.spec_generation + 1).await
        }
        None => jobs::ensure(&environment.ledger, &new).await.map(|ensured| ensured.job),
    };
    ensured.map_err(|error| match error {
        EnsureError::Query(error) => failed(error),
        EnsureError::Gone => lost(&title),
        error => Failure::input(&error),
    })
}
