//! Tokens: read, and checked as far as that needs no root.

use der::asn1::{Any, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Tag, Tagged as _};
use rustls_pki_types::CertificateDer;
use vaultstream_certificates::{ChainError, Roots};
use vaultstream_signing::{Digest, Hash};
use webpki::EndEntityCert;
use x509_cert::Certificate;

use crate::asn1::{
    Attribute, CONTENT_TYPE, ContentInfo, EncapsulatedContentInfo, MESSAGE_DIGEST, MessageImprint, SHA_1, SHA_256,
    SIGNED_DATA, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SignedData, SignerInfo, SigningCertificate,
    SigningCertificateV2, TST_INFO, TstInfo,
};
use crate::{TOKEN_LIMIT, TokenTime, certificate, signature};

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// A token that its certificate has signed. What it is over, and whether that certificate is believed, is not checked yet.
#[derive(Clone, Debug)]
pub struct Token {
    imprint: MessageImprint,
    policy: ObjectIdentifier,
    nonce: Option<Int>,
    time: TokenTime,
    tsa: String,
    signer: CertificateDer<'static>,
    /// The other certificates of the token.
    others: Vec<CertificateDer<'static>>,
}

/// What is wrong with a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// More than 64 KiB.
    #[error("it is longer than {} KiB", TOKEN_LIMIT >> 10)]
    TooLong,
    /// It does not have the form of one.
    #[error("it is not a timestamp token in DER")]
    Form(#[source] der::Error),
    /// Signed data of another kind.
    #[error("what it signs is not a timestamp")]
    Content,
    /// A token has one signature.
    #[error("it has {0} signatures, and a token has one")]
    Signers(usize),
    /// A signed attribute is not as it has to be.
    #[error("its signed attribute {0} is missing, doubled or damaged")]
    Attribute(&'static str),
    /// The signature is over another content.
    #[error("the digest that it signs is not that of its content")]
    Digest,
    /// The certificate that the signature names is not there.
    #[error("the certificate that signed it is not in it")]
    NoCertificate,
    /// Who signed it has another name, or another number, than the certificate.
    #[error("it names another certificate than the one that signed it")]
    Signer,
    /// The certificate cannot be read.
    #[error("the certificate that signed it is damaged")]
    Certificate(#[source] webpki::Error),
    /// The certificate must not sign tokens.
    #[error(
        "the certificate that signed it is not for timestamps alone: it has no critical extended key usage timeStamping, or another use, too"
    )]
    Purpose,
    /// An algorithm that is unknown or too weak.
    #[error("it has an algorithm that is not supported")]
    Algorithm,
    /// The signature is not that of the certificate's key.
    #[error("its signature is wrong")]
    Signature,
    /// An extension that has to be understood, and is not.
    #[error("it has an unknown extension that is critical")]
    Extension,
    /// It is over something else.
    #[error("it is over another digest than SHA-256 of this receipt")]
    Imprint,
    /// Another policy than the one that was asked for.
    #[error("it was made under the policy {found}; asked for was {wanted}")]
    Policy {
        /// Asked for.
        wanted: String,
        /// In the token.
        found: String,
    },
    /// It is the response to another request.
    #[error("its nonce is not that of the request")]
    Nonce,
}

