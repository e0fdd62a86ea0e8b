//! The whole path: a new job is seeded, then signed by a worker in this process, with durable commits.

use serde::Serialize;
use vaultstream_api::{GenerateSource, SigningJob, SigningJobSpec, Source};
use vaultstream_ledger::{
    JobState, jobs,
    steps::{self, Deleted, Step},
};
use vaultstream_lifecycle::{Driver, Until, drive};
use vaultstream_signing::Backend;
use vaultstream_worker::{
    Shutdown,
    metrics::{Metrics, Stage},
};

use super::{
    job::bench_job,
    processes::{Cpu, forget_peak_memory, peak_memory_mib, per_record},
};
use crate::{
    args::BenchArgs,
    environment::Environment,
    error::Failure,
    job::{keep_nothing, new_job},
};

/// What one run of the whole path measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PathFigures {
    /// First batch published to last commit.
    pub(super) seconds: f64,
    pub(super) records_per_second: f64,
    pub(super) seed_seconds: f64,
    pub(super) peak_memory_mib: f64,
    /// Core-microseconds a record.
    pub(super) core_micros: CoreMicros,
}

/// Where processor time went, in core-microseconds a record.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct CoreMicros {
    pub(super) sign: f64,
    pub(super) verify: f64,
    /// Merkle leaves and roots, COPY rows.
    pub(super) encode: f64,
    /// The rest of the worker: reading and hashing payloads, protocols, driving the job.
    pub(super) worker: f64,
    pub(super) postgres: f64,
    pub(super) nats: f64,
}

/// Seeds and signs one job.
pub(super) async fn sign(
    environment: &Environment,
    backend: Backend,
    args: &BenchArgs,
    batch_size: u32,
) -> Result<PathFigures, Failure> {
    let worker = environment.worker(backend, None)?;
    let job = jobs::ensure(&environment.ledger, &new_job(&manifest(args, batch_size)?))
        .await
        .map_err(|error| Failure::input(&error))?
        .job;
    let mut driver =
        Driver::new(environment.ledger.clone(), environment.streams.clone(), job.id, args.environment.nats.settings());
    advance(&mut driver, Some(JobState::Signing)).await?;
    // What seeding has not yet written to disk must not slow down signing.
    environment.ledger.checkpoint().await.map_err(|error| Failure::of(&error))?;
    forget_peak_memory();
    let before = cpu(environment);
    let stop = Shutdown::default();
    let working = {
        let (worker, stop) = (worker.clone(), stop.clone());
        tokio::spawn(async move { worker.work_on(job.uid, &stop).await })
    };
    let driven = advance(&mut driver, None).await;
    stop.drain.cancel();
    working.await.map_err(|error| Failure::of(&error))?.map_err(|error| Failure::of(&error))?;
    driven?;
    let used = cpu(environment).since(before);
    let job = jobs::by_id(&environment.ledger, job.id)
        .await
        .map_err(|error| Failure::of(&error))?
        .ok_or_else(|| Failure::failed("the job is gone"))?;
    if job.state != JobState::Complete {
        return Err(Failure::failed(format!("the job is {}, not Complete", job.state)));
    }
    let result = measured(&job, args.records, used, worker.metrics());
    remove(environment, &job).await;
    Ok(result)
}

/// Processor time so far of this process, and of the private servers.
pub(super) fn cpu(environment: &Environment) -> Cpu {
    let servers = environment.servers.as_ref();
    Cpu::now(servers.and_then(|servers| servers.postgres_pid()), servers.and_then(|servers| servers.nats_pid()))
}

fn measured(job: &vaultstream_ledger::Job, records: u64, used: Cpu, metrics: &Metrics) -> PathFigures {
    let between = |from: Option<std::time::SystemTime>, to: Option<std::time::SystemTime>| {
        from.zip(to).and_then(|(from, to)| to.duration_since(from).ok()).unwrap_or_default().as_secs_f64()
    };
    let seconds = between(job.times.published, job.times.signed);
    let stage = |stage| metrics.cpu_seconds(stage);
    let (sign, verify, encode) = (stage(Stage::Sign), stage(Stage::Verify), stage(Stage::Encode));
    let micros = |seconds| per_record(seconds, records);
    PathFigures {
        seconds,
        records_per_second: records as f64 / seconds.max(f64::MIN_POSITIVE),
        seed_seconds: between(Some(job.times.created), job.times.seeded),
        peak_memory_mib: peak_memory_mib(),
        core_micros: CoreMicros {
            sign: micros(sign),
            verify: micros(verify),
            encode: micros(encode),
            worker: micros(used.worker - sign - verify - encode),
            postgres: micros(used.postgres),
            nats: micros(used.nats),
        },
    }
}

fn manifest(args: &BenchArgs, batch_size: u32) -> Result<SigningJob, Failure> {
    let source = Source::Generate(GenerateSource { records: args.records, payload_bytes: args.payload_bytes });
    let mut spec = SigningJobSpec::new(source);
    spec.batch_size = batch_size;
    spec.keys.count = args.keys;
    bench_job(spec)
}

/// Drives the job until it is in `state`, or to its end.
async fn advance(driver: &mut Driver, state: Option<JobState>) -> Result<(), Failure> {
    drive(driver, &mut Until(state)).await.map(|_| ()).map_err(|error| Failure::of(&error))
}

/// Frees the name and the disk for the next run.
pub(super) async fn remove(environment: &Environment, job: &vaultstream_ledger::Job) {
    let nothing = keep_nothing();
    while let Ok(Step::Done(Deleted::More) | Step::Busy) = steps::delete(&environment.ledger, job.id, &nothing).await {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
