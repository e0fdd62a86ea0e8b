//! Whether a receipt has the certificate that its job asks for. Pure.

use std::time::SystemTime;

use vaultstream_certificates::{JobName, check_own};
use vaultstream_program::chain as program_chain;
use vaultstream_signing::{
    PublicKey,
    receipt::{ReceiptError, certificate_chain},
    verify_receipt,
};

/// Why a receipt does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Uncertified {
    /// It has no certificate.
    Missing,
    /// It has another one; why it does not do.
    Unsuitable(String),
}

/// Checks that the first certificate of a receipt is that of the key that signed it, names the job, and was valid when it was made. Whether
/// a root has issued it, only a verifier can tell.
///
/// # Errors
/// Why it is not certified.
pub(crate) fn check_receipt(jws: &str, job: &JobName<'_>) -> Result<(), Uncertified> {
    let unsuitable = |error: &dyn std::error::Error| Uncertified::Unsuitable(program_chain(error));
    let certificates = certificate_chain(jws).map_err(|error| unsuitable(&error))?;
    let own = certificates.first().ok_or(Uncertified::Missing)?;
    let key = certified_key(own).ok_or_else(|| {
        Uncertified::Unsuitable("the first certificate of the receipt is not that of a P-256 key".to_owned())
    })?;
    let receipt = match verify_receipt(&key, jws) {
        Err(ReceiptError::Key { .. }) => {
            return Err(Uncertified::Unsuitable("the certificate of the receipt is that of another key".to_owned()));
        }
        read => read.map_err(|error| unsuitable(&error))?,
    };
    // Formats without them have no certificates.
    let details = receipt.details.ok_or(Uncertified::Missing)?;
    let made = humantime::parse_rfc3339(&details.made_at).map_err(|error| unsuitable(&error))?;
    let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    check_own(&certificates, &key, &job.to_string(), made).map(drop).map_err(|error| unsuitable(&error))
}

fn certified_key(certificate: &[u8]) -> Option<PublicKey> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    PublicKey::from_spki_der(certificate.public_key().raw).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vaultstream_signing::PrivateKey;

    use super::*;
    use crate::job::fixtures::{certificate, certified_receipt};

    const JOB: JobName<'_> = JobName { cluster: "c", namespace: "n", name: "j", uid: Uuid::from_u128(7) };

    fn why(jws: &str) -> String {
        match check_receipt(jws, &JOB) {
            Err(Uncertified::Unsuitable(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_receipt_is_certified_by_the_certificate_of_its_own_key_and_job_alone() {
        let (key, other_key) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let name = JOB.to_string();
        let of = |key: &PrivateKey, name: &str| certificate(&key.public(), name).der().to_vec();
        let right = certified_receipt(&key, &[of(&key, &name), of(&other_key, "urn:issuer")]);
        assert_eq!(check_receipt(&right, &JOB), Ok(()));
        assert_eq!(check_receipt(&certified_receipt(&key, &[]), &JOB), Err(Uncertified::Missing));

        let other = why(&certified_receipt(&key, &[of(&other_key, &name), of(&key, &name)]));
        assert_eq!(other, "the certificate of the receipt is that of another key");
        let elsewhere = JobName { cluster: "elsewhere", ..JOB }.to_string();
        let renamed = why(&certified_receipt(&key, &[of(&key, &elsewhere)]));
        assert!(renamed.contains("certified for vaultstream://elsewhere/"), "{renamed}");
        let damaged = why(&certified_receipt(&key, &[vec![0]]));
        assert_eq!(damaged, "the first certificate of the receipt is not that of a P-256 key");
        let unsigned = format!("{}.{}", right.rsplit_once('.').unwrap().0, "A".repeat(86));
        assert_eq!(why(&unsigned), "the receipt's signature is wrong");
        assert_eq!(why("receipt"), "not a receipt in compact JWS form");
    }
}