impl Token {
    /// Reads a token, and checks that the certificate in it is for timestamps and has signed it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(token: &[u8]) -> Result<Self, TokenError> {
        if token.len() > TOKEN_LIMIT {
            return Err(TokenError::TooLong);
        }
        let outer = ContentInfo::from_der(token).map_err(TokenError::Form)?;
        if outer.content_type != SIGNED_DATA {
            return Err(TokenError::Content);
        }
        let signed: SignedData = outer.content.decode_as().map_err(TokenError::Form)?;
        let EncapsulatedContentInfo { e_content_type: TST_INFO, e_content: Some(content) } = &signed.encap_content_info
        else {
            return Err(TokenError::Content);
        };
        let info = TstInfo::from_der(content.as_bytes()).map_err(TokenError::Form)?;
        if info.version != 1 {
            return Err(TokenError::Content);
        }
        if info.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(TokenError::Extension);
        }
        let time = (info.gen_time.tag() == Tag::GeneralizedTime).then(|| TokenTime::parse(info.gen_time.value()));
        let time = time.flatten().ok_or(TokenError::Content)?;
        let (signer, sid, others) = check_signature(&signed, content)?;
        let parsed = Certificate::from_der(&signer).map_err(TokenError::Form)?;
        if !certificate::is_named_by(&parsed, &sid) {
            return Err(TokenError::Signer);
        }
        if !certificate::is_for_timestamps(&parsed) {
            return Err(TokenError::Purpose);
        }
        let tsa = certificate::subject(&parsed);
        let TstInfo { message_imprint: imprint, policy, nonce, .. } = info;
        Ok(Self { imprint, policy, nonce, time, tsa, signer, others })
    }

    /// Reads a token that has to be over SHA-256 of a receipt, and made under `policy` if there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn over(token: &[u8], receipt: &str, policy: Option<&str>) -> Result<Self, TokenError> {
        let read = Self::read(token)?;
        read.check(&Digest::of(receipt.as_bytes()).0, policy)?;
        Ok(read)
    }

    /// When it was made, by its authority's clock: what it is over existed before.
    #[must_use]
    pub fn time(&self) -> &TokenTime {
        &self.time
    }

    /// The name of its authority, as the certificate has it.
    #[must_use]
    pub fn tsa(&self) -> &str {
        &self.tsa
    }

    /// Checks that it is over `digest`, an SHA-256, and was made under `policy` if there is one.
    ///
    /// # Errors
    /// What is not as it has to be.
    pub fn check(&self, digest: &Hash, policy: Option<&str>) -> Result<(), TokenError> {
        let MessageImprint { hash_algorithm, hashed_message } = &self.imprint;
        if hash_algorithm.oid != SHA_256 || hashed_message.as_bytes() != digest {
            return Err(TokenError::Imprint);
        }
        match policy {
            Some(wanted) if wanted != self.policy.to_string() => {
                Err(TokenError::Policy { wanted: wanted.to_owned(), found: self.policy.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that one of the roots has issued its certificate, directly or over others in the token, and that all of them were valid and for
    /// timestamps at its time.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub fn check_chain(&self, roots: &Roots) -> Result<(), ChainError> {
        // That its own certificate has this purpose was checked when it was read. Issuers need not state it.
        roots.check(&self.signer, &self.others, self.time.unix(), TIME_STAMPING)
    }

    /// Checks that it is the response to a request with this nonce.
    pub(crate) fn check_nonce(&self, nonce: &Int) -> Result<(), TokenError> {
        if self.nonce.as_ref() == Some(nonce) { Ok(()) } else { Err(TokenError::Nonce) }
    }
}

/// The certificate that signed, how the token names it outside of what is signed, and the others.
type Certificates = (CertificateDer<'static>, Any, Vec<CertificateDer<'static>>);

/// Checks the one signature of a token. It covers the hash of the certificate, so that no other one takes its place (RFC 5816).
fn check_signature(signed: &SignedData, content: &OctetString) -> Result<Certificates, TokenError> {
    let [signer] = signed.signer_infos.as_slice() else {
        return Err(TokenError::Signers(signed.signer_infos.len()));
    };
    let signer: SignerInfo = signer.decode_as().map_err(TokenError::Form)?;
    let attributes = signer.signed_attrs.as_ref().ok_or(TokenError::Attribute("contentType"))?;
    let kind: ObjectIdentifier = attribute(attributes, CONTENT_TYPE, "contentType")?;
    if kind != TST_INFO {
        return Err(TokenError::Content);
    }
    let digest_of = signer.digest_algorithm.oid;
    if !signed.digest_algorithms.iter().any(|algorithm| algorithm.oid == digest_of) {
        return Err(TokenError::Algorithm);
    }
    let digest: OctetString = attribute(attributes, MESSAGE_DIGEST, "messageDigest")?;
    if signature::digest(digest_of, content.as_bytes()).ok_or(TokenError::Algorithm)? != digest.as_bytes() {
        return Err(TokenError::Digest);
    }
    let (algorithm, hash) = certificate_hash(attributes)?;
    let mut signers = Vec::new();
    let mut others = Vec::new();
    let certificates = signed.certificates.as_ref().map(SetOfVec::as_slice).unwrap_or_default();
    for certificate in certificates.iter().filter(|certificate| certificate.tag() == Tag::Sequence) {
        let certificate = CertificateDer::from(certificate.to_der().map_err(TokenError::Form)?);
        let found = signature::certificate_hash(algorithm, &certificate).ok_or(TokenError::Algorithm)?;
        if found == hash { signers.push(certificate) } else { others.push(certificate) }
    }
    let certificate = signers.pop().ok_or(TokenError::NoCertificate)?;
    let verified = {
        let key = EndEntityCert::try_from(&certificate).map_err(TokenError::Certificate)?;
        // As a SET OF, not under the tag that it has in the token (RFC 5652 §5.4).
        let message = attributes.to_der().map_err(TokenError::Form)?;
        signature::verify(&key, &signer.signature_algorithm, digest_of, &message, signer.signature.as_bytes())
    };
    match verified {
        None => Err(TokenError::Algorithm),
        Some(false) => Err(TokenError::Signature),
        Some(true) => Ok((certificate, signer.sid, others)),
    }
}

/// The hash by which a token's signed attributes name the certificate that signs.
fn certificate_hash(attributes: &SetOfVec<Attribute>) -> Result<(ObjectIdentifier, Vec<u8>), TokenError> {
    const NAME: &str = "signingCertificate";
    if attributes.iter().any(|attribute| attribute.oid == SIGNING_CERTIFICATE_V2) {
        let names: SigningCertificateV2 = attribute(attributes, SIGNING_CERTIFICATE_V2, NAME)?;
        let first = names.certs.first().ok_or(TokenError::Attribute(NAME))?;
        let algorithm = first.hash_algorithm.as_ref().map_or(SHA_256, |algorithm| algorithm.oid);
        return Ok((algorithm, first.cert_hash.as_bytes().to_vec()));
    }
    let names: SigningCertificate = attribute(attributes, SIGNING_CERTIFICATE, NAME)?;
    let first = names.certs.first().ok_or(TokenError::Attribute(NAME))?;
    Ok((SHA_1, first.cert_hash.as_bytes().to_vec()))
}

/// The only value of the only attribute of this kind.
fn attribute<T: for<'a> der::Choice<'a> + for<'a> der::DecodeValue<'a>>(
    attributes: &SetOfVec<Attribute>,
    kind: ObjectIdentifier,
    name: &'static str,
) -> Result<T, TokenError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == kind);
    let (Some(only), None) = (found.next(), found.next()) else { return Err(TokenError::Attribute(name)) };
    let [value] = only.values.as_slice() else { return Err(TokenError::Attribute(name)) };
    Any::decode_as(value).map_err(|_| TokenError::Attribute(name))
}
