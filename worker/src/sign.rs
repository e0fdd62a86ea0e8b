//! Signs the batches of a unit under one key and turns them into what the commit sends. Runs on a CPU thread.
//!
//! In: digests. Out: COPY rows, Merkle roots and rejects, one segment a batch. No I/O.

use std::time::Duration;

use rand::RngExt as _;
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;
use vaultstream_api::Verify;
use vaultstream_ledger::{
    BatchNo, Lease,
    commit::{Reject, Segment},
    copy,
};
use vaultstream_signing::{BatchRoot, Digest, RawSignature, Signer, Thumbprint, Verifier, merkle};
use vaultstream_streams::Token;

use crate::{
    metrics::{Metrics, Stage},
    unit::ReadBatch,
};

/// Signatures made between two looks at the lease's end; at 20 µs each, about 5 ms.
const SLICE: usize = 256;

/// [`Verify::Sample`] checks one signature in so many.
const SAMPLE_ONE_IN: usize = 1024;

/// Why [`Verify`] or isolation turned a record down.
pub(crate) const SIGNING_FAILED: &str = "SigningFailed";

/// A leased key, ready to sign.
pub(crate) struct OpenKey {
    /// The right to use it.
    pub(crate) lease: Lease,
    /// Records signed under this lease.
    pub(crate) used: u64,
    /// Its token, held until the key is given back; dropped, the token goes back by itself.
    pub(crate) token: Token,
    /// Signs with it.
    pub(crate) signer: Box<dyn Signer>,
    /// Checks signatures with an implementation other than the signer's.
    pub(crate) checker: Box<dyn Verifier>,
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
    /// Whether the digest goes into the signature's row: for table sources, whose payload may change later.
    pub(crate) keep_digests: bool,
}

/// Why a unit could not be signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignFailure {
    /// The lease's own deadline passed; nothing made under it can be committed any more.
    #[error("the key lease ended while its unit was being signed")]
    LeaseEnded,
    /// Signing failed or a signature did not verify; the batch is named so that its attempt can be counted.
    #[error("a signature of batch {} could not be made", batch.0)]
    Batch {
        /// The batch that failed.
        batch: BatchNo,
    },
}

/// Signs whole batches. A failure names the batch, and nothing of the unit is kept.
///
/// # Errors
/// [`SignFailure`].
pub(crate) fn sign(
    batches: &[ReadBatch],
    key: &mut OpenKey,
    plan: &SignPlan,
    metrics: &Metrics,
) -> Result<Vec<Segment>, SignFailure> {
    let mut signatures = Vec::with_capacity(batches.len());
    for batch in batches {
        signatures.push(metered(metrics, Stage::Sign, || sign_batch(batch, key))?);
    }
    metered(metrics, Stage::Verify, || check(batches, &signatures, key, plan.verify))?;
    Ok(metered(metrics, Stage::Encode, || {
        batches.iter().zip(&signatures).map(|(batch, made)| segment(batch, made, key, plan, Vec::new())).collect()
    }))
}

/// Signs a batch that failed too often by halving it until the records that fail stand alone; those become rejects
/// and all others are signed. Every signature is checked.
///
/// # Errors
/// [`SignFailure::LeaseEnded`].
pub(crate) fn isolate(
    batch: &ReadBatch,
    key: &mut OpenKey,
    plan: &SignPlan,
    attempts: i32,
    metrics: &Metrics,
) -> Result<Segment, SignFailure> {
    let mut made = vec![None; batch.digests.len()];
    let mut ranges: Vec<_> = std::iter::once(0..batch.digests.len()).collect();
    while let Some(range) = ranges.pop() {
        if key.lease.expires.has_passed() {
            return Err(SignFailure::LeaseEnded);
        }
        if range.is_empty() {
            continue;
        }
        let digests = &batch.digests[range.clone()];
        match metered(metrics, Stage::Sign, || sign_and_check(&batch.ids[range.clone()], digests, key)) {
            Some(signatures) => {
                for (slot, signature) in made[range].iter_mut().zip(signatures) {
                    *slot = Some(signature);
                }
            }
            None if range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                ranges.push(range.start..middle);
                ranges.push(middle..range.end);
            }
            None => {}
        }
    }
    let mut signed = ReadSlice { ids: Vec::new(), digests: Vec::new() };
    let mut signatures = Vec::new();
    let mut failed = Vec::new();
    for ((&id, &digest), signature) in batch.ids.iter().zip(&batch.digests).zip(made) {
        match signature {
            Some(signature) => {
                signed.ids.push(id);
                signed.digests.push(digest);
                signatures.push(signature);
            }
            None => failed.push(Reject {
                id,
                reason: SIGNING_FAILED.to_owned(),
                detail: "no signature of this record passed the check by another implementation".to_owned(),
                attempts,
            }),
        }
    }
    Ok(metered(metrics, Stage::Encode, || {
        encode(&EncodeInput { batch, ids: &signed.ids, digests: &signed.digests }, &signatures, key, plan, failed)
    }))
}

struct ReadSlice {
    ids: Vec<i64>,
    digests: Vec<Digest>,
}

