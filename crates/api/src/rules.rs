//! The rules that one field's schema cannot express, in Rust. The API server has the same as CEL rules, which are beside the
//! types and in `cel.rs`.
//!
//! Pure. `tests/agreement` evaluates the CEL of the generated CRD and compares the verdicts.

use crate::duration::GoDuration;
use crate::error::FieldError;
use crate::follow::{CheckpointPolicy, Follow};
use crate::limits::{MAX_BATCHES, MAX_CANONICAL_PAYLOAD};
use crate::names::OWN_PREFIX;
use crate::source::Source;
use crate::spec::SigningJobSpec;
use crate::table::JsonForm;
use crate::work::Retry;
use crate::{autoscaling::Autoscaling, env::is_own_env, keys::Lease, workers::Workers};

/// Adds to `found` what breaks a rule.
pub(crate) fn check(spec: &SigningJobSpec, found: &mut Vec<FieldError>) {
    sizes(spec, found);
    source(&spec.source, found);
    canonical_json(spec, found);
    workers(&spec.workers, found);
    if let Some(of) = &spec.follow {
        follow(of, &spec.source, found);
    }

    let Retry { max_attempts: _, initial_backoff, max_backoff } = spec.retry;
    between("spec.keys.lease.duration", spec.keys.lease.duration, Lease::SHORTEST, Lease::LONGEST, found);
    between("spec.retry.initialBackoff", initial_backoff, Retry::SHORTEST, Retry::LONGEST, found);
    between("spec.retry.maxBackoff", max_backoff, Retry::SHORTEST, Retry::LONGEST, found);
    if initial_backoff > max_backoff {
        let advice = format!("it must not be above spec.retry.maxBackoff, which is {max_backoff}");
        found.push(FieldError::new("spec.retry.initialBackoff", initial_backoff, advice));
    }
    if let Some(drain) = spec.autoscaling.target_drain {
        let (shortest, longest) = (Autoscaling::SHORTEST_DRAIN, Autoscaling::LONGEST_DRAIN);
        between("spec.autoscaling.targetDrain", drain, shortest, longest, found);
    }
    if let Some(lag) = spec.autoscaling.target_lag {
        target_lag(lag, spec.follow.as_ref(), found);
    }
    if let Some(ttl) = spec.ttl_after_finished {
        between("spec.ttlAfterFinished", ttl, SigningJobSpec::SHORTEST_TTL, SigningJobSpec::LONGEST_TTL, found);
    }
}

fn sizes(spec: &SigningJobSpec, found: &mut Vec<FieldError>) {
    let batch_size = u64::from(spec.batch_size);
    if let Source::Generate(generate) = &spec.source {
        // A batch size of 0 is the schema's finding.
        let batches = generate.records.div_ceil(batch_size.max(1));
        if batches > MAX_BATCHES {
            let least = generate.records.div_ceil(MAX_BATCHES);
            let advice = format!(
                "{} records would be {batches} batches, and {MAX_BATCHES} is the limit: make it at least {least}",
                generate.records
            );
            found.push(FieldError::new("spec.batchSize", batch_size, advice));
        }
        if generate.payload_bytes > spec.max_payload_bytes {
            let advice = format!(
                "every record would be rejected: it must not be above spec.maxPayloadBytes, which is {}",
                spec.max_payload_bytes
            );
            found.push(FieldError::new("spec.source.generate.payloadBytes", generate.payload_bytes, advice));
        }
    }
    if let Some(most) = spec.keys.max_signatures.filter(|most| *most < batch_size) {
        let advice =
            format!("one key signs a whole batch, so it must be at least spec.batchSize, which is {batch_size}");
        found.push(FieldError::new("spec.keys.maxSignatures", most, advice));
    }
}

fn source(source: &Source, found: &mut Vec<FieldError>) {
    let Source::Table(table) = source else { return };
    let refused =
        ["vaultstream", "information_schema"].contains(&table.schema.as_str()) || table.schema.starts_with("pg_");
    if refused {
        let advice = "tables of the system and of VaultStream itself cannot be signed: name another schema";
        found.push(FieldError::new("spec.source.table.schema", &table.schema, advice));
    }
}

