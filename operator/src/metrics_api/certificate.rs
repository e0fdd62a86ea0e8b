//! The serving certificate and the authority that signs it, as PEM. Pure.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use time::{Duration, OffsetDateTime};

/// How long an authority, and a certificate, are valid.
const AUTHORITY_LIFETIME: Duration = Duration::days(3650);
const CERTIFICATE_LIFETIME: Duration = Duration::days(90);
/// The clocks of machines may differ by this much.
const CLOCK_SKEW_LIMIT: Duration = Duration::hours(1);

/// The content of the Secret. `authorities` has the present authority first, then the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) authorities: String,
    pub(super) authority_key: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

/// PEM that cannot be read, or a certificate that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("failed to make a certificate")]
    Make(#[from] rcgen::Error),
    #[error("failed to read PEM")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("not a certificate")]
    NotX509,
}

/// A new authority, and a certificate that it has signed for `names`. The authority of `before` is still trusted.
pub(super) fn issue(
    names: &[String],
    before: Option<&Issued>,
    now: OffsetDateTime,
) -> Result<Issued, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "vaultstream metrics API");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (now - CLOCK_SKEW_LIMIT, now + AUTHORITY_LIFETIME);
    let mut authorities = params.self_signed(&key)?.pem();
    if let Some(old) = before.and_then(|before| first_pem(&before.authorities)) {
        authorities += &old;
    }
    let authority_key = key.serialize_pem();
    sign(names, authorities, authority_key, now)
}

/// `present` with what is due renewed; `None` when nothing is due.
pub(super) fn renew(
    names: &[String],
    present: &Issued,
    now: OffsetDateTime,
) -> Result<Option<Issued>, CertificateError> {
    // An authority must outlive the certificates it signs.
    if ends(&present.authorities)? - now < CERTIFICATE_LIFETIME * 2 {
        return issue(names, Some(present), now).map(Some);
    }
    if ends(&present.certificate)? - now >= CERTIFICATE_LIFETIME / 3 {
        return Ok(None);
    }
    sign(names, present.authorities.clone(), present.authority_key.clone(), now).map(Some)
}

fn sign(
    names: &[String],
    authorities: String,
    authority_key: String,
    now: OffsetDateTime,
) -> Result<Issued, CertificateError> {
    let issuer = Issuer::from_ca_cert_pem(&authorities, KeyPair::from_pem(&authority_key)?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (now - CLOCK_SKEW_LIMIT, now + CERTIFICATE_LIFETIME);
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok(Issued { authorities, authority_key, certificate, key: key.serialize_pem() })
}

/// When the first certificate of `pem` ends.
fn ends(pem: &str) -> Result<OffsetDateTime, CertificateError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|_| CertificateError::NotX509)?;
    Ok(certificate.validity().not_after.to_datetime())
}

fn first_pem(pem: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let end = pem.find(END)? + END.len();
    Some(format!("{}\n", &pem[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["metrics.system.svc".to_owned()]
    }

    fn count(pem: &str) -> usize {
        CertificateDer::pem_slice_iter(pem.as_bytes()).filter(Result::is_ok).count()
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_time_under_the_same_authority() {
        let start = OffsetDateTime::now_utc();
        let first = issue(&names(), None, start).unwrap();
        assert_eq!(renew(&names(), &first, start + Duration::days(59)).unwrap(), None);
        let second = renew(&names(), &first, start + Duration::days(61)).unwrap().unwrap();
        assert_eq!(first.authorities, second.authorities);
        assert_ne!(first.certificate, second.certificate);
    }

    #[test]
    fn a_new_authority_is_trusted_beside_the_old_one_and_only_that() {
        let start = OffsetDateTime::now_utc();
        let first = issue(&names(), None, start).unwrap();
        let second = renew(&names(), &first, start + AUTHORITY_LIFETIME - Duration::days(100)).unwrap().unwrap();
        assert!(second.authorities.ends_with(&first.authorities));
        assert_eq!(count(&second.authorities), 2);
        let third = issue(&names(), Some(&second), start).unwrap();
        assert_eq!(count(&third.authorities), 2);
        assert!(!third.authorities.contains(&first.authorities));
    }

    #[test]
    fn what_cannot_be_read_as_a_certificate_is_an_error() {
        let good = issue(&names(), None, OffsetDateTime::now_utc()).unwrap();
        let bad = Issued { certificate: good.key.clone(), ..good };
        assert!(renew(&names(), &bad, OffsetDateTime::now_utc()).is_err());
    }
}
