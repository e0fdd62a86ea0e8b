//! The signing worker: pulls batches, leases keys, signs, commits, acknowledges.
//!
//! Read `lane.rs` first: it is the path of one unit, with the invariants that hold there. `pipeline.rs` shows the tasks
//! around it and how they end.

pub mod config;
pub mod connection;
pub mod cpu;
pub mod memory_budget;
pub mod metrics;

mod backends;
mod breaker;
mod certificate;
mod certification;
mod checkpoint;
mod confirm;
mod custody;
mod evidence;
mod finish;
mod follower;
mod gather;
mod in_flight;
mod job;
mod keys;
mod lane;
mod parts;
mod pipeline;
mod planner;
mod program;
mod rate_limit;
mod read;
mod receipt;
mod receipt_key;
mod segment;
mod self_test;
mod session;
mod shared;
mod sign;
mod source_health;
mod unit;
mod withdraw;
mod work;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uuid::Uuid;
use vaultstream_custody::Wrappers;
use vaultstream_ledger::Ledger;
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature};
use vaultstream_streams::Streams;

pub use certification::Certification;
pub use custody::{CustodyError, WrapError};
pub use keys::KeyError;
pub use program::{ProgramError, main, run};
pub use receipt::{ReceiptFacts, key_uses, receipt_of};
pub use session::SessionError;
pub use shared::Shutdown;
pub use work::{Ended, WorkError};

use crate::{
    breaker::Breaker,
    cpu::CpuPool,
    memory_budget::MemoryBudget,
    metrics::{Dependency, Metrics},
    shared::Shared,
};

/// What a worker works with.
pub struct WorkerConfig {
    /// The ledger.
    pub ledger: Ledger,
    /// The streams.
    pub streams: Streams,
    /// What wraps data keys.
    pub wrappers: Wrappers,
    /// How long to wait for a service that wraps data keys and does not respond.
    pub connect_timeout: Duration,
    /// What certifies receipt keys.
    pub certification: Certification,
    /// What signs, unless the job's nonces want another.
    pub backend: Backend,
    /// The number of signing threads.
    pub threads: NonZeroUsize,
    /// Bytes that units in flight may hold.
    pub memory: usize,
}

/// A signing worker.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    /// A worker with its signing threads started.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(config: WorkerConfig, metrics: Arc<Metrics>) -> Result<Self, std::io::Error> {
        let WorkerConfig { ledger, streams, wrappers, connect_timeout, certification, backend, threads, memory } =
            config;
        let unusable = metrics.unusable.clone();
        streams.on_unusable(move || unusable.inc());
        let shared = Shared {
            ledger,
            streams,
            wrappers: Arc::new(wrappers),
            connect_timeout,
            certification,
            backend,
            cpu: CpuPool::start(threads, warm_up)?,
            budget: MemoryBudget::new(memory),
            postgres: Breaker::new(Dependency::Postgres, Arc::clone(&metrics)),
            nats: Breaker::new(Dependency::Nats, Arc::clone(&metrics)),
            source: Breaker::new(Dependency::Source, Arc::clone(&metrics)),
            custody: Breaker::new(Dependency::Custody, Arc::clone(&metrics)),
            metrics,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Signs the job `uid` until it is over or `shutdown` begins. Waits for a job that has no work yet.
    ///
    /// # Errors
    /// [`WorkError`], for what waiting cannot mend.
    pub fn work_on<'w>(&'w self, uid: Uuid, shutdown: &'w Shutdown) -> BoxFuture<'w, Result<Ended, WorkError>> {
        let work = work::work_on(&self.shared, uid, shutdown);
        async move {
            tokio::select! {
                ended = work => ended,
                never = self_test::repeat(&self.shared.cpu, &self.shared.metrics) => match never {},
            }
        }
        .boxed()
    }

    /// Whether all dependencies respond, as far as is known.
    pub fn is_ready(&self) -> bool {
        let Shared { postgres, nats, source, custody, .. } = &*self.shared;
        [postgres, nats, source, custody].into_iter().all(Breaker::is_closed)
    }

    /// The worker's metrics.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }
}

/// Signs once, so that each thread has seeded its random generator and built its tables before it is needed.
fn warm_up() {
    let Ok(key) = PrivateKey::generate() else { return };
    if let Ok(mut signer) = Backend::fastest().signer(&key, Nonce::Hedged) {
        let mut out = [RawSignature::EMPTY];
        // A failure occurs again with the first unit, which reports it.
        let _ = signer.sign(&[Digest::of(b"warm-up")], &mut out);
    }
}
