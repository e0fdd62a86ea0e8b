//! Signs the batches of a unit under one key. Runs on a CPU thread.
//!
//! ```text
//! records of all batches, side by side
//!   └▶ slice ─▶ sign ─▶ check (All) ─▶ r not seen before ─┐
//!        ▲ deadline                                       │
//!        └───────────────── next slice ◀──────────────────┤
//!                                 check (Sample) ◀────────┴▶ roots, one a batch ─▶ seal, as a slice ─▶ segments
//! ```
//!
//! In: digests. Out: one segment for each batch that was signed, and each batch that failed with its failure; or why nothing of the
//! unit may be committed. No I/O.

mod failure;
mod flat;
mod isolate;
mod kept;
mod key;
mod meter;
mod nonces;
mod plan;
mod seal;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range};

use rand::RngExt as _;
use vaultstream_api::Verify;
use vaultstream_ledger::{BatchNo, commit::Segment};
use vaultstream_signing::SigningError;

pub(crate) use self::{
    failure::{BackendFault, SIGNING_FAILED, SignFailure, SignedThing, Stopped},
    isolate::isolate,
    kept::{KEPT_LIMIT, Kept, KeptBatch},
    key::SigningKey,
    nonces::NonceSet,
    plan::SignPlan,
};
use self::{flat::Flat, meter::Meter};
use crate::{
    metrics::{Stage, UnitMetrics},
    segment::segment,
    unit::BatchRecords,
};

/// [`Verify::Sample`] checks one signature in this number.
const SAMPLE_ONE_IN: usize = 1024;

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
/// [`Stopped`].
pub(crate) fn sign_unit(
    batches: &[&BatchRecords],
    key: &mut SigningKey,
    plan: &SignPlan,
    metrics: &UnitMetrics,
) -> Result<SignedUnit, Stopped> {
    let records = Flat::of(batches);
    key.nonces.begin_unit(records.len());
    let mut signing =
        Signing { batches, records, key, verify: plan.verify, meter: Meter::new(metrics), failed: BTreeMap::new() };
    for slice in signing.records.slices(signing.key.slice_len()) {
        if signing.key.expires.has_passed() {
            return Err(Stopped::LeaseEnded);
        }
        signing.sign(slice)?;
        vaultstream_faults::point("slice-signed");
    }
    if plan.verify == Verify::Sample {
        signing.check_sample()?;
    }
    signing.finish(plan)
}

/// A unit while it is signed.
struct Signing<'a> {
    batches: &'a [&'a BatchRecords],
    records: Flat,
    key: &'a mut SigningKey,
    verify: Verify,
    meter: Meter<'a>,
    /// Batches that failed, by their index.
    failed: BTreeMap<usize, SignFailure>,
}

