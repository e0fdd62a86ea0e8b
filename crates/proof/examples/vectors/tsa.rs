//! A timestamping authority with fixed keys: its tokens, right or wrong in one way, and the certificates behind them. All in DER, the same
//! each time.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use vaultstream_signing::{Digest, PrivateKey, der_encode};

use crate::fixed::{deterministic, private};

/// The numbers that the keys of the root and of the authority are made from.
const ROOT: usize = 2_001;
const TSA: usize = 2_002;

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
pub(crate) const TST_INFO: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";
/// An attribute certificate's content, for example.
pub(crate) const OTHER_CONTENT: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x05";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const SIGNING_CERTIFICATE_V2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";
const SHA_256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const ECDSA_WITH_SHA_256: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
const POLICY: &[u8] = b"\x2a\x03\x04\x01";
const TIME_STAMPING: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x08";
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";

/// How a token is made.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    /// When, as a GeneralizedTime.
    pub(crate) time: &'static str,
    /// What the token is over, if not the receipt.
    pub(crate) over: Option<&'static str>,
    /// The signed attribute contentType.
    pub(crate) content_type: &'static [u8],
    /// What the signed attribute messageDigest is over, if not the content.
    pub(crate) digest_of: Option<&'static [u8]>,
    /// What the hash of the certificate is over, if not the certificate.
    pub(crate) certificate_of: Option<&'static [u8]>,
    /// Whether the certificate's purpose is critical.
    pub(crate) critical: bool,
    /// The number of the key that signs.
    pub(crate) key: usize,
}

impl Making {
    /// As it should be.
    pub(crate) const RIGHT: Self = Self {
        time: "20260101000200.125Z",
        over: None,
        content_type: TST_INFO,
        digest_of: None,
        certificate_of: None,
        critical: true,
        key: TSA,
    };

    /// A token over the receipt.
    pub(crate) fn token(&self, receipt: &str) -> Vec<u8> {
        let imprint = Digest::of(self.over.unwrap_or(receipt).as_bytes()).0;
        let sha_256 = seq(&[&oid(SHA_256)]);
        let content = seq(&[
            &int(1),
            &oid(POLICY),
            &seq(&[&sha_256, &tlv(0x04, &imprint)]),
            &int(7),
            &tlv(0x18, self.time.as_bytes()),
        ]);
        let certificate = certificate(self.critical);
        let hash = Digest::of(self.certificate_of.unwrap_or(&certificate)).0;
        let digest = Digest::of(self.digest_of.unwrap_or(&content)).0;
        let attribute = |kind: &[u8], value: &[u8]| seq(&[&oid(kind), &tlv(0x31, value)]);
        let mut attributes = [
            attribute(CONTENT_TYPE, &oid(self.content_type)),
            attribute(MESSAGE_DIGEST, &tlv(0x04, &digest)),
            attribute(SIGNING_CERTIFICATE_V2, &seq(&[&seq(&[&seq(&[&tlv(0x04, &hash)])])])),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let signature = sign(&private(self.key), &tlv(0x31, &attributes));
        let signer = seq(&[
            &int(1),
            &seq(&[&name("Root of the vectors"), &int(2)]),
            &sha_256,
            &tlv(0xa0, &attributes),
            &seq(&[&oid(ECDSA_WITH_SHA_256)]),
            &tlv(0x04, &signature),
        ]);
        let signed = seq(&[
            &int(3),
            &tlv(0x31, &sha_256),
            &seq(&[&oid(TST_INFO), &tlv(0xa0, &tlv(0x04, &content))]),
            &tlv(0xa0, &certificate),
            &tlv(0x31, &signer),
        ]);
        seq(&[&oid(SIGNED_DATA), &tlv(0xa0, &signed)])
    }
}

/// The certificate of a root, in PEM. The one with the number 0 has issued that of the authority; others have its name, and keys of their own.
pub(crate) fn root(number: usize) -> String {
    let usage = extension(KEY_USAGE, true, &tlv(0x03, &[2, 0x04]));
    let constraints = extension(BASIC_CONSTRAINTS, true, &seq(&[&tlv(0x01, &[0xff])]));
    let key = private(ROOT + 10 * number);
    let certificate = issued(1, "Root of the vectors", &key, &key, &[&constraints, &usage]);
    let lines: Vec<String> = STANDARD
        .encode(certificate)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.concat())
}

/// The certificate of the authority.
fn certificate(critical: bool) -> Vec<u8> {
    let usage = extension(KEY_USAGE, true, &tlv(0x03, &[7, 0x80]));
    let purpose = extension(EXTENDED_KEY_USAGE, critical, &seq(&[&oid(TIME_STAMPING)]));
    issued(2, "Authority of the vectors", &private(TSA), &private(ROOT), &[&usage, &purpose])
}

/// A certificate by the root, valid in 2026.
fn issued(number: u8, subject: &str, key: &PrivateKey, issuer: &PrivateKey, extensions: &[&[u8]]) -> Vec<u8> {
    let algorithm = seq(&[&oid(ECDSA_WITH_SHA_256)]);
    let validity = seq(&[&tlv(0x17, b"260101000000Z"), &tlv(0x17, b"270101000000Z")]);
    let inside = seq(&[
        &tlv(0xa0, &int(2)),
        &int(number),
        &algorithm,
        &name("Root of the vectors"),
        &validity,
        &name(subject),
        key.public().spki_der(),
        &tlv(0xa3, &seq(extensions)),
    ]);
    let signature = sign(issuer, &inside);
    seq(&[&inside, &algorithm, &tlv(0x03, &[&[0_u8][..], &signature].concat())])
}

fn extension(kind: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let flag = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    seq(&[&oid(kind), &flag, &tlv(0x04, content)])
}

fn name(common: &str) -> Vec<u8> {
    seq(&[&tlv(0x31, &seq(&[&oid(COMMON_NAME), &tlv(0x0c, common.as_bytes())]))])
}

fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    der_encode(&deterministic(key, &Digest::of(message))).to_vec()
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

fn int(number: u8) -> Vec<u8> {
    tlv(0x02, &[number])
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head.as_slice(), content].concat()
}
