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
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Operator, Place};
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
        let operator = self.place.operator("operator").await.args(args);
        let operator = operator.env("KUBECONFIG", self.kubeconfig.to_str().unwrap()).start();
        operator.until_leading().await;
        operator
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
