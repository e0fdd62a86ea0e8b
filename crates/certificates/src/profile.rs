//! The parts of a certificate that say what it is for, and whom it names.

use der::Any;
use der::asn1::{ObjectIdentifier, SetOfVec};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(crate) const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// id-kp-documentSigning (RFC 9336).
pub(crate) const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");

/// The content of an extension; `None` when the certificate does not have it, or it is damaged. Webpki refuses certificates that have one
/// twice.
pub(crate) fn extension<'a, T: der::Decode<'a>>(certificate: &'a Certificate, kind: ObjectIdentifier) -> Option<T> {
    let extension: &Extension =
        certificate.tbs_certificate.extensions.iter().flatten().find(|extension| extension.extn_id == kind)?;
    T::from_der(extension.extn_value.as_bytes()).ok()
}

/// A name that has a common name and nothing else.
pub(crate) fn subject(name: &str) -> Result<Name, der::Error> {
    let value = Any::new(der::Tag::Utf8String, name.as_bytes())?;
    let name = AttributeTypeAndValue { oid: COMMON_NAME, value };
    let name = RelativeDistinguishedName(SetOfVec::try_from(vec![name])?);
    Ok(RdnSequence(vec![name]))
}