impl Signing<'_> {
    /// Signs a slice. When the backend fails to, each batch of it has a try of its own.
    fn sign(&mut self, slice: Range<usize>) -> Result<(), Stopped> {
        if self.make(&slice)?.is_ok() {
            return Ok(());
        }
        for (batch, part) in self.records.parts(&slice) {
            if !self.failed.contains_key(&batch)
                && let Err(failed) = self.make(&part)?
            {
                self.failed.insert(batch, failed.into());
            }
        }
        Ok(())
    }

    /// Signs a range with one call of the backend, and checks it before the next one.
    fn make(&mut self, range: &Range<usize>) -> Result<Result<(), SigningError>, Stopped> {
        let Flat { ids, digests, signatures, .. } = &mut self.records;
        let (ids, digests) = (&ids[range.clone()], &digests[range.clone()]);
        let signatures = &mut signatures[range.clone()];
        match self.meter.run(Stage::Sign, || self.key.sign(ids, digests, signatures)) {
            Ok(()) => {}
            Err(SigningError::Refused(why)) if !self.key.last_resort => {
                return Err(Stopped::Faulty(BackendFault::Refused(why)));
            }
            Err(failed) => return Ok(Err(failed)),
        }
        if self.verify == Verify::All {
            let checked = self.meter.run(Stage::Verify, || self.key.check(digests, signatures));
            if let Err(wrong) = checked {
                self.blame(wrong.wrong.into_iter().map(|at| range.start + at).collect())?;
            }
        }
        self.remember(range)?;
        Ok(Ok(()))
    }

    /// These signatures are wrong, or the backend contradicts itself: another one signs the unit. The last one's batches fail.
    fn blame(&mut self, wrong: Vec<usize>) -> Result<(), Stopped> {
        if !self.key.last_resort {
            let signature = |at: &usize| BackendFault::Signature { record: self.records.ids[*at] };
            return Err(Stopped::Faulty(wrong.first().map_or(BackendFault::Sums, signature)));
        }
        for at in wrong {
            let record = self.records.ids[at];
            self.failed.entry(self.records.batch_of(at)).or_insert(SignFailure::Check { record });
        }
        Ok(())
    }

    /// Notes each r. Unless all is checked, one that comes again may be just a wrong signature.
    fn remember(&mut self, range: &Range<usize>) -> Result<(), Stopped> {
        let repeated: Vec<usize> = {
            let (records, nonces, failed) = (&self.records, &mut self.key.nonces, &self.failed);
            let is_good = |at: &usize| failed.is_empty() || !failed.contains_key(&records.batch_of(*at));
            let mut is_repeated = |at: &usize| !nonces.add(&records.digests[*at], &records.signatures[*at]);
            range.clone().filter(|at| is_good(at) && is_repeated(at)).collect()
        };
        let (wrong, right): (Vec<_>, Vec<_>) = repeated.into_iter().partition(|at| self.is_wrong(*at));
        if let Some(at) = right.first() {
            let batch = self.batches[self.records.batch_of(*at)].number();
            let thing = SignedThing::Record(self.records.ids[*at]);
            return Err(Stopped::NonceRepeated { thing, batch });
        }
        if wrong.is_empty() { Ok(()) } else { self.blame(wrong) }
    }

    fn is_wrong(&self, at: usize) -> bool {
        !self.key.check.wrong(&self.records.digests[at..=at], &self.records.signatures[at..=at]).is_empty()
    }

    /// Checks one signature in [`SAMPLE_ONE_IN`], and all of them when one of those is wrong or a batch has failed.
    fn check_sample(&mut self) -> Result<(), Stopped> {
        let total = self.records.len();
        // Chosen after signing, so that no fault can know which ones will be checked.
        let mut random = rand::rng();
        let sample: Vec<usize> = (0..total.div_ceil(SAMPLE_ONE_IN)).map(|_| random.random_range(0..total)).collect();
        let sample = if self.failed.is_empty() { sample } else { (0..total).collect() };
        let wrong = self.wrong_among(sample);
        if wrong.is_empty() {
            return Ok(());
        }
        self.blame(wrong)?;
        let all = self.wrong_among((0..total).collect());
        self.blame(all)
    }

    fn wrong_among(&mut self, mut chosen: Vec<usize>) -> Vec<usize> {
        chosen.retain(|at| !self.failed.contains_key(&self.records.batch_of(*at)));
        let digests: Vec<_> = chosen.iter().map(|at| self.records.digests[*at]).collect();
        let signatures: Vec<_> = chosen.iter().map(|at| self.records.signatures[*at]).collect();
        let wrong = self.meter.run(Stage::Verify, || self.key.check.wrong(&digests, &signatures));
        wrong.into_iter().map(|at| chosen[at]).collect()
    }

    /// The segments of the batches that did not fail, sealed.
    fn finish(mut self, plan: &SignPlan) -> Result<SignedUnit, Stopped> {
        let signed: Vec<usize> = (0..self.batches.len()).filter(|batch| !self.failed.contains_key(batch)).collect();
        let segment_key = plan.segment_key(self.key);
        let (batches, records) = (self.batches, &self.records);
        let signatures = |batch: usize| &records.signatures[records.records_of(batch)];
        let unsealed = self.meter.run(Stage::Encode, || {
            signed.iter().map(|&at| segment(batches[at], signatures(at), Vec::new(), &segment_key)).collect()
        });
        let sealed = seal::seal(unsealed, self.key, &mut self.meter)?;
        if plan.verify == Verify::Sample {
            let kept = signed.iter().map(|&at| KeptBatch {
                batch: batches[at].number(),
                digests: batches[at].digests.clone(),
                signatures: signatures(at).to_vec(),
            });
            self.key.kept.sign(kept.collect());
        }
        let mut unit = SignedUnit {
            failed: self.failed.into_iter().map(|(at, failure)| (batches[at].number(), failure)).collect(),
            ..SignedUnit::default()
        };
        for (at, sealed) in signed.into_iter().zip(sealed) {
            match sealed {
                Ok(segment) => unit.segments.push(segment),
                Err(failure) => unit.failed.push((batches[at].number(), failure)),
            }
        }
        Ok(unit)
    }
}
