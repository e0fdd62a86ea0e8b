//! One job that follows the table while it grows.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;
use vaultstream_api::{GoDuration, SigningJob, SigningJobSpec};
use vaultstream_ledger::{Job, JobId, JobState, Progress, jobs, progress};
use vaultstream_lifecycle::{Driver, Until, drive};
use vaultstream_signing::Backend;
use vaultstream_worker::Shutdown;

use super::{
    super::{
        job::bench_job,
        path::{cpu, remove},
        processes::{forget_peak_memory, peak_memory_mib, per_record},
    },
    table::{BenchTable, failed},
    writers::{self, Pace, SESSIONS},
};
use crate::{args::BenchArgs, environment::Environment, error::Failure, job::new_job};

/// How often it is looked how far the job is.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long nothing may change before the run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one run measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FollowFigures {
    pub(super) batch_size: u32,
    pub(super) rows: u64,
    pub(super) rows_per_second: f64,
    pub(super) latency_millis: Latency,
    /// From the last insertion until all was signed.
    pub(super) left_seconds: f64,
    pub(super) peak_memory_mib: f64,
    pub(super) core_micros: RowMicros,
}

/// From a row's insertion to the signature's commit, by the server's clock at both statements, each of which comes before its commit.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) longest: f64,
}

/// Processor time in core-microseconds a row.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct RowMicros {
    /// The worker, and those who insert.
    pub(super) program: f64,
    pub(super) postgres: f64,
    pub(super) nats: f64,
}

/// Follows the table while rows are inserted, until all are signed.
pub(super) async fn follow(
    environment: &Environment,
    table: &BenchTable<'_>,
    backend: Backend,
    args: &BenchArgs,
    batch_size: u32,
) -> Result<FollowFigures, Failure> {
    table.renew(true).await?;
    let new = new_job(&manifest(args, batch_size)?);
    let job = jobs::ensure(&environment.ledger, &new).await.map_err(|error| Failure::input(&error))?.job;
    let at_work = AtWork::begin(environment, backend, args, &job)?;
    let measured = measure(environment, table, args, batch_size, &job).await;
    at_work.end().await?;
    remove(environment, &job).await;
    measured
}

async fn measure(
    environment: &Environment,
    table: &BenchTable<'_>,
    args: &BenchArgs,
    batch_size: u32,
    job: &Job,
) -> Result<FollowFigures, Failure> {
    let follows = |now: &Progress| now.state == JobState::Signing && now.lag == Some(Duration::ZERO);
    until(environment, job.id, follows).await?;
    let sessions = table.sessions(SESSIONS as usize).await?;
    forget_peak_memory();
    let before = cpu(environment);
    let growth = &args.growth;
    let (rate, time) = (Some(growth.insert_rate.get()), *growth.insert_time);
    let inserted = writers::insert(&sessions, Pace { rate, time, payload_bytes: args.payload_bytes }).await?;
    let stopped = Instant::now();
    let rows = i64::try_from(inserted.rows).unwrap_or(i64::MAX);
    until(environment, job.id, |now| now.signed >= rows).await?;
    let left_seconds = stopped.elapsed().as_secs_f64();
    let (used, peak_memory_mib) = (cpu(environment).since(before), peak_memory_mib());
    let micros = |seconds| per_record(seconds, inserted.rows);
    Ok(FollowFigures {
        batch_size,
        rows: inserted.rows,
        rows_per_second: inserted.per_second(),
        latency_millis: latency(environment, table, job.id, rows).await?,
        left_seconds,
        peak_memory_mib,
        core_micros: RowMicros {
            program: micros(used.worker),
            postgres: micros(used.postgres),
            nats: micros(used.nats),
        },
    })
}

/// A worker, and what drives the job.
struct AtWork {
    stop: Shutdown,
    worker: JoinHandle<Result<(), Failure>>,
    driver: JoinHandle<()>,
}

impl AtWork {
    fn begin(environment: &Environment, backend: Backend, args: &BenchArgs, job: &Job) -> Result<Self, Failure> {
        let (ledger, streams) = (environment.ledger.clone(), environment.streams.clone());
        let mut driver = Driver::new(ledger, streams, job.id, args.environment.nats.settings());
        let (worker, stop, uid) = (environment.worker(backend, None)?, Shutdown::default(), job.uid);
        let stopping = stop.clone();
        let working = async move {
            let ended = worker.work_on(uid, &stopping).await;
            ended.map(|_| ()).map_err(|error| Failure::of(&error))
        };
        let driving = async move {
            if let Err(error) = drive(&mut driver, &mut Until(None)).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the job is driven no more");
            }
        };
        Ok(Self { stop, worker: tokio::spawn(working), driver: tokio::spawn(driving) })
    }

    async fn end(self) -> Result<(), Failure> {
        self.stop.drain.cancel();
        self.driver.abort();
        self.worker.await.map_err(|error| Failure::of(&error))?
    }
}

/// Waits until the job is as wished.
async fn until(environment: &Environment, job: JobId, is: impl Fn(&Progress) -> bool) -> Result<(), Failure> {
    let (mut signed, mut since) = (0, Instant::now());
    loop {
        let now = progress(&environment.ledger, job).await.map_err(|error| Failure::of(&error))?;
        let now = now.ok_or_else(|| Failure::failed("the job is gone"))?;
        if is(&now) {
            return Ok(());
        }
        if now.signed > signed {
            (signed, since) = (now.signed, Instant::now());
        }
        if now.state.is_terminal() || now.rejected > 0 || since.elapsed() > PATIENCE {
            return Err(Failure::failed(format!(
                "the job is {} with {signed} rows signed and {} rejected, and does not go on",
                now.state, now.rejected
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn latency(environment: &Environment, table: &BenchTable<'_>, job: JobId, rows: i64) -> Result<Latency, Failure> {
    let job = jobs::by_id(&environment.ledger, job).await.map_err(|error| Failure::of(&error))?;
    let view = job.as_ref().and_then(Job::signed_view_as_sql).ok_or_else(|| Failure::failed("the job has no view"))?;
    let sql = format!(
        "SELECT count(*) AS rows, percentile_disc('{{0.5, 0.95, 0.99, 1}}'::float8[]) WITHIN GROUP \
           (ORDER BY (extract(epoch FROM s.signed_at - o.placed) * 1000)::float8) AS millis FROM {view} s JOIN {} o USING (id)",
        BenchTable::sql_name()
    );
    let row = table.sql().query_one(&sql, &[]).await.map_err(failed)?;
    let (signed, millis): (i64, Option<Vec<f64>>) = (row.get("rows"), row.get("millis"));
    match millis.as_deref() {
        Some(&[p50, p95, p99, longest]) if signed == rows => Ok(Latency { p50, p95, p99, longest }),
        _ => Err(Failure::failed(format!("{signed} of {rows} rows have a signature"))),
    }
}

fn manifest(args: &BenchArgs, batch_size: u32) -> Result<SigningJob, Failure> {
    let max_delay = GoDuration::from_std(*args.growth.max_delay).to_string();
    let spec = json!({
        "source": BenchTable::source(),
        "follow": {"maxDelay": max_delay},
        "batchSize": batch_size,
        "keys": {"count": args.keys},
    });
    let spec: SigningJobSpec = serde_json::from_value(spec).map_err(|error| Failure::input(&error))?;
    bench_job(spec)
}
