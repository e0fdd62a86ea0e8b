//! An operator whose writes fail and whose caches are stale. Between it and the API server is a proxy (`proxy`), which makes any
//! write fail in four ways and any watch late, lossy or short. Whatever happens, each job ends as one without faults.
//!
//! `VAULTSTREAM_STALE_SEED` plays the same choices again. `VAULTSTREAM_STALE_LONG` makes every write fail in every way.

mod chance;
mod life;
mod names;
mod orphans;
mod proxy;
mod writes;

use std::path::PathBuf;
use std::pin::pin;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Operator, OperatorProgram, Place};
use proxy::ApiProxy;

/// A place whose operators reach the API server through a proxy.
struct Proxied {
    place: Place,
    proxy: ApiProxy,
    kubeconfig: PathBuf,
}

impl Proxied {
    async fn new() -> Self {
        let place = Place::new().await;
        let proxy = ApiProxy::start().await;
        let kubeconfig = proxy.kubeconfig(&place.kubeconfig);
        Self { place, proxy, kubeconfig }
    }

    async fn start_operator(&self) -> Operator {
        self.start_with(&[]).await
    }

    async fn start_with(&self, args: &[&str]) -> Operator {
        let operator = self.operator().await.args(args).start();
        operator.until_leading().await;
        operator
    }

    async fn operator(&self) -> OperatorProgram {
        self.place.operator("operator").await.env("KUBECONFIG", self.kubeconfig.to_str().unwrap())
    }

    /// Does `work`, and starts the operator again when it has lost its Lease, as its Deployment does: a busy machine has an API server
    /// that sometimes does not respond for that long. Any other end fails at once, because all that follows would be waited for in vain.
    async fn operated<T>(&self, operator: &mut Operator, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let status = tokio::select! {
                done = &mut work => return done,
                status = operator.ended() => status,
            };
            assert!(operator.stderr().contains("the Lease was lost"), "the operator has ended: {status}");
            println!("the operator has lost its Lease, and is started again");
            *operator = self.operator().await.start();
        }
    }
}

/// The seed of this run, printed.
fn seed() -> u64 {
    let given = std::env::var("VAULTSTREAM_STALE_SEED").ok().map(|seed| seed.parse().unwrap());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let seed = given.unwrap_or_else(now);
    println!("VAULTSTREAM_STALE_SEED={seed}");
    seed
}

/// Whether this is the long run.
fn is_long() -> bool {
    std::env::var_os("VAULTSTREAM_STALE_LONG").is_some()
}
