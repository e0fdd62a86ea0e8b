//! `spec.follow`, and what only a job that follows can have.

use serde_json::{Value, json};
use vaultstream_api::{Follow, validate_update};

use crate::{assert_agreed_on_creation, cel, complete, parse, without_source};

fn table() -> Value {
    json!({ "table": { "schema": "public", "name": "t", "key": "id", "payload": "body" } })
}

/// A job that follows a table, with these fields of `spec` changed.
fn following(changes: &[(&str, Value)]) -> Value {
    let mut object = without_source(table());
    object["spec"]["follow"] = serde_json::to_value(Follow::default()).unwrap();
    for (path, value) in changes {
        let at = path.split('/').fold(&mut object["spec"], |at, step| &mut at[step]);
        *at = value.clone();
    }
    object
}

#[test]
fn cel_and_rust_agree_on_what_follows_a_table() {
    let generated = json!({ "generate": { "records": 1000, "payloadBytes": 64 } });
    let one = |path: &str, value: &str| following(&[(path, value.into())]);
    assert_agreed_on_creation([
        (following(&[]), true),
        (following(&[("source", generated)]), false),
        (one("follow/maxDelay", "50ms"), true),
        (one("follow/maxDelay", "49ms"), false),
        (one("follow/maxDelay", "1h"), true),
        (one("follow/maxDelay", "3601s"), false),
        (one("follow/checkpoint/every", "1s"), true),
        (one("follow/checkpoint/every", "999ms"), false),
        (one("follow/checkpoint/every", "8760h"), true),
        (one("follow/checkpoint/every", "8761h"), false),
        (one("follow/reconcileEvery", "1m"), true),
        (one("follow/reconcileEvery", "59s"), false),
        (one("follow/reconcileEvery", "8760h"), true),
        (one("follow/reconcileEvery", "8761h"), false),
    ]);
}

#[test]
fn cel_and_rust_agree_on_the_lag_that_is_aimed_at() {
    let lag =
        |lag: &str, delay: &str| following(&[("autoscaling/targetLag", lag.into()), ("follow/maxDelay", delay.into())]);
    let without_follow = |mut object: Value| {
        object["spec"]["autoscaling"]["targetLag"] = "5s".into();
        object
    };
    assert_agreed_on_creation([
        (lag("5s", "1s"), true),
        (lag("1s", "1s"), false),
        (lag("1001ms", "1s"), true),
        (lag("100ms", "50ms"), true),
        (lag("99ms", "50ms"), false),
        (lag("24h", "1s"), true),
        (lag("24h1ms", "1s"), false),
        (without_follow(without_source(table())), false),
        (without_follow(complete()), false),
    ]);
}

#[test]
fn cel_and_rust_agree_on_when_following_may_begin_and_end() {
    let fixed = without_source(table());
    let slower = following(&[("follow/maxDelay", "2s".into())]);
    let aimed = following(&[("autoscaling/targetLag", "5s".into())]);
    let cases = [
        (fixed.clone(), following(&[]), false),
        (following(&[]), fixed, true),
        (following(&[]), slower, true),
        (following(&[]), aimed.clone(), true),
        (aimed, following(&[]), true),
    ];
    for (old, new, good) in cases {
        let cel = cel(&new, Some(&old));
        let rust = validate_update(&parse(&old).unwrap().spec, &parse(&new).unwrap().spec);
        assert_eq!(cel.is_empty(), good, "CEL on {new}: {cel:?}");
        assert_eq!(rust.is_ok(), good, "Rust on {new}: {rust:?}");
    }
}
