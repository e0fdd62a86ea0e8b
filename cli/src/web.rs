//! The live page on a machine of one's own: whoever reaches it has the rights of the program.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_ledger::{Job, Ledger};
use vaultstream_page::{Event, Place, Refused, Rights, Viewer, Workers};
use vaultstream_program::admin;

use crate::{
    args::{ClusterArgs, LocalAddress},
    error::Failure,
    job,
    location::LedgerLocation,
    output,
    shell::{program, quoted},
};

/// The page of a ledger.
pub(crate) struct LocalPage {
    ledger: Ledger,
    /// What leads other commands to the same ledger, each after a blank.
    flags: String,
}

impl LocalPage {
    pub(crate) fn of(ledger: Ledger, location: &LedgerLocation, cluster: Option<&ClusterArgs>) -> Self {
        Self { ledger, flags: cluster.map_or_else(|| location.flags(), cluster_flags) }
    }
}

/// The flags by which another command finds the same cluster, but for the namespace, which is the job's.
fn cluster_flags(cluster: &ClusterArgs) -> String {
    let ClusterArgs { context, kubeconfig, .. } = cluster;
    let context = context.as_ref().map(|name| format!(" --context {}", quoted(name)));
    let kubeconfig = kubeconfig.as_ref().map(|file| format!(" --kubeconfig {}", quoted(&file.to_string_lossy())));
    [context, kubeconfig].into_iter().flatten().collect()
}

impl Place for LocalPage {
    fn name(&self) -> &'static str {
        "laptop"
    }

    fn rights(&self) -> Rights {
        Rights::None
    }

    fn cluster(&self) -> Option<String> {
        None
    }

    fn ledger(&self) -> Result<Ledger, String> {
        Ok(self.ledger.clone())
    }

    fn viewer<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<Box<dyn Viewer>, Refused>> {
        async { Ok(Box::new(Anybody) as Box<dyn Viewer>) }.boxed()
    }

    fn workers<'a>(&'a self, _: &'a Job) -> BoxFuture<'a, Workers> {
        async { Workers::default() }.boxed()
    }

    fn command(&self, job: &Job, verb: &str, options: &[&str]) -> String {
        let options: String = options.iter().map(|option| format!(" {}", quoted(option))).collect();
        format!("{} {verb} --job {}{options}{}", program(), job::title(job), self.flags)
    }

    fn actions(&self, _: &Job) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Whoever reaches the page.
struct Anybody;

impl Viewer for Anybody {
    fn may_see<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<bool, Refused>> {
        async { Ok(true) }.boxed()
    }

    fn events<'a>(&'a self, _: &'a str, _: Uuid) -> BoxFuture<'a, Option<Vec<Event>>> {
        async { None }.boxed()
    }
}

/// A port that is taken.
pub(crate) struct Serving {
    listener: TcpListener,
}

/// Takes the address that `option` names.
///
/// # Errors
/// When another program has it.
pub(crate) async fn listen(address: LocalAddress, option: &'static str) -> Result<Serving, Failure> {
    let listener = admin::listen(address.0, option).await.map_err(|error| Failure::input(&error))?;
    Ok(Serving { listener })
}

impl Serving {
    /// Says where the page is, and serves it until `stop`.
    ///
    /// # Errors
    /// When the server fails.
    pub(crate) async fn serve(self, page: LocalPage, stop: CancellationToken) -> Result<(), Failure> {
        let address = self.listener.local_addr().map_err(|error| Failure::of(&error))?;
        output::remark(format_args!("page: http://{address}/ui/"));
        vaultstream_page::serve(self.listener, Arc::new(page), stop).await.map_err(|error| Failure::of(&error))
    }
}
