//! Tokens against openssl's own authority (`openssl ts`): those that are right, and those that are wrong in one way each.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "this file holds only tests")]

mod authority;
mod requests;
mod signers;

use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{KeyUsagePurpose, date_time_ymd};
use vaultstream_anchor::{Token, TokenError};
use vaultstream_certificates::{ChainError, Roots};

use authority::{Authority, OTHER_POLICY, POLICY, purpose};

const DIGEST: [u8; 32] = [0x5a; 32];

fn hex() -> String {
    "5a".repeat(32)
}

/// What a verifier with the root of `believed` says of a token.
fn verdict(token: &[u8], believed: &Authority) -> Result<(String, String), String> {
    let token = Token::read(token).map_err(|error| error.to_string())?;
    token.check(&DIGEST, None).map_err(|error| error.to_string())?;
    token.check_chain(&Roots::read(&believed.root()).unwrap()).map_err(|error| error.to_string())?;
    Ok((token.time().to_string(), token.tsa().to_owned()))
}

#[test]
fn a_token_says_when_and_who() {
    for tsa in [Authority::new("TSA"), Authority::of_old("TSA"), Authority::behind_another("TSA", |_| {})] {
        let bytes = tsa.token(&hex(), &[]);
        let token = Token::read(&bytes).unwrap();
        token.check(&DIGEST, None).unwrap();
        token.check(&DIGEST, Some(POLICY)).unwrap();
        token.check_chain(&Roots::read(&tsa.root()).unwrap()).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(now.abs_diff(token.time().unix()).as_secs() < 60, "{}", token.time());
        assert!(token.tsa().contains("TSA"), "{}", token.tsa());
    }
}

