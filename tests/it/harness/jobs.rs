//! Manifests.

use vaultstream_api::SigningJobSpec;

/// A job of generated records; `spec` holds further lines of the spec.
pub(crate) fn generated(name: &str, records: u64, spec: &str) -> String {
    manifest(name, &format!("source: {{generate: {{records: {records}}}}}\n{spec}"))
}

/// A job of the table `public.<table>` with the columns `id` and `body`.
pub(crate) fn of_table(name: &str, table: &str, spec: &str) -> String {
    manifest(name, &format!("source: {{table: {{name: {table}, key: id, payload: body}}}}\n{spec}"))
}

/// A job of this source.
pub(crate) fn of_source(name: &str, source: &str, spec: &str) -> String {
    manifest(name, &format!("source: {{{source}}}\n{spec}"))
}

/// A job with this spec.
pub(crate) fn of_spec(name: &str, spec: &SigningJobSpec) -> String {
    let spec = serde_json::to_string(spec).unwrap();
    format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn manifest(name: &str, spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {}\n", line.trim())).collect();
    format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata:\n  name: {name}\nspec:\n{spec}")
}
