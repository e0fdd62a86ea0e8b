//! The certificate that signed a token.

use der::asn1::{Any, ObjectIdentifier};
use der::{Decode as _, Encode as _, Tag, TagNumber, Tagged as _};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};

const KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// The name of whom a certificate is for.
pub(crate) fn subject(certificate: &Certificate) -> String {
    certificate.tbs_certificate.subject.to_string()
}

/// Whether a signer's identifier is this one's: its issuer and number, or the identifier of its key (RFC 5652 §5.3).
pub(crate) fn is_named_by(certificate: &Certificate, sid: &Any) -> bool {
    let inside = &certificate.tbs_certificate;
    if sid.tag() == Tag::Sequence {
        let named = inside.issuer.to_der().and_then(|issuer| Ok([issuer, inside.serial_number.to_der()?].concat()));
        return named.is_ok_and(|named| named == sid.value());
    }
    let key = single(inside.extensions.as_deref().unwrap_or_default(), KEY_IDENTIFIER);
    let key = key.and_then(|key| SubjectKeyIdentifier::from_der(key.extn_value.as_bytes()).ok());
    let is_key = sid.tag() == Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };
    is_key && key.is_some_and(|key| key.0.as_bytes() == sid.value())
}

/// Whether it is for timestamps and nothing else: the extended key usage is critical and has no other purpose (RFC 3161 §2.3), and the
/// key may sign.
pub(crate) fn is_for_timestamps(certificate: &Certificate) -> bool {
    let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let Some(purposes) = single(extensions, EXTENDED_KEY_USAGE) else { return false };
    let only_timestamps = ExtendedKeyUsage::from_der(purposes.extn_value.as_bytes())
        .is_ok_and(|purposes| purposes.0.as_slice() == [TIME_STAMPING]);
    let may_sign = match single(extensions, KEY_USAGE) {
        None => true,
        Some(usage) => KeyUsage::from_der(usage.extn_value.as_bytes())
            .is_ok_and(|usage| usage.digital_signature() || usage.non_repudiation()),
    };
    purposes.critical && only_timestamps && may_sign
}

/// The extension of this kind. Webpki refuses certificates that have one twice.
fn single(extensions: &[Extension], kind: ObjectIdentifier) -> Option<&Extension> {
    extensions.iter().find(|extension| extension.extn_id == kind)
}
