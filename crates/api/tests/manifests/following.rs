//! `spec.follow` and `autoscaling.targetLag`, as people write them.

use vaultstream_api::{CheckpointPolicy, Follow, SigningJob};

use crate::{error, manifest, spec_error};

const TABLE: &str = "source: {table: {schema: public, name: orders, payload: body}}";

fn follow(spec: &str) -> Follow {
    let text = manifest(&format!("{TABLE}\n{spec}"));
    let parsed = SigningJob::parse_manifests(&text);
    assert!(parsed.is_ok(), "{spec}: {}", error(&text));
    parsed.unwrap().remove(0).spec.follow.unwrap()
}

#[test]
fn nothing_but_the_word_is_needed_to_follow() {
    let expected = Follow {
        max_delay: "1s".parse().unwrap(),
        checkpoint: CheckpointPolicy { every: "1m".parse().unwrap(), records: 1_000_000 },
        reconcile_every: "24h".parse().unwrap(),
    };
    assert_eq!(follow("follow: {}"), expected);
    assert_eq!(follow("follow: {checkpoint: {}}"), expected);
}

#[test]
fn each_limit_of_following_is_a_value_that_is_possible() {
    for spec in [
        "follow: {maxDelay: 50ms}",
        "follow: {maxDelay: 1h}",
        "follow: {checkpoint: {every: 1s, records: 1}}",
        "follow: {checkpoint: {every: 8760h, records: 500000000000}}",
        "follow: {reconcileEvery: 1m}",
        "follow: {reconcileEvery: 8760h}",
        "follow: {maxDelay: 50ms}\nautoscaling: {targetLag: 100ms}",
        "follow: {}\nautoscaling: {targetLag: 24h}",
    ] {
        follow(spec);
    }
}

#[test]
fn what_is_wrong_about_following_is_told_in_one_sentence_with_the_remedy() {
    let cases = [
        ("follow: {maxDelay: 49ms}", "spec.follow.maxDelay is 49ms: it must be from 50ms to 1h"),
        ("follow: {maxDelay: 1h1s}", "spec.follow.maxDelay is 1h1s: it must be from 50ms to 1h"),
        ("follow: {maxDelay: 2}", "spec.follow.maxDelay is 2: add a unit, such as 2s (units are h, m, s and ms)"),
        ("follow: {checkpoint: {every: 0s}}", "spec.follow.checkpoint.every is 0s: it must be from 1s to 8760h"),
        (
            "follow: {checkpoint: {records: 0}}",
            "spec.follow.checkpoint.records is 0: it must be from 1 to 500000000000",
        ),
        ("follow: {reconcileEvery: 30s}", "spec.follow.reconcileEvery is 30s: it must be from 1m to 8760h"),
        (
            "follow: {}\nautoscaling: {targetLag: 25h}",
            "spec.autoscaling.targetLag is 25h: it must be from 100ms to 24h",
        ),
        (
            "follow: {maxDelay: 5s}\nautoscaling: {targetLag: 5s}",
            "spec.autoscaling.targetLag is 5s: a row waits up to spec.follow.maxDelay for its batch, and that is 5s: make it longer than that",
        ),
        (
            "autoscaling: {targetLag: 5s}",
            "spec.autoscaling.targetLag is 5s: only a job that follows its table has a lag: remove it, or add spec.follow",
        ),
    ];
    for (spec, sentence) in cases {
        let told = spec_error(&format!("{TABLE}\n{spec}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{spec}");
    }
}

#[test]
fn generated_records_cannot_be_followed() {
    let told = spec_error("source: {generate: {records: 10}}\nfollow: {}");
    let sentence = "spec.follow needs spec.source.table: generated records are all there from the beginning";
    assert!(told.ends_with(sentence), "{told}");
}
