//! Bundles with timestamp tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::job::{Job, Signing};
use crate::tsa::{self, Making, OTHER_CONTENT};
use crate::vector::{BAD, GOOD, NONE, Vector};

/// Files of root certificates, and their names.
pub(crate) fn roots() -> [(&'static str, String); 2] {
    [("tsa-roots.pem", tsa::root(0)), ("other-roots.pem", tsa::root(1))]
}

/// What is said of bundles by who believes these roots.
pub(crate) fn believed() -> Vec<Value> {
    let of = |file: &str, roots: &str, verdict: &str, why: &str| json!({"file": file, "tsaRoots": roots, "verdict": verdict, "why": why});
    vec![
        of("token.vsb", "tsa-roots.pem", GOOD, "a root that is believed has issued the authority's certificate"),
        of("two-tokens.vsb", "tsa-roots.pem", GOOD, "each of two tokens is by an authority that is believed"),
        of("checkpoint-confirmed.vsb", "tsa-roots.pem", GOOD, "and that of the authority of a checkpoint"),
        of("token.vsb", "other-roots.pem", BAD, "the root of this name that is believed has another key"),
        of("token-late.vsb", "tsa-roots.pem", BAD, "the certificate was over at the time in the token"),
        of("payload.vsb", "tsa-roots.pem", BAD, "there is no token, and who names roots asks for one"),
    ]
}

/// A job whose bundle has these tokens over its receipt.
fn with(tokens: fn(&str) -> Vec<Vec<u8>>) -> Job {
    Job { tokens, ..Job::new() }
}

/// The first line with another list of tokens.
fn with_list(text: &str, list: &str) -> String {
    let (header, rest) = text.split_once('\n').expect("a header");
    let (before, _) = header.split_once(",\"tokens\":").expect("tokens");
    format!("{before},\"tokens\":{list}}}\n{rest}")
}

pub(crate) fn timestamps() -> Vec<Vector> {
    [right(), of_something_else(), damaged(), malformed()].into_iter().flatten().collect()
}

fn of(name: &'static str, verdict: &'static str, why: &'static str, job: Job) -> Vector {
    Vector { name, text: job.text(), verdict, why }
}

fn right() -> Vec<Vector> {
    vec![
        of("token", GOOD, "a timestamp token over the receipt", with(|receipt| vec![Making::RIGHT.token(receipt)])),
        of(
            "two-tokens",
            GOOD,
            "two timestamp tokens over the receipt, in a bundle without payloads",
            Job {
                payloads: false,
                signing: Signing::Bound,
                ..with(|receipt| {
                    let later = Making { time: "20260102000000Z", ..Making::RIGHT };
                    vec![Making::RIGHT.token(receipt), later.token(receipt)]
                })
            },
        ),
        of(
            "five-tokens",
            GOOD,
            "as many tokens as a bundle takes, some of them twice",
            with(|receipt| {
                let later = Making { time: "20260102000000Z", ..Making::RIGHT }.token(receipt);
                let mut tokens = vec![Making::RIGHT.token(receipt); 3];
                tokens.extend([later.clone(), later]);
                tokens
            }),
        ),
        of(
            "token-late",
            GOOD,
            "a token whose certificate was over by its time: that is looked at by who names roots",
            with(|receipt| vec![Making { time: "20270101000001Z", ..Making::RIGHT }.token(receipt)]),
        ),
    ]
}

/// Tokens that sign what they must not.
fn of_something_else() -> Vec<Vector> {
    vec![
        of(
            "token-of-another-receipt",
            BAD,
            "a token over another receipt",
            with(|receipt| vec![Making { over: Some("another receipt"), ..Making::RIGHT }.token(receipt)]),
        ),
        of(
            "token-second-of-another-receipt",
            BAD,
            "a token over the receipt, and one over another receipt",
            with(|receipt| {
                let another = Making { over: Some("another receipt"), ..Making::RIGHT };
                vec![Making::RIGHT.token(receipt), another.token(receipt)]
            }),
        ),
        of(
            "token-content-type",
            BAD,
            "a token whose signed attribute contentType is that of something else",
            with(|receipt| vec![Making { content_type: OTHER_CONTENT, ..Making::RIGHT }.token(receipt)]),
        ),
        of(
            "token-message-digest",
            BAD,
            "a token that signs the digest of another content",
            with(|receipt| vec![Making { digest_of: Some(b"another content"), ..Making::RIGHT }.token(receipt)]),
        ),
        of(
            "token-certificate",
            BAD,
            "a token that signs the hash of another certificate",
            with(|receipt| vec![Making { certificate_of: Some(b"another one"), ..Making::RIGHT }.token(receipt)]),
        ),
    ]
}

/// Tokens whose certificate, signature or bytes are wrong.
fn damaged() -> Vec<Vector> {
    vec![
        of(
            "token-purpose",
            BAD,
            "a token of a certificate whose purpose is not critical",
            with(|receipt| vec![Making { critical: false, ..Making::RIGHT }.token(receipt)]),
        ),
        of(
            "token-signature",
            BAD,
            "a token with the signature of another key",
            with(|receipt| vec![Making { key: 9, ..Making::RIGHT }.token(receipt)]),
        ),
        of("token-not-der", BAD, "a token that is not DER", with(|_| vec![b"not a token".to_vec()])),
        of("token-longest", BAD, "a token of 64 KiB that is not DER", with(|_| vec![vec![0x30; 64 << 10]])),
        of("token-without-bytes", BAD, "a token without bytes", with(|_| vec![Vec::new()])),
        of(
            "token-cut",
            BAD,
            "a token without its last byte",
            with(|receipt| {
                let mut token = Making::RIGHT.token(receipt);
                token.pop();
                vec![token]
            }),
        ),
    ]
}

/// Tokens that a header must not have in this way.
fn malformed() -> Vec<Vector> {
    let text = with(|receipt| vec![Making::RIGHT.token(receipt)]).text();
    let edited = |name, verdict, why, list: &str| Vector { name, text: with_list(&text, list), verdict, why };
    let long = URL_SAFE_NO_PAD.encode(vec![0x30; (64 << 10) + 1]);
    vec![
        of("tokens-in-format-1", NONE, "tokens in a bundle of the first format", {
            Job { bundle: 1, receipt_format: 2, ..with(|receipt| vec![Making::RIGHT.token(receipt)]).without_seals() }
        }),
        of("tokens-too-many", NONE, "six tokens", with(|receipt| vec![Making::RIGHT.token(receipt); 6])),
        edited("tokens-empty-list", NONE, "a list of tokens without one", "[]"),
        edited("tokens-null", NONE, "an absent list of tokens that is written", "null"),
        edited("token-too-long", NONE, "a token of more than 64 KiB", &format!("[\"{long}\"]")),
        edited("token-padding", NONE, "a token in base64url with padding", "[\"MAA=\"]"),
    ]
}
