//! Signs the batches of a unit under one key. Runs on a CPU thread.
//!
//! In: digests. Out: one segment for each batch that was signed, and each batch that failed with its failure. No I/O.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt as _;
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;
use vaultstream_api::Verify;
use vaultstream_ledger::{
    BatchNo, BootInstant, KeyId,
    commit::{Reject, Segment},
};
use vaultstream_program::chain;
use vaultstream_signing::{BatchSigner, BatchVerifier, Digest, RawSignature, SigningError, Thumbprint};

use crate::{
    metrics::{Stage, UnitMetrics},
    segment::{SegmentKey, segment},
    unit::BatchRecords,
};

/// Signatures made before the lease's end is checked again; at 20 µs each, about 5 ms.
const DEADLINE_CHECK_INTERVAL: usize = 256;

/// [`Verify::Sample`] checks one signature in this number.
const SAMPLE_ONE_IN: usize = 1024;

/// The reason of a record that could not be signed.
pub(crate) const SIGNING_FAILED: &str = "SigningFailed";

/// A key that can sign, until its lease ends.
pub(crate) struct SigningKey {
    /// The key in the ledger.
    pub(crate) key: KeyId,
    /// When to stop: nothing signed later can be committed.
    pub(crate) expires: BootInstant,
    /// Signs with it.
    pub(crate) signer: Box<dyn BatchSigner>,
    /// Checks signatures with an implementation other than the signer's.
    pub(crate) checker: Box<dyn BatchVerifier>,
    /// RFC 7638 thumbprint of the public key.
    pub(crate) thumbprint: Thumbprint,
}

/// How to sign, the same for every unit of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignPlan {
    /// The job's uid, bound into every batch root.
    pub(crate) job: Uuid,
    /// How many signatures are checked before the commit.
    pub(crate) verify: Verify,
    /// Whether the digest goes into the signature's row.
    pub(crate) keep_digests: bool,
}

/// The lease's own deadline passed: nothing signed under it can be committed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseEnded;

/// Why a batch, or a record alone, was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignFailure {
    /// The backend refused.
    #[error("the backend failed to sign")]
    Backend(#[from] SigningError),
    /// The backend signed, and the other implementation did not accept it.
    #[error("the signature of record {record} did not pass the check by another implementation")]
    Check {
        /// The first such record.
        record: i64,
    },
}

/// What one trip to a CPU thread made of a unit.
#[derive(Debug, Default)]
pub(crate) struct SignedUnit {
    /// The batches that were signed.
    pub(crate) segments: Vec<Segment>,
    /// The others.
    pub(crate) failed: Vec<(BatchNo, SignFailure)>,
}

/// Signs whole batches. A batch that fails keeps no other from being signed.
///
/// # Errors
/// [`LeaseEnded`].
pub(crate) fn sign_unit(
    batches: &[&BatchRecords],
    key: &mut SigningKey,
    plan: &SignPlan,
    metrics: &UnitMetrics,
) -> Result<SignedUnit, LeaseEnded> {
    let mut signed = Vec::with_capacity(batches.len());
    let mut failed = Vec::new();
    for &records in batches {
        match metered(metrics, Stage::Sign, || sign_batch(records, key))? {
            Ok(signatures) => signed.push(SignedBatch { records, signatures }),
            Err(error) => failed.push((records.range.batch, error.into())),
        }
    }
    let mut refused = metered(metrics, Stage::Verify, || check(&signed, &*key.checker, plan.verify));
    signed.retain(|batch| !refused.contains_key(&batch.records.range.batch));
    while let Some((batch, record)) = refused.pop_first() {
        failed.push((batch, SignFailure::Check { record }));
    }
    let segment_key = segment_key(key, plan);
    let segments = metered(metrics, Stage::Encode, || {
        signed.iter().map(|batch| segment(batch.records, &batch.signatures, Vec::new(), &segment_key)).collect()
    });
    Ok(SignedUnit { segments, failed })
}

/// Signs a batch that failed too often by halving it until the records that fail stand alone; those become rejects
/// and all others are signed. Every signature is checked.
///
/// # Errors
/// [`LeaseEnded`].
pub(crate) fn isolate(
    records: &BatchRecords,
    key: &mut SigningKey,
    plan: &SignPlan,
    attempts: i32,
    metrics: &UnitMetrics,
) -> Result<Segment, LeaseEnded> {
    let mut signatures = vec![RawSignature::EMPTY; records.digests.len()];
    let mut failures = BTreeMap::new();
    let mut ranges: Vec<_> = std::iter::once(0..records.digests.len()).collect();
    while let Some(range) = ranges.pop() {
        if key.expires.has_passed() {
            return Err(LeaseEnded);
        }
        if range.is_empty() {
            continue;
        }
        let (ids, digests) = (&records.ids[range.clone()], &records.digests[range.clone()]);
        let out = &mut signatures[range.clone()];
        match metered(metrics, Stage::Sign, || sign_and_check(ids, digests, out, key)) {
            Ok(()) => {}
            Err(_) if range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                ranges.extend([range.start..middle, middle..range.end]);
            }
            Err(failure) => drop(failures.insert(range.start, failure)),
        }
    }
    let rejects = failures.iter().map(|(&at, failure)| Reject {
        id: records.ids[at],
        reason: SIGNING_FAILED.to_owned(),
        detail: chain(failure),
        attempts,
    });
    let rejects = rejects.collect();
    let is_signed = |at: usize| !failures.contains_key(&at);
    let signatures: Vec<_> =
        signatures.into_iter().enumerate().filter(|(at, _)| is_signed(*at)).map(|(_, made)| made).collect();
    let segment_key = segment_key(key, plan);
    Ok(metered(metrics, Stage::Encode, || segment(&records.select(is_signed), &signatures, rejects, &segment_key)))
}

