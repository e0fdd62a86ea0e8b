//! Whether the key of a receipt is certified as that of its job, by an issuer that the verifier believes.

use std::{fmt, time::SystemTime};

use serde::Serialize;
use vaultstream_certificates::{CertificateError, JobName, Roots, check};
use vaultstream_program::chain;
use vaultstream_signing::{PublicKey, Receipt, receipt::certificate_chain};

use super::problem::{Problem, ProblemKind};
use crate::{args::ExpectedArgs, error::Failure};

/// Whom a verifier believes.
#[derive(Debug)]
pub(crate) struct Trust {
    roots: Roots,
    /// The cluster that the job has to be of; `None` for the one that the receipt names.
    cluster: Option<String>,
}

/// Who vouches for the key of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Certified {
    /// The job that the certificate names, as a URI.
    job: String,
    /// Who has issued the certificate.
    issuer: String,
}

impl Trust {
    /// What the arguments name; `None` without `--trust-bundle`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn of(args: &ExpectedArgs) -> Result<Option<Self>, Failure> {
        let Some(file) = &args.trust_bundle else { return Ok(None) };
        let roots = Roots::read(file);
        let roots = roots.map_err(|error| Failure::bad_input(format!("--trust-bundle: {}", chain(&error))))?;
        Ok(Some(Self { roots, cluster: args.certified_cluster.clone() }))
    }

    /// Who vouches for `key` as that of the receipt, which it has signed.
    ///
    /// # Errors
    /// With the problem, when no issuer that is believed does.
    pub(crate) fn certified(&self, jws: &str, receipt: &Receipt, key: &PublicKey) -> Result<Certified, Problem> {
        let problem = |why: &dyn std::error::Error| Problem::new(ProblemKind::Certificate, chain(why));
        let certificates = certificate_chain(jws).map_err(|error| problem(&error))?;
        let Some(details) = &receipt.details else { return Err(problem(&CertificateError::Missing)) };
        let Receipt { uid, namespace, name, .. } = receipt;
        let cluster = self.cluster.as_deref().unwrap_or(&details.cluster);
        let job = JobName { cluster, namespace, name, uid: *uid }.to_string();
        let made = humantime::parse_rfc3339(&details.made_at).map_err(|error| problem(&error))?;
        let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let certified = check(&certificates, key, &job, made, &self.roots).map_err(|error| problem(&error))?;
        Ok(Certified { job: certified.job, issuer: certified.issuer })
    }
}

/// As the row of a report.
impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its key is that of {}, says {}", self.job, self.issuer)
    }
}
