//! `vaultstream delete`: removes a job with its streams, records and signatures.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use indicatif::HumanCount;
use vaultstream_api::{DeletionPolicy, Retention};
use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::{
    Job, Ledger, progress,
    steps::{self, Deleted, Step},
};
use vaultstream_streams::Streams;

use crate::{
    args::{DeleteArgs, SourceArgs},
    connect,
    error::Failure,
    job, ledger,
    location::LedgerLocation,
    output::{self, printable},
};

/// Interval of attempts while another program holds the job's lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Removes a job's streams, partitions and rows.
///
/// # Errors
/// One sentence; what was removed is gone, and the same command removes the rest.
pub(crate) async fn delete(args: DeleteArgs) -> Result<ExitCode, Failure> {
    let target = Target::open(&args).await?;
    let job = ledger::find(&target.ledger, &args.job).await?;
    let title = printable(&job::title(&job)).into_owned();
    if job.cluster != job::CLUSTER && !args.force {
        return Err(Failure::bad_input(format!(
            "{title} belongs to the cluster {}, which may be working on it. Delete it there: kubectl delete signingjob -n {} {}. If \
             that cluster is gone, --force deletes it here",
            job.cluster, job.namespace, job.name
        )));
    }
    if !args.yes {
        confirm(&target.ledger, &job, &title, args.keep_signatures).await?;
    }
    match &target.streams {
        Some(streams) => {
            streams.delete_other_generations(job.uid, None).await.map_err(|error| Failure::of(&error))?;
        }
        None => output::remark("the job's streams in NATS, if it has any, were not removed: that needs --nats-url URL"),
    }
    // Signatures of generated records cannot be checked without the records.
    let kept = if args.keep_signatures { Retention::Retain } else { Retention::Delete };
    remove(&target.ledger, &job, &DeletionPolicy { signatures: kept, records: kept }).await?;
    output::line(if args.keep_signatures {
        format!("{title} is deleted; its signatures are kept under the uid {}", job.uid)
    } else {
        format!("{title} is deleted")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The job's ledger and, if known, its streams. Private servers stop when this is dropped.
struct Target {
    ledger: Ledger,
    streams: Option<Streams>,
    _servers: Option<Servers>,
}

impl Target {
    async fn open(args: &DeleteArgs) -> Result<Self, Failure> {
        let timeout = *args.ledger.connect_timeout;
        let location = LedgerLocation::of(args.ledger.database_url.as_deref(), args.ledger.data_dir.as_deref());
        let (url, nats, servers) = match (&location.database, &location.data_dir) {
            (Some((url, _)), _) => (url.clone(), args.nats_url.clone(), None),
            (None, Some(dir)) => {
                let servers = start(dir).await?;
                let nats = args.nats_url.clone().unwrap_or_else(|| servers.nats_url().to_owned());
                (servers.database_url().to_owned(), Some(nats), Some(servers))
            }
            (None, None) => return Err(ledger::which()),
        };
        let ledger = connect::ledger(&url, &SourceArgs::default(), 2, timeout).await?;
        let version = ledger.check_version().await.map_err(|error| Failure::input(&error))?;
        location.tell(&ledger, version, "");
        let streams = match nats {
            Some(nats) => Some(connect::streams(&args.nats, nats, timeout).await?),
            None => None,
        };
        Ok(Self { ledger, streams, _servers: servers })
    }
}

async fn start(dir: &Path) -> Result<Servers, Failure> {
    // A data-dir that does not exist is not created.
    if !dir.join("servers").exists() {
        return Err(Failure::bad_input(format!(
            "there is no run of vaultstream in {}: check --data-dir",
            dir.display()
        )));
    }
    let options = Options::kept(dir);
    let started = tokio::task::spawn_blocking(move || Servers::start(&options)).await;
    started.map_err(|error| Failure::of(&error))?.map_err(|error| Failure::input(&error))
}

/// Asks on the terminal. Without a terminal the job is not deleted.
async fn confirm(ledger: &Ledger, job: &Job, title: &str, keep_signatures: bool) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::bad_input(format!(
            "{title} was not deleted: there is no terminal to ask on, so give --yes"
        )));
    }
    let counts = progress(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let signed = HumanCount(counts.map_or(0, |counts| counts.signed.unsigned_abs()));
    let fate = if keep_signatures { "are kept" } else { "are lost" };
    output::remark(format_args!("Delete {title} ({})? Its {signed} signatures {fate}. [y/N]", job.state));
    let asked = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = asked.await.map_err(|error| Failure::of(&error))?.unwrap_or_default();
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::bad_input(format!("{title} is not deleted"))),
    }
}

/// Deletes step by step, until nothing is left.
async fn remove(ledger: &Ledger, job: &Job, policy: &DeletionPolicy) -> Result<(), Failure> {
    loop {
        match steps::delete(ledger, job.id, policy).await {
            Ok(Step::Done(Deleted::Done) | Step::Gone | Step::WrongState(_)) => return Ok(()),
            Ok(Step::Done(Deleted::More)) => {}
            Ok(Step::Busy) => {
                output::remark_once("waiting for a program that still works on the job");
                tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
            }
            Err(error) => return Err(Failure::of(&error)),
        }
    }
}
