//! Which fields of an existing job may change.

use std::fmt::Display;

use crate::error::FieldError;
use crate::keys::{Keys, Signing};
use crate::spec::SigningJobSpec;

/// Compares a job's spec with the one that is to replace it.
///
/// # Errors
/// One finding for every field that cannot be changed after creation: `source`, `batchSize`, `maxPayloadBytes`, `keys.count`,
/// `signing.message`, `signing.nonce`, and `connectionSecret` unless the job is suspended.
pub fn validate_update(old: &SigningJobSpec, new: &SigningJobSpec) -> Result<(), Vec<FieldError>> {
    // Destructured without `..`, so that a new field has to be assigned to one of the two kinds.
    let SigningJobSpec {
        source,
        batch_size,
        max_payload_bytes,
        keys: Keys { count, lease: _, max_signatures: _ },
        signing: Signing { nonce, message, verify: _ },
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
    fixed("spec.batchSize", &old.batch_size, batch_size, &mut found);
    fixed("spec.maxPayloadBytes", &old.max_payload_bytes, max_payload_bytes, &mut found);
    fixed("spec.keys.count", &old.keys.count, count, &mut found);
    fixed("spec.signing.message", &old.signing.message, message, &mut found);
    fixed("spec.signing.nonce", &old.signing.nonce, nonce, &mut found);
    if *connection_secret != old.connection_secret && !old.suspend {
        let advice = format!("it was {}, and can be changed only while the job is suspended", old.connection_secret);
        found.push(FieldError::new("spec.connectionSecret", connection_secret, advice));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn fixed<T: PartialEq + Display>(path: &str, old: &T, new: &T, found: &mut Vec<FieldError>) {
    if old != new {
        let advice = format!("it was {old}, and cannot be changed after creation: create another SigningJob");
        found.push(FieldError::new(path, new, advice));
    }
}
