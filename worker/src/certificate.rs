//! The certificate of a receipt key, by the issuer that this worker was given.

use std::time::SystemTime;

use vaultstream_certificates::JobName;
use vaultstream_signing::{PublicKey, Receipt};

use crate::session::{Session, SessionError};

/// The certificates that the receipt is to have, that of its key first; none without an issuer.
pub(crate) fn certify(session: &Session, key: &PublicKey, receipt: &Receipt) -> Result<Vec<Vec<u8>>, SessionError> {
    let (Some(issuer), Some(details)) = (&session.shared.issuer, &receipt.details) else { return Ok(Vec::new()) };
    let Receipt { uid, namespace, name, .. } = receipt;
    let job = JobName { cluster: &details.cluster, namespace, name, uid: *uid };
    issuer.certify(key, &job, SystemTime::now()).map_err(|error| SessionError::Certificate(Box::new(error)))
}
