//! A cluster whose jobs are read, with the rights of the kubeconfig's user.
//!
//! ```text
//! kubeconfig ─▶ SigningJob ─▶ Secret ─▶ database URL ─▶ a Service? ─▶ port-forward to a ready pod of it ─▶ Postgres
//!                     │                                    └─ no ──▶ dialled directly ──────────────────▶ Postgres
//!                     └─▶ the receipt in its status, with which `verify` compares
//! ```

mod forward;
mod login;
mod service;
mod witness;

use std::time::Duration;

use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use vaultstream_api::{SigningJob, names::Namespace};

pub(crate) use login::ClusterLogin;
pub(crate) use witness::Witness;

use crate::{args::ClusterArgs, error::Failure};

/// How long a response of the API server may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it may take to connect to the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A cluster and a namespace of it.
pub(crate) struct Cluster {
    client: Client,
    /// The namespace that was given, else the context's.
    pub(crate) namespace: Namespace,
}

impl Cluster {
    /// Reads the kubeconfig. Nothing is requested from the cluster yet, but its login may run a program of the kubeconfig.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub(crate) async fn of(args: &ClusterArgs) -> Result<Self, Failure> {
        let unusable = |error: &dyn std::error::Error| {
            Failure::bad_input(format!("the kubeconfig cannot be used: {}", vaultstream_program::chain(error)))
        };
        let kubeconfig = match &args.kubeconfig {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
        let kubeconfig = kubeconfig.map_err(|error| unusable(&error))?;
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = match &args.namespace {
            Some(namespace) => namespace.clone(),
            None => config.default_namespace.parse().map_err(|error| unusable(&error))?,
        };
        let client = Client::try_from(config).map_err(|error| unusable(&error))?;
        Ok(Self { client, namespace })
    }

    /// The SigningJob of this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn signing_job(&self, namespace: &str, name: &str) -> Result<Option<SigningJob>, Failure> {
        let api: Api<SigningJob> = Api::namespaced(self.client.clone(), namespace);
        answered(&format!("the SigningJob {namespace}/{name}"), api.get_opt(name)).await
    }
}

/// What the API server returns for a request to read `what`.
async fn answered<T>(what: &str, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(RESPONSE_TIMEOUT, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => {
            Err(Failure::bad_input(format!("{what} cannot be read: {}", status.message)))
        }
        Ok(Err(error)) => {
            Err(Failure::bad_input(format!("{what} cannot be read: {}", vaultstream_program::chain(&error))))
        }
        Err(_) => Err(Failure::bad_input(format!(
            "{what} cannot be read: no response of the API server within {} s",
            RESPONSE_TIMEOUT.as_secs()
        ))),
    }
}
