//! Names: of jobs and namespaces, of the objects a job owns, and the labels they carry.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::limits::MAX_NAME;

/// The API group, and the prefix of our labels and annotations.
pub const GROUP: &str = "vaultstream.dev";
/// What labels and annotations of ours begin with.
pub const OWN_PREFIX: &str = "vaultstream.dev/";
/// The label with the job's name on everything it owns.
pub const JOB_LABEL: &str = "vaultstream.dev/job";
/// The label with the job's uid on everything it owns.
pub const JOB_UID_LABEL: &str = "vaultstream.dev/job-uid";
/// The finalizer that keeps a SigningJob until its streams and ledger rows are dealt with.
pub const FINALIZER: &str = "vaultstream.dev/cleanup";
/// The namespace of a manifest that names none, when it is run without a cluster.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Variables of the worker itself, which a template must not set.
pub const OWN_ENV: [&str; 2] = ["DATABASE_URL", "NATS_URL"];
/// What variables of the worker itself, and of its loader, begin with.
pub const OWN_ENV_PREFIXES: [&str; 2] = ["LD_", "VAULTSTREAM_"];

/// Longest DNS label.
const MAX_LABEL: usize = 63;

/// Not a name that Kubernetes takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no {kind}: write at most {longest} lower-case letters, digits and '-', with a letter or digit at both ends"
)]
pub struct NameError {
    name: String,
    kind: &'static str,
    longest: usize,
}

macro_rules! dns_label {
    ($(#[$doc:meta])+ $type:ident, $kind:literal, $longest:expr) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                match is_dns_label(name, $longest) {
                    true => Ok(Self(name.to_owned())),
                    false => Err(NameError { name: name.to_owned(), kind: $kind, longest: $longest }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

dns_label! {
    /// The name of a SigningJob: a DNS label of at most 40 characters.
    JobName, "name of a SigningJob", MAX_NAME
}
dns_label! {
    /// The name of a namespace: a DNS label.
    Namespace, "namespace", MAX_LABEL
}

/// Whether `name` is a DNS label (RFC 1123) of at most `longest` characters.
pub(crate) fn is_dns_label(name: &str, longest: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=longest).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// A job by namespace and name, written `NAMESPACE/NAME`; a name alone is in the namespace `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobRef {
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: JobName,
}

impl FromStr for JobRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (namespace, name) = text.split_once('/').unwrap_or((DEFAULT_NAMESPACE, text));
        Ok(Self { namespace: namespace.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The names of the objects that a job owns in its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildNames {
    /// The workers' Deployment, and its ServiceAccount.
    pub workers: String,
    /// The HorizontalPodAutoscaler or ScaledObject. KEDA makes `keda-hpa-<this>` of it.
    pub scaler: String,
    /// The PodDisruptionBudget.
    pub disruption_budget: String,
    /// The NetworkPolicy.
    pub network_policy: String,
}

impl ChildNames {
    /// The names of `job`'s children.
    #[must_use]
    pub fn of(job: &JobName) -> Self {
        let name = format!("vs-{job}");
        Self { workers: name.clone(), scaler: name.clone(), disruption_budget: name.clone(), network_policy: name }
    }
}

/// The labels that select a job's worker pods. They never change while the job lives.
#[must_use]
pub fn selector_labels(job: &JobName) -> BTreeMap<String, String> {
    let pairs = [("app.kubernetes.io/name", "vaultstream-worker"), (JOB_LABEL, job.as_str())];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The labels of everything a job owns.
#[must_use]
pub fn child_labels(job: &JobName, uid: &str) -> BTreeMap<String, String> {
    let more = [
        ("app.kubernetes.io/part-of", "vaultstream"),
        ("app.kubernetes.io/managed-by", "vaultstream-operator"),
        ("app.kubernetes.io/instance", job.as_str()),
        (JOB_UID_LABEL, uid),
    ];
    let mut labels = selector_labels(job);
    labels.extend(more.map(|(key, value)| (key.to_owned(), value.to_owned())));
    labels
}