#[test]
fn a_signature_of_another_key_or_over_other_attributes_is_refused() {
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let mut signature = token.clone();
    // The signature stands at the end.
    *signature.last_mut().unwrap() ^= 1;
    assert!(matches!(Token::read(&signature), Err(TokenError::Signature)));
    // The attribute signingTime, which nothing else is compared with.
    let mut attribute = token.clone();
    let at = token.windows(9).position(|bytes| bytes == b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05").unwrap();
    attribute[at + 9 + 2 + 2] ^= 1;
    assert!(matches!(Token::read(&attribute), Err(TokenError::Signature)));
}

#[test]
fn what_has_to_be_understood_is_understood_or_refused() {
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let mut kind = token.clone();
    let at = token.windows(9).position(|bytes| bytes == b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02").unwrap();
    kind[at + 8] = 3;
    assert!(matches!(Token::read(&kind), Err(TokenError::Content)));
    let content = tsa.content(&token);
    let with_extension = |critical: bool| {
        let flag: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
        let extension = [&[0x06, 0x03, 0x2a, 0x03, 0x04], flag, &[0x04, 0x00]].concat();
        let extension = [&[0xa1, extension.len() as u8 + 2, 0x30, extension.len() as u8], &extension[..]].concat();
        let inner = [&content[if content[1] < 0x80 { 2 } else { 3 }..], &extension].concat();
        assert!((0x80..0x100).contains(&inner.len()), "its length takes one byte more");
        let changed = [&[0x30, 0x81, inner.len() as u8], &inner[..]].concat();
        let signed = tsa.sign(&changed, &["-cades", "-signer", "tsa.pem", "-inkey", "tsa.key"]);
        Token::read(&signed)
    };
    with_extension(false).unwrap();
    assert!(matches!(with_extension(true), Err(TokenError::Extension)));
}

#[test]
fn an_authority_for_something_else_issues_no_certificates_for_timestamps() {
    let change = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    };
    let tsa = Authority::behind_another("TSA", change);
    let token = Token::read(&tsa.token(&hex(), &[])).unwrap();
    assert!(matches!(token.check_chain(&Roots::read(&tsa.root()).unwrap()), Err(ChainError::Chain(_))));
}

#[test]
fn a_token_over_something_else_is_refused() {
    let tsa = Authority::new("TSA");
    let token = Token::read(&tsa.token(&"5b".repeat(32), &[])).unwrap();
    assert!(matches!(token.check(&DIGEST, None), Err(TokenError::Imprint)));
    // The same 32 bytes at the beginning of another kind of digest.
    let query = tsa.openssl(&["ts", "-query", "-digest", &"5a".repeat(64), "-sha512", "-cert"], b"");
    let reply = tsa.reply(&query);
    std::fs::write(tsa.file("reply"), reply).unwrap();
    let token = tsa.openssl(&["ts", "-reply", "-config", "settings", "-in", "reply", "-token_out"], b"");
    assert!(matches!(Token::read(&token).unwrap().check(&DIGEST, None), Err(TokenError::Imprint)));
}

#[test]
fn a_token_under_another_policy_is_refused() {
    let tsa = Authority::new("TSA");
    let token = Token::read(&tsa.token(&hex(), &["-tspolicy", OTHER_POLICY])).unwrap();
    token.check(&DIGEST, Some(OTHER_POLICY)).unwrap();
    let refused = token.check(&DIGEST, Some(POLICY)).unwrap_err().to_string();
    assert_eq!(refused, "it was made under the policy 1.2.3.4.5; asked for was 1.2.3.4.1");
}

#[test]
fn a_root_that_was_not_given_is_not_believed() {
    let tsa = Authority::new("TSA");
    let token = Token::read(&tsa.token(&hex(), &[])).unwrap();
    // Names do not make a root.
    let roots = Roots::read(&Authority::new("TSA").root()).unwrap();
    assert!(matches!(token.check_chain(&roots), Err(ChainError::UnknownRoot)));
    let roots = Roots::read(&Authority::new("another").root()).unwrap();
    assert!(matches!(token.check_chain(&roots), Err(ChainError::UnknownRoot)));
}

#[test]
fn a_certificate_has_to_be_valid_at_the_time_of_the_token() {
    let expired = Authority::with("TSA", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let future = Authority::with("TSA", |params| params.not_before = date_time_ymd(2100, 1, 1));
    for tsa in [expired, future] {
        let token = Token::read(&tsa.token(&hex(), &[])).unwrap();
        assert!(matches!(token.check_chain(&Roots::read(&tsa.root()).unwrap()), Err(ChainError::Validity)));
    }
}

#[test]
fn a_certificate_for_another_purpose_signs_no_tokens() {
    // The purposes codeSigning, and timeStamping with codeSigning.
    const CODE: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
    const BOTH: &[u8] = &[
        0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05,
        0x05, 0x07, 0x03, 0x03,
    ];
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let signed_by = |file: &str| tsa.signed_anew(&token, &["-cades", "-signer", file, "-inkey", "tsa.key"]);
    Token::read(&signed_by("tsa.pem")).unwrap();
    let key = tsa.key();
    tsa.certify("TSA", &key, "without.pem", |params| params.custom_extensions.clear());
    tsa.certify("TSA", &key, "code.pem", |params| params.custom_extensions = vec![purpose(CODE, true)]);
    tsa.certify("TSA", &key, "both.pem", |params| params.custom_extensions = vec![purpose(BOTH, true)]);
    tsa.certify("TSA", &key, "uncritical.pem", |params| {
        let content = params.custom_extensions[0].content().to_vec();
        params.custom_extensions = vec![purpose(&content, false)];
    });
    tsa.certify("TSA", &key, "ca.pem", |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
    for file in ["without.pem", "code.pem", "both.pem", "uncritical.pem", "ca.pem"] {
        let refused = Token::read(&signed_by(file)).unwrap_err();
        assert!(matches!(refused, TokenError::Purpose), "{file}: {refused:?}");
    }
}

#[test]
fn the_signature_names_its_certificate() {
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let signer = ["-signer", "tsa.pem", "-inkey", "tsa.key"];
    let anew = |options: &[&str]| Token::read(&tsa.signed_anew(&token, &[options, &signer].concat()));
    anew(&["-cades"]).unwrap();
    assert!(matches!(anew(&[]), Err(TokenError::Attribute("signingCertificate"))));
    assert!(matches!(anew(&["-noattr"]), Err(TokenError::Attribute("contentType"))));
    assert!(matches!(anew(&["-cades", "-nocerts"]), Err(TokenError::NoCertificate)));
    // Another certificate of the same key.
    tsa.certify("Somebody else", &tsa.key(), "other.pem", |_| {});
    assert!(matches!(anew(&["-cades", "-nocerts", "-certfile", "other.pem"]), Err(TokenError::NoCertificate)));
}

#[test]
fn a_token_has_one_signature_over_a_timestamp() {
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let another = rcgen::KeyPair::generate().unwrap();
    std::fs::write(tsa.file("another.key"), another.serialize_pem()).unwrap();
    tsa.certify("Another", &another, "another.pem", |_| {});
    let two = ["-cades", "-signer", "tsa.pem", "-inkey", "tsa.key", "-signer", "another.pem", "-inkey", "another.key"];
    assert!(matches!(Token::read(&tsa.signed_anew(&token, &two)), Err(TokenError::Signers(2))));
    let plain = ["cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", "tsa.pem", "-inkey", "tsa.key"];
    assert!(matches!(Token::read(&tsa.openssl(&plain, b"text")), Err(TokenError::Content)));
    let text = [&plain[..], &["-cades", "-econtent_type", "1.2.840.113549.1.9.16.1.4"]].concat();
    assert!(matches!(Token::read(&tsa.openssl(&text, b"text")), Err(TokenError::Form(_))));
}

#[test]
fn no_changed_byte_makes_a_token_say_something_else() {
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    let right = verdict(&token, &tsa).unwrap();
    let mut refused = 0;
    for at in 0..token.len() {
        for bit in [0x01, 0x80] {
            let mut changed = token.clone();
            changed[at] ^= bit;
            match verdict(&changed, &tsa) {
                Err(_) => refused += 1,
                // What the signature does not cover, such as a list of algorithms.
                Ok(said) => assert_eq!(said, right, "byte {at}"),
            }
        }
        assert!(Token::read(&token[..at]).is_err(), "cut at {at}");
    }
    assert!(refused > token.len(), "{refused} of {} changes were refused", 2 * token.len());
    assert!(Token::read(&[&token[..], &[0]].concat()).is_err(), "a byte behind it");
}

#[test]
fn a_file_without_roots_is_refused() {
    let tsa = Authority::new("TSA");
    let read = |text: &str| {
        std::fs::write(tsa.file("roots"), text).unwrap();
        Roots::read(&tsa.file("roots")).map(drop).unwrap_err().to_string()
    };
    assert!(read("").ends_with("contains no certificate"));
    assert!(read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").ends_with("cannot be read"));
    assert!(read("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").ends_with("certificates in PEM"));
    assert!(Roots::read(&tsa.file("missing")).unwrap_err().to_string().starts_with("failed to read"));
}
