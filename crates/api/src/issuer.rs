//! `spec.signing.issuerRef`: who certifies the receipt key of a job.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{defaults, pattern};

/// An issuer of [cert-manager](https://cert-manager.io/docs/concepts/issuer/), which certifies the key that signs the job's receipt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerRef {
    /// Name of the issuer; one of kind Issuer is in the job's namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN.regex))]
    pub name: String,

    /// Kind of the issuer: Issuer, ClusterIssuer, or what an external issuer calls itself.
    #[serde(default = "defaults::issuer_kind")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::KIND.regex))]
    pub kind: String,

    /// API group of the issuer; an external issuer has its own.
    #[serde(default = "defaults::issuer_group")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN.regex))]
    pub group: String,
}
