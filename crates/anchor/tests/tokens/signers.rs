//! Tokens of which one part is changed: signed anew, so that nothing but that part is wrong, or outside of what is signed.

use std::ops::Range;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::CustomExtension;
use vaultstream_anchor::{Token, TokenError};

use crate::authority::Authority;
use crate::hex;

/// Where the content of the value that begins here is.
fn content(der: &[u8], at: usize) -> Range<usize> {
    let (begin, length) = match der[at + 1] {
        short @ ..0x80 => (at + 2, usize::from(short)),
        long => {
            let begin = at + 2 + usize::from(long & 0x7f);
            (begin, der[at + 2..begin].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
    };
    begin..begin + length
}

/// Where each of the values in the one that begins here begins.
fn inside(der: &[u8], at: usize) -> Vec<usize> {
    let within = content(der, at);
    let mut begins = Vec::new();
    let mut at = within.start;
    while at < within.end {
        begins.push(at);
        at = content(der, at).end;
    }
    begins
}

/// The parts of a token's SignedData.
fn signed_data(token: &[u8]) -> Vec<usize> {
    inside(token, inside(token, inside(token, 0)[1])[0])
}

/// The parts of its SignerInfo: version, who signs, digest, signed attributes, algorithm, signature.
fn signer(token: &[u8]) -> Vec<usize> {
    let signers = signed_data(token).pop().unwrap();
    inside(token, inside(token, signers)[0])
}

/// The token with another byte `behind` the first occurrence of these bytes in its signed attributes, which its authority signs anew.
fn signed_anew(tsa: &Authority, token: &[u8], bytes: &[u8], behind: usize, change: u8) -> Vec<u8> {
    let parts = signer(token);
    let (attributes, signature) = (content(token, parts[3]), content(token, parts[5]));
    let mut changed = token.to_vec();
    let place = token[attributes.clone()].windows(bytes.len()).position(|window| window == bytes).unwrap();
    changed[attributes.start + place + bytes.len() + behind] ^= change;
    let message = [&[0x31][..], &changed[parts[3] + 1..attributes.end]].concat();
    let key = tsa.key().serialize_der();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key).unwrap();
    loop {
        let new = key.sign(&SystemRandom::new(), &message).unwrap();
        // Of the same length, so that no length around it changes.
        if new.as_ref().len() == signature.len() {
            changed[signature].copy_from_slice(new.as_ref());
            return changed;
        }
    }
}

#[test]
fn what_the_signed_attributes_say_has_to_be_so() {
    const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
    const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
    let tsa = Authority::new("TSA");
    let token = tsa.token(&hex(), &[]);
    Token::read(&signed_anew(&tsa, &token, CONTENT_TYPE, 0, 0)).unwrap();
    // SET, its length, OBJECT IDENTIFIER, its length, and the last of 11 bytes.
    let other_type = signed_anew(&tsa, &token, CONTENT_TYPE, 4 + 10, 1);
    assert!(matches!(Token::read(&other_type), Err(TokenError::Content)));
    let other_digest = signed_anew(&tsa, &token, MESSAGE_DIGEST, 4 + 31, 1);
    assert!(matches!(Token::read(&other_digest), Err(TokenError::Digest)));
}

#[test]
fn who_signs_is_named_as_the_certificate_names_it() {
    let tsa = Authority::new("TSA");
    let mut token = tsa.token(&hex(), &[]);
    let number = content(&token, signer(&token)[1]).end - 1;
    token[number] ^= 1;
    assert!(matches!(Token::read(&token), Err(TokenError::Signer)));

    let token = tsa.token(&hex(), &[]);
    tsa.certify("TSA", &tsa.key(), "key.pem", |params| {
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 14], vec![4, 4, 1, 2, 3, 4]));
    });
    let by_key = ["-cades", "-keyid", "-signer", "key.pem", "-inkey", "tsa.key"];
    let mut token = tsa.signed_anew(&token, &by_key);
    Token::read(&token).unwrap();
    let identifier = content(&token, signer(&token)[1]);
    assert_eq!(token[identifier.clone()], [1, 2, 3, 4]);
    token[identifier.start] ^= 1;
    assert!(matches!(Token::read(&token), Err(TokenError::Signer)));
}

#[test]
fn the_digest_of_the_signer_is_among_those_of_the_token() {
    let tsa = Authority::new("TSA");
    let mut token = tsa.token(&hex(), &[]);
    let algorithm = inside(&token, signed_data(&token)[1])[0];
    let name = content(&token, inside(&token, algorithm)[0]);
    // SHA-384 instead of SHA-256.
    assert_eq!(token[name.end - 1], 1);
    token[name.end - 1] = 2;
    assert!(matches!(Token::read(&token), Err(TokenError::Algorithm)));
}
