//! Manifests as people write them: what is read, with which defaults, and what is said about mistakes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this file holds only tests")]

mod bounds;
mod faults;
mod following;
mod reading;
mod texts;

use vaultstream_api::SigningJob;

fn manifest(spec: &str) -> String {
    let spec = spec.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata:\n  name: test\nspec:\n{spec}")
}

fn error(yaml: &str) -> String {
    SigningJob::parse_manifests(yaml).unwrap_err().to_string()
}

fn spec_error(spec: &str) -> String {
    error(&manifest(spec))
}

const SOURCE: &str = "source: {generate: {records: 10}}";
