//! Which fields of an existing job may change.

use std::fmt::Display;

use crate::anchor::Anchor;
use crate::error::FieldError;
use crate::keys::{Keys, Signing};
use crate::spec::SigningJobSpec;

/// Compares a job's spec with the one that is to replace it.
///
/// # Errors
/// One finding for every field that cannot be changed after creation: `source`, `follow` where it was absent, `batchSize`, `maxPayloadBytes`, `keys.count`,
/// `signing.message`, `signing.nonce`, `anchors`, and `connectionSecret` unless the job is suspended.
pub fn validate_update(old: &SigningJobSpec, new: &SigningJobSpec) -> Result<(), Vec<FieldError>> {
    // Destructured without `..`, so that a new field has to be assigned to one of the two kinds.
    let SigningJobSpec {
        source,
        follow,
        batch_size,
        max_payload_bytes,
        keys: Keys { count, lease: _, max_signatures: _, retain: _ },
        signing: Signing { nonce, message, verify: _, issuer_ref: _ },
        anchors,
        connection_secret,
        suspend: _,
        concurrency: _,
        retry: _,
        max_rejected: _,
        workers: _,
        autoscaling: _,
        ttl_after_finished: _,
        deletion_policy: _,
    } = new;

    let mut found = Vec::new();
    if *source != old.source {
        found.push(FieldError::about("spec.source", "cannot be changed after creation: create another SigningJob"));
    }
    if follow.is_some() && old.follow.is_none() {
        found.push(FieldError::about("spec.follow", "cannot be added after creation: create another SigningJob"));
    }
    fixed("spec.batchSize", &old.batch_size, batch_size, &mut found);
    fixed("spec.maxPayloadBytes", &old.max_payload_bytes, max_payload_bytes, &mut found);
    fixed("spec.keys.count", &old.keys.count, count, &mut found);
    fixed("spec.signing.message", &old.signing.message, message, &mut found);
    fixed("spec.signing.nonce", &old.signing.nonce, nonce, &mut found);
    if by_url(anchors) != by_url(&old.anchors) {
        found.push(FieldError::about("spec.anchors", "cannot be changed after creation: create another SigningJob"));
    }
    if *connection_secret != old.connection_secret && !old.suspend {
        let advice = format!("it was {}, and can be changed only while the job is suspended", old.connection_secret);
        found.push(FieldError::new("spec.connectionSecret", connection_secret, advice));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// In the order of their URLs: to the API server, too, they have no other.
fn by_url(anchors: &[Anchor]) -> Vec<&Anchor> {
    let mut sorted: Vec<&Anchor> = anchors.iter().collect();
    sorted.sort_by_key(|anchor| &anchor.tsa);
    sorted
}

fn fixed<T: PartialEq + Display>(path: &str, old: &T, new: &T, found: &mut Vec<FieldError>) {
    if old != new {
        let advice = format!("it was {old}, and cannot be changed after creation: create another SigningJob");
        found.push(FieldError::new(path, new, advice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningJob;

    fn spec(lines: &str) -> SigningJobSpec {
        let manifest = format!(
            "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: job}}\nspec: {{source: {{generate: {{records: 10}}}}, {lines}}}\n"
        );
        SigningJob::parse_manifests(&manifest).unwrap().remove(0).spec
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        let found = validate_update(&spec(old), &spec(new)).err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_signed_with_is_kept_for_life() {
        const FOR_LIFE: &str = "and cannot be changed after creation: create another SigningJob";
        let cases = [
            ("batchSize: 7", "spec.batchSize is 7: it was 500"),
            ("maxPayloadBytes: 700", "spec.maxPayloadBytes is 700: it was 1048576"),
            ("keys: {count: 7}", "spec.keys.count is 7: it was 100"),
            ("signing: {message: Bound}", "spec.signing.message is Bound: it was Payload"),
            ("signing: {nonce: Deterministic}", "spec.signing.nonce is Deterministic: it was Hedged"),
        ];
        for (new, sentence) in cases {
            assert_eq!(told("", new), [format!("{sentence}, {FOR_LIFE}")]);
        }
        const ANCHORS: &str = "anchors: [{tsa: 'http://127.0.0.1/tsr'}]";
        let sentence = "spec.anchors cannot be changed after creation: create another SigningJob";
        assert_eq!(told("", ANCHORS), [sentence]);
        assert_eq!(told(ANCHORS, ""), [sentence]);
        assert_eq!(told(ANCHORS, ANCHORS), [""; 0]);
        let mut other = spec("");
        other.source = crate::Source::Generate(crate::GenerateSource { records: 11, payload_bytes: 64 });
        let found = validate_update(&spec(""), &other).unwrap_err();
        assert_eq!(found[0].to_string(), "spec.source cannot be changed after creation: create another SigningJob");
    }

    /// Specs are hashed into receipts: what an earlier version did not write must not be written now.
    #[test]
    fn a_spec_without_anchors_does_not_mention_them() {
        let written = |lines: &str| serde_json::to_value(spec(lines)).unwrap().get("anchors").cloned();
        assert_eq!(written("suspend: false"), None);
        assert_eq!(written("anchors: []"), None);
        assert!(written("anchors: [{tsa: 'https://tsa.example/'}]").is_some());
    }

    /// Specs are hashed into receipts: what an earlier version did not write must not be written now.
    #[test]
    fn a_spec_without_an_issuer_does_not_mention_one() {
        let written = |lines: &str| serde_json::to_value(spec(lines)).unwrap()["signing"].get("issuerRef").cloned();
        assert_eq!(written("signing: {verify: All}"), None);
        let issuer = serde_json::json!({"name": "ca", "kind": "Issuer", "group": "cert-manager.io"});
        assert_eq!(written("signing: {issuerRef: {name: ca}}"), Some(issuer));
    }

    /// Specs are hashed into receipts: what an earlier version did not write must not be written now.
    #[test]
    fn a_spec_says_nothing_of_keys_that_are_erased() {
        let written = |keys: &str| serde_json::to_value(spec(keys)).unwrap()["keys"]["retain"].clone();
        assert_eq!(written("keys: {retain: Erase}"), serde_json::Value::Null);
        assert_eq!(written("keys: {retain: Keep}"), "Keep");
    }

    #[test]
    fn all_else_may_be_changed_and_the_secret_while_the_job_is_suspended() {
        let all_else = "suspend: true, keys: {maxSignatures: 900, retain: Keep}, workers: {maxReplicas: 3}, \
                        retry: {maxAttempts: 9}, maxRejected: 1, ttlAfterFinished: 1h, signing: {verify: All, issuerRef: {name: ca}}, deletionPolicy: {records: Delete}";
        assert_eq!(told("", all_else), [""; 0]);
        let secret = ["spec.connectionSecret is b: it was a, and can be changed only while the job is suspended"];
        assert_eq!(told("connectionSecret: a", "connectionSecret: b"), secret);
        assert_eq!(told("connectionSecret: a", "connectionSecret: b, suspend: true"), secret);
        assert_eq!(told("connectionSecret: a, suspend: true", "connectionSecret: b"), [""; 0]);
    }
}
