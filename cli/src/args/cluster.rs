//! A cluster whose jobs a command reads.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use vaultstream_api::names::{NameError, Namespace};

/// A cluster whose jobs `receipt`, `verify`, `export`, `status`, `ui` and `keys` read. They read the SigningJob and the Secret with its
/// connection, and forward a port to Postgres, all with the rights of the kubeconfig's user.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterArgs {
    /// Read the ledger of a cluster: that of this context of the kubeconfig.
    #[arg(long, value_name = "NAME", global = true, help_heading = "Options for clusters")]
    pub context: Option<String>,

    /// The namespace of the SigningJob in the cluster. Default: the context's.
    #[arg(
        short = 'n',
        long = "namespace",
        id = "cluster_namespace",
        value_name = "NAMESPACE",
        global = true,
        help_heading = "Options for clusters"
    )]
    pub namespace: Option<Namespace>,

    /// The kubeconfig. Default: KUBECONFIG, else ~/.kube/config.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Options for clusters")]
    pub kubeconfig: Option<PathBuf>,

    /// The Secret by which the ledger is reached. Default: `vaultstream-auditor` of the namespace, else the one that the SigningJob names.
    #[arg(
        long = "secret",
        id = "cluster_secret",
        value_name = "[NAMESPACE/]NAME",
        global = true,
        help_heading = "Options for clusters"
    )]
    pub secret: Option<SecretRef>,
}

impl ClusterArgs {
    /// Whether a cluster was named.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// A Secret; without a namespace, one of the job's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// Its namespace.
    pub namespace: Option<Namespace>,
    /// Its name.
    pub name: String,
}

impl FromStr for SecretRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Ok(match text.split_once('/') {
            Some((namespace, name)) => Self { namespace: Some(namespace.parse()?), name: name.to_owned() },
            None => Self { namespace: None, name: text.to_owned() },
        })
    }
}
