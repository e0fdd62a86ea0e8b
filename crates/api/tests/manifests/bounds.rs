//! Values at their limits: the last one that is possible, and what is said about the next one.

use vaultstream_api::{MAX_MANIFESTS, SigningJob};

use crate::{SOURCE, error, manifest, spec_error};

fn entries(number: usize) -> String {
    let entries: Vec<_> = (0..number).map(|number| format!("l{number}: x")).collect();
    format!("workers: {{template: {{labels: {{{}}}}}}}", entries.join(", "))
}

fn items(number: usize) -> String {
    format!("workers: {{template: {{tolerations: [{}]}}}}", vec!["{key: a}"; number].join(", "))
}

fn secret(length: usize) -> String {
    format!("connectionSecret: {}", "s".repeat(length))
}

#[test]
fn each_limit_is_a_value_that_is_possible() {
    let possible = [
        entries(32),
        items(16),
        secret(1),
        secret(253),
        "batchSize: 1".to_owned(),
        "batchSize: 100000".to_owned(),
        "keys: {maxSignatures: 500}".to_owned(),
        "keys: {lease: {duration: 5s}}".to_owned(),
        "keys: {lease: {duration: 1h}}".to_owned(),
        "retry: {initialBackoff: 30s}".to_owned(),
        "workers: {minReplicas: 10}".to_owned(),
        "autoscaling: {targetDrain: 1s}".to_owned(),
        "autoscaling: {targetDrain: 720h}".to_owned(),
        "maxRejected: 0".to_owned(),
        "maxRejected: 100%".to_owned(),
    ];
    for line in possible {
        let text = manifest(&format!("{SOURCE}\n{line}"));
        assert!(SigningJob::parse_manifests(&text).is_ok(), "{line}: {}", error(&text));
    }
    for source in ["{generate: {records: 5000000}}\nbatchSize: 1", "{generate: {records: 1, payloadBytes: 1048576}}"] {
        let text = manifest(&format!("source: {source}"));
        assert!(SigningJob::parse_manifests(&text).is_ok(), "{source}: {}", error(&text));
    }
    let longest = format!("{}#", manifest(SOURCE));
    let longest = format!("{longest}{}", "x".repeat(MAX_MANIFESTS - longest.len()));
    assert!(SigningJob::parse_manifests(&longest).is_ok(), "the longest text");
}

#[test]
fn what_is_beyond_a_limit_is_told_with_the_limit() {
    let cases = [
        (entries(33), "labels has 33 entries: at most 32 are possible"),
        (items(17), "tolerations has 17 items: at most 16 are possible"),
        (secret(254), "it has 254 characters; at most 253 are possible"),
        (
            "autoscaling: {targetDrain: 721h}".to_owned(),
            "spec.autoscaling.targetDrain is 721h: it must be from 1s to 720h",
        ),
        ("autoscaling: {targetDrain: 999ms}".to_owned(), "it must be from 1s to 720h"),
        ("ttlAfterFinished: 1000000h".to_owned(), "spec.ttlAfterFinished is 1000000h: it must be from "),
        (
            "maxPayloadBytes: 63".to_owned(),
            "spec.source.generate.payloadBytes is 64: every record would be rejected: it must not be above \
             spec.maxPayloadBytes, which is 63",
        ),
        ("maxRejected: 101%".to_owned(), "spec.maxRejected is 101%: it must be a whole number of records"),
    ];
    for (line, sentence) in cases {
        let told = spec_error(&format!("{SOURCE}\n{line}"));
        assert!(told.contains(sentence), "{line}: {told}");
    }
}
