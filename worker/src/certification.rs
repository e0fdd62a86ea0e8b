//! What a worker has receipt keys certified by.

use vaultstream_certificates::Issuer;

/// What certifies receipt keys.
pub enum Certification {
    /// The issuer of `spec.signing.issuerRef`, which the operator of the cluster asks. Jobs that name none get receipts without certificates.
    Cluster,
    /// This issuer, for every job; `None` for receipts without certificates, whatever a spec says.
    Own(Option<Issuer>),
}
