//! What an authority is asked.

use der::Encode as _;
use der::asn1::{Int, ObjectIdentifier, OctetString};
use vaultstream_signing::Hash;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::asn1::{MessageImprint, SHA_256, TimeStampReq};

/// A request for a token over a digest.
pub(crate) struct TimestampRequest {
    pub(crate) digest: Hash,
    pub(crate) policy: Option<ObjectIdentifier>,
    /// Ties the token to this request.
    pub(crate) nonce: Int,
}

impl TimestampRequest {
    /// With a fresh nonce.
    pub(crate) fn new(digest: Hash, policy: Option<ObjectIdentifier>) -> Result<Self, der::Error> {
        let mut nonce: [u8; 8] = rand::random();
        // A positive number of always the same length.
        nonce[0] = nonce[0] & 0x3f | 0x40;
        Ok(Self { digest, policy, nonce: Int::new(&nonce)? })
    }

    /// As DER.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>, der::Error> {
        let hash_algorithm = AlgorithmIdentifierOwned { oid: SHA_256, parameters: None };
        let hashed_message = OctetString::new(self.digest)?;
        TimeStampReq {
            version: 1,
            message_imprint: MessageImprint { hash_algorithm, hashed_message },
            req_policy: self.policy,
            nonce: Some(self.nonce.clone()),
            cert_req: true,
        }
        .to_der()
    }
}
