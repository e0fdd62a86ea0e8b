//! Names: of jobs and namespaces, of the objects a job owns, and the labels they carry.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::limits::MAX_NAME;

/// The API group, and the prefix of our labels and annotations.
pub const GROUP: &str = "vaultstream.dev";
/// The prefix of our labels and annotations.
pub const OWN_PREFIX: &str = "vaultstream.dev/";
/// The label with the job's name on everything it owns.
pub const JOB_LABEL: &str = "vaultstream.dev/job";
/// The label with the job's uid on everything it owns.
pub const JOB_UID_LABEL: &str = "vaultstream.dev/job-uid";
/// The finalizer that keeps a SigningJob until its streams and ledger rows are dealt with.
pub const FINALIZER: &str = "vaultstream.dev/cleanup";
/// An annotation whose value `paused` stops the operator from changing a SigningJob.
pub const RECONCILE: &str = "vaultstream.dev/reconcile";
/// An annotation whose value `true` lets a running job's workers follow the operator's image.
pub const UPGRADE_WORKERS: &str = "vaultstream.dev/upgrade-workers";
/// An annotation whose value `true` has the rejects of a job that signs tried again; the operator removes it.
pub const RETRY_REJECTS: &str = "vaultstream.dev/retry-rejects";
/// The namespace of a manifest that names none, when it is run without a cluster.
pub const DEFAULT_NAMESPACE: &str = "default";
/// The Secret with the workers' connection, unless a SigningJob names another one.
pub const CONNECTION_SECRET: &str = "vaultstream-connection";

/// Variables of the worker itself, which a template must not set.
pub const OWN_ENV: [&str; 2] = ["DATABASE_URL", "NATS_URL"];
/// Prefixes of the variables of the worker itself, of its loader and of its libraries: they could have it load other code or trust others.
pub const OWN_ENV_PREFIXES: [&str; 5] = ["GLIBC_", "LD_", "OPENSSL_", "SSL_", "VAULTSTREAM_"];

/// Longest DNS label.
const MAX_LABEL: usize = 63;

/// The text is not a name that Kubernetes accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not a valid {kind}: use at most {longest} lower-case letters, digits and '-', with a letter or digit at both ends"
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
                if is_dns_label(name, $longest) {
                    Ok(Self(name.to_owned()))
                } else {
                    Err(NameError { name: name.to_owned(), kind: $kind, longest: $longest })
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
    JobName, "job name", MAX_NAME
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

impl Default for Namespace {
    fn default() -> Self {
        Self(DEFAULT_NAMESPACE.to_owned())
    }
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
}

impl ChildNames {
    /// The names of `job`'s children.
    #[must_use]
    pub fn of(job: &JobName) -> Self {
        let name = format!("vs-{job}");
        Self { workers: name.clone(), scaler: name.clone(), disruption_budget: name }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_short_dns_labels() {
        for good in ["a", "0", "quick-start", &"x".repeat(40)] {
            assert!(good.parse::<JobName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", &"x".repeat(41)] {
            assert!(bad.parse::<JobName>().is_err(), "{bad}");
        }
        assert!("x".repeat(63).parse::<Namespace>().is_ok());
        assert!("x".repeat(64).parse::<Namespace>().is_err());
    }

    #[test]
    fn a_job_is_referred_to_with_or_without_its_namespace() {
        for text in ["billing/invoices", "default/quick-start"] {
            assert_eq!(text.parse::<JobRef>().map(|job| job.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("invoices".parse::<JobRef>().map(|job| job.to_string()), Ok("default/invoices".to_owned()));
        for bad in ["", "/", "a/", "/a", "a/b/c"] {
            assert!(bad.parse::<JobRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn children_of_the_longest_name_fit_their_limits() {
        let name: JobName = "x".repeat(MAX_NAME).parse().unwrap();
        let children = ChildNames::of(&name);
        // A pod adds the hash of its ReplicaSet and five letters; KEDA refuses ScaledObjects of more than 54 characters.
        assert!(children.workers.len() + "-1234567890-12345".len() <= MAX_LABEL);
        assert!(children.scaler.len() <= 54);
        let labels = child_labels(&name, "5f0c1c39-8a5d-4d46-9d3e-0a6d0a7f3f5a");
        assert!(labels.values().all(|value| value.len() <= MAX_LABEL));
    }

    /// Objects of jobs that run are found by these.
    #[test]
    fn everything_that_a_job_owns_has_the_labels_of_its_pods_and_its_uid() {
        let text = |labels: BTreeMap<String, String>| {
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        };
        let name: JobName = "invoices".parse().unwrap();
        let of_pods = ["app.kubernetes.io/name=vaultstream-worker", "vaultstream.dev/job=invoices"];
        assert_eq!(text(selector_labels(&name)), of_pods);
        let of_all = [
            "app.kubernetes.io/instance=invoices",
            "app.kubernetes.io/managed-by=vaultstream-operator",
            of_pods[0],
            "app.kubernetes.io/part-of=vaultstream",
            of_pods[1],
            "vaultstream.dev/job-uid=5f0c1c39",
        ];
        assert_eq!(text(child_labels(&name, "5f0c1c39")), of_all);
    }
}