fn follow(follow: &Follow, source: &Source, found: &mut Vec<FieldError>) {
    if !matches!(source, Source::Table(_)) {
        let advice = "needs spec.source.table: generated records are all there from the beginning";
        found.push(FieldError::about("spec.follow", advice));
    }
    let Follow { max_delay, checkpoint: CheckpointPolicy { every, records: _ }, reconcile_every } = follow;
    between("spec.follow.maxDelay", *max_delay, Follow::SHORTEST_DELAY, Follow::LONGEST_DELAY, found);
    let (shortest, longest) = (CheckpointPolicy::SHORTEST, CheckpointPolicy::LONGEST);
    between("spec.follow.checkpoint.every", *every, shortest, longest, found);
    let (shortest, longest) = (Follow::SHORTEST_RECONCILE, Follow::LONGEST_RECONCILE);
    between("spec.follow.reconcileEvery", *reconcile_every, shortest, longest, found);
}

fn target_lag(lag: GoDuration, follow: Option<&Follow>, found: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.autoscaling.targetLag";
    between(FIELD, lag, Autoscaling::SHORTEST_LAG, Autoscaling::LONGEST_LAG, found);
    match follow {
        None => {
            let advice = "only a job that follows its table has a lag: remove it, or add spec.follow";
            found.push(FieldError::new(FIELD, lag, advice));
        }
        Some(Follow { max_delay, .. }) if lag <= *max_delay => {
            let advice = format!(
                "a row waits up to spec.follow.maxDelay for its batch, and that is {max_delay}: make it longer than that"
            );
            found.push(FieldError::new(FIELD, lag, advice));
        }
        Some(_) => {}
    }
}

fn canonical_json(spec: &SigningJobSpec, found: &mut Vec<FieldError>) {
    let Source::Table(table) = &spec.source else { return };
    if table.json == JsonForm::Jcs && spec.max_payload_bytes > MAX_CANONICAL_PAYLOAD {
        let advice = format!("with spec.source.table.json: JCS it must not be above {MAX_CANONICAL_PAYLOAD}: lower it");
        found.push(FieldError::new("spec.maxPayloadBytes", spec.max_payload_bytes, advice));
    }
}

fn workers(workers: &Workers, found: &mut Vec<FieldError>) {
    if workers.min_replicas > workers.max_replicas {
        let advice = format!("it must not be above spec.workers.maxReplicas, which is {}", workers.max_replicas);
        found.push(FieldError::new("spec.workers.minReplicas", workers.min_replicas, advice));
    }
    let Some(template) = &workers.template else { return };
    for (field, map) in [("labels", &template.labels), ("annotations", &template.annotations)] {
        for (key, value) in map.iter().filter(|(key, _)| key.starts_with(OWN_PREFIX)) {
            let advice = format!("names under {OWN_PREFIX} belong to the operator: choose another");
            found.push(FieldError::new(format!("spec.workers.template.{field}[{key}]"), value, advice));
        }
    }
    for (index, env) in template.env.iter().enumerate().filter(|(_, env)| is_own_env(&env.name)) {
        let advice = "this variable belongs to the worker, its loader or its libraries: remove it";
        found.push(FieldError::new(format!("spec.workers.template.env[{index}].name"), &env.name, advice));
    }
}

fn between(path: &str, value: GoDuration, shortest: &str, longest: &str, found: &mut Vec<FieldError>) {
    let inside =
        |text: &str, holds: fn(&GoDuration, &GoDuration) -> bool| text.parse().is_ok_and(|end| holds(&value, &end));
    if !inside(shortest, GoDuration::ge) || !inside(longest, GoDuration::le) {
        found.push(FieldError::new(path, value, format!("it must be from {shortest} to {longest}")));
    }
}