struct SignedBatch<'a> {
    records: &'a BatchRecords,
    signatures: Vec<RawSignature>,
}

fn segment_key(key: &SigningKey, plan: &SignPlan) -> SegmentKey {
    SegmentKey { job: plan.job, key: key.key, thumbprint: key.thumbprint, keep_digests: plan.keep_digests }
}

fn sign_batch(
    records: &BatchRecords,
    key: &mut SigningKey,
) -> Result<Result<Vec<RawSignature>, SigningError>, LeaseEnded> {
    let mut signatures = vec![RawSignature::EMPTY; records.digests.len()];
    let slices = signatures.chunks_mut(DEADLINE_CHECK_INTERVAL);
    for (digests, out) in records.digests.chunks(DEADLINE_CHECK_INTERVAL).zip(slices) {
        if key.expires.has_passed() {
            return Err(LeaseEnded);
        }
        if let Err(error) = key.signer.sign(digests, out) {
            return Ok(Err(error));
        }
        vaultstream_faults::point("slice-signed");
    }
    vaultstream_faults::spoil(&records.ids, signatures.iter_mut().map(|signature| &mut signature.0));
    Ok(Ok(signatures))
}

fn sign_and_check(
    ids: &[i64],
    digests: &[Digest],
    out: &mut [RawSignature],
    key: &mut SigningKey,
) -> Result<(), SignFailure> {
    key.signer.sign(digests, out)?;
    vaultstream_faults::spoil(ids, out.iter_mut().map(|signature| &mut signature.0));
    first_invalid(&*key.checker, ids, digests, out).map_or(Ok(()), |record| Err(SignFailure::Check { record }))
}

/// Checks signatures with the other implementation, as many as the job asks for. Returns each batch that has an invalid one,
/// with its record.
fn check(batches: &[SignedBatch<'_>], checker: &dyn BatchVerifier, verify: Verify) -> BTreeMap<BatchNo, i64> {
    let mut refused = BTreeMap::new();
    let mut look_at = |batch: &SignedBatch<'_>, from: usize, to: usize| {
        let SignedBatch { records, signatures } = batch;
        let (ids, digests) = (&records.ids[from..to], &records.digests[from..to]);
        if let Some(record) = first_invalid(checker, ids, digests, &signatures[from..to]) {
            refused.entry(records.range.batch).or_insert(record);
        }
    };
    match verify {
        Verify::None => {}
        Verify::All => batches.iter().for_each(|batch| look_at(batch, 0, batch.signatures.len())),
        Verify::Sample => {
            // Chosen after signing, so that no fault can know which ones will be checked.
            let mut random = rand::rng();
            let total: usize = batches.iter().map(|batch| batch.signatures.len()).sum();
            for _ in 0..total.div_ceil(SAMPLE_ONE_IN) {
                if let Some((batch, at)) = nth(batches, random.random_range(0..total)) {
                    look_at(batch, at, at + 1);
                }
            }
        }
    }
    refused
}

/// The batch that has the signature at `index` of all, and the signature's place in it.
fn nth<'a, 'b>(batches: &'a [SignedBatch<'b>], mut index: usize) -> Option<(&'a SignedBatch<'b>, usize)> {
    for batch in batches {
        if index < batch.signatures.len() {
            return Some((batch, index));
        }
        index -= batch.signatures.len();
    }
    None
}

fn first_invalid(
    checker: &dyn BatchVerifier,
    ids: &[i64],
    digests: &[Digest],
    signatures: &[RawSignature],
) -> Option<i64> {
    let mut valid = vec![false; digests.len()];
    checker.verify(digests, signatures, &mut valid);
    ids.iter().zip(valid).find(|(_, valid)| !valid).map(|(id, _)| *id)
}

/// Runs `work` and books the processor time that it took to a stage.
fn metered<T>(metrics: &UnitMetrics, stage: Stage, work: impl FnOnce() -> T) -> T {
    let _wall = metrics.time(stage);
    let before = thread_time();
    let result = work();
    metrics.add_cpu(stage, thread_time().saturating_sub(before));
    result
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
