//! Takes a batch apart that failed too often.

use std::collections::BTreeMap;

use vaultstream_ledger::commit::{Reject, Segment};
use vaultstream_program::chain;
use vaultstream_signing::{Digest, RawSignature, SigningError};

use super::{
    failure::{BackendFault, SIGNING_FAILED, SignFailure, SignedThing, Stopped},
    key::SigningKey,
    meter::Meter,
    plan::SignPlan,
    seal::seal,
};
use crate::{
    metrics::{Stage, UnitMetrics},
    segment::segment,
    unit::BatchRecords,
};

/// Signs a batch that failed too often by halving it until the records that fail stand alone; those become rejects
/// and all others are signed. Every signature is checked.
///
/// # Errors
/// [`Stopped`].
pub(crate) fn isolate(
    records: &BatchRecords,
    key: &mut SigningKey,
    plan: &SignPlan,
    attempts: i32,
    metrics: &UnitMetrics,
) -> Result<Segment, Stopped> {
    let mut meter = Meter::new(metrics);
    let mut signatures = vec![RawSignature::EMPTY; records.digests.len()];
    let mut failures = BTreeMap::new();
    let mut ranges: Vec<_> = std::iter::once(0..records.digests.len()).collect();
    while let Some(range) = ranges.pop() {
        if key.expires.has_passed() {
            return Err(Stopped::LeaseEnded);
        }
        if range.is_empty() {
            continue;
        }
        let (ids, digests) = (&records.ids[range.clone()], &records.digests[range.clone()]);
        let out = &mut signatures[range.clone()];
        match meter.run(Stage::Sign, || sign_and_check(ids, digests, out, key)) {
            Ok(()) => {}
            Err(SignFailure::Check { record }) if !key.last_resort => {
                return Err(Stopped::Faulty(BackendFault::Signature { record }));
            }
            Err(SignFailure::Backend(SigningError::Refused(why))) if !key.last_resort => {
                return Err(Stopped::Faulty(BackendFault::Refused(why)));
            }
            Err(_) if range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                ranges.extend([range.start..middle, middle..range.end]);
            }
            Err(failure) => drop(failures.insert(range.start, failure)),
        }
    }
    let is_signed = |at: usize| !failures.contains_key(&at);
    key.nonces.begin_unit(signatures.len());
    for (at, (digest, signature)) in records.digests.iter().zip(&signatures).enumerate() {
        if is_signed(at) && !key.nonces.add(digest, signature) {
            let thing = SignedThing::Record(records.ids[at]);
            return Err(Stopped::NonceRepeated { thing, batch: records.range.batch });
        }
    }
    let rejects = failures.iter().map(|(&at, failure)| Reject {
        id: records.ids[at],
        reason: SIGNING_FAILED.to_owned(),
        detail: chain(failure),
        attempts,
    });
    let rejects = rejects.collect();
    let signatures: Vec<_> =
        signatures.into_iter().enumerate().filter(|(at, _)| is_signed(*at)).map(|(_, made)| made).collect();
    let segment_key = plan.segment_key(key);
    let signed = records.select(is_signed);
    let unsealed = meter.run(Stage::Encode, || segment(&signed, &signatures, rejects, &segment_key));
    match seal(vec![unsealed], key, &mut meter)?.pop() {
        Some(Ok(segment)) => Ok(segment),
        _ => Err(Stopped::Faulty(BackendFault::Seal { batch: records.range.batch })),
    }
}

fn sign_and_check(
    ids: &[i64],
    digests: &[Digest],
    out: &mut [RawSignature],
    key: &mut SigningKey,
) -> Result<(), SignFailure> {
    key.sign(ids, digests, out)?;
    let wrong = key.check.wrong(digests, out);
    wrong.first().map_or(Ok(()), |at| Err(SignFailure::Check { record: ids[*at] }))
}