fn sign_batch(batch: &ReadBatch, key: &mut OpenKey) -> Result<Vec<RawSignature>, SignFailure> {
    let mut signatures = vec![RawSignature::EMPTY; batch.digests.len()];
    for (digests, out) in batch.digests.chunks(SLICE).zip(signatures.chunks_mut(SLICE)) {
        if key.lease.expires.has_passed() {
            return Err(SignFailure::LeaseEnded);
        }
        key.signer.sign(digests, out).map_err(|_| SignFailure::Batch { batch: batch.from.range().batch })?;
        vaultstream_faults::point("slice-signed");
    }
    corrupt(&batch.ids, &mut signatures);
    Ok(signatures)
}

fn sign_and_check(ids: &[i64], digests: &[Digest], key: &mut OpenKey) -> Option<Vec<RawSignature>> {
    let mut signatures = vec![RawSignature::EMPTY; digests.len()];
    key.signer.sign(digests, &mut signatures).ok()?;
    corrupt(ids, &mut signatures);
    all_valid(&*key.checker, digests, &signatures).then_some(signatures)
}

/// Checks signatures with the other implementation, as many as the job asks for.
fn check(
    batches: &[ReadBatch],
    signatures: &[Vec<RawSignature>],
    key: &OpenKey,
    verify: Verify,
) -> Result<(), SignFailure> {
    let failed = |batch: &ReadBatch| SignFailure::Batch { batch: batch.from.range().batch };
    match verify {
        Verify::None => Ok(()),
        Verify::All => batches.iter().zip(signatures).try_for_each(|(batch, made)| {
            all_valid(&*key.checker, &batch.digests, made).then_some(()).ok_or_else(|| failed(batch))
        }),
        Verify::Sample => {
            // Chosen after signing, so that no fault can know which ones will be looked at.
            let mut random = rand::rng();
            let total: usize = signatures.iter().map(Vec::len).sum();
            for _ in 0..total.div_ceil(SAMPLE_ONE_IN) {
                let Some((batch, made, at)) = nth(batches, signatures, random.random_range(0..total)) else { break };
                if !all_valid(&*key.checker, &batch.digests[at..=at], &made[at..=at]) {
                    return Err(failed(batch));
                }
            }
            Ok(())
        }
    }
}

fn nth<'a>(
    batches: &'a [ReadBatch],
    signatures: &'a [Vec<RawSignature>],
    mut index: usize,
) -> Option<(&'a ReadBatch, &'a [RawSignature], usize)> {
    for (batch, made) in batches.iter().zip(signatures) {
        if index < made.len() {
            return Some((batch, made, index));
        }
        index -= made.len();
    }
    None
}

fn all_valid(checker: &dyn Verifier, digests: &[Digest], signatures: &[RawSignature]) -> bool {
    let mut valid = vec![false; digests.len()];
    checker.verify(digests, signatures, &mut valid);
    valid.into_iter().all(|valid| valid)
}

fn segment(
    batch: &ReadBatch,
    signatures: &[RawSignature],
    key: &OpenKey,
    plan: &SignPlan,
    failed: Vec<Reject>,
) -> Segment {
    encode(&EncodeInput { batch, ids: &batch.ids, digests: &batch.digests }, signatures, key, plan, failed)
}

struct EncodeInput<'a> {
    batch: &'a ReadBatch,
    ids: &'a [i64],
    digests: &'a [Digest],
}

fn encode(
    input: &EncodeInput<'_>,
    signatures: &[RawSignature],
    key: &OpenKey,
    plan: &SignPlan,
    failed: Vec<Reject>,
) -> Segment {
    let EncodeInput { batch, ids, digests } = input;
    let row_len = if plan.keep_digests { copy::SIGNATURE_ROW_WITH_DIGEST } else { copy::SIGNATURE_ROW };
    let mut rows = Vec::with_capacity(signatures.len() * row_len);
    let mut tree = merkle::Tree::new();
    for ((&id, digest), signature) in ids.iter().zip(*digests).zip(signatures) {
        copy::put_signature_row(&mut rows, id, key.lease.key.0, signature, plan.keep_digests.then_some(digest));
        tree.push(merkle::leaf(id, digest, signature));
    }
    let mut rejects = batch.rejects.clone();
    rejects.extend(failed);
    rejects.sort_by_key(|reject| reject.id);
    let mut reject_tree = merkle::Tree::new();
    for reject in &rejects {
        reject_tree.push(merkle::reject_leaf(reject.id, &reject.reason));
    }
    let range = batch.from.range();
    let (signed, rejected) = (signatures.len() as i64, rejects.len() as i64);
    let root = BatchRoot {
        job: plan.job,
        batch: range.batch.0,
        first: range.first,
        last: range.last,
        signed,
        rejected,
        key: if signed == 0 { Thumbprint([0; 32]) } else { key.thumbprint },
        rejects: reject_tree.root(),
        tree: tree.root(),
    }
    .hash();
    Segment {
        batch: range.batch,
        first: range.first,
        last: range.last,
        rows: signed + rejected,
        signed,
        rejected,
        root,
        copy: rows.into(),
        rejects,
    }
}

/// Runs `work` and books the processor time it took to a stage.
fn metered<T>(metrics: &Metrics, stage: Stage, work: impl FnOnce() -> T) -> T {
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

/// With fault points compiled in, breaks the signatures of the records that a test names.
fn corrupt(ids: &[i64], signatures: &mut [RawSignature]) {
    let broken = vaultstream_faults::broken_records();
    if broken.is_empty() {
        return;
    }
    for (id, signature) in ids.iter().zip(signatures) {
        if broken.contains(id) {
            signature.0[40] ^= 1;
        }
    }
}
