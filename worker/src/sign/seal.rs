//! Seals the batches of a unit: the key that signed their records signs their roots, with as few calls of the backend as there are
//! slices. Seals are checked whatever is checked of the records, because a job with a wrong one gets no receipt.

use vaultstream_ledger::commit::Segment;
use vaultstream_signing::{Digest, RawSignature, SigningError, seal_digest};

use super::{
    failure::{BackendFault, SignFailure, SignedThing, Stopped},
    key::SigningKey,
    meter::Meter,
};
use crate::{metrics::Stage, segment::Unsealed};

/// A batch with its seal, or why it has none.
pub(super) type Sealed = Result<Segment, SignFailure>;

/// Seals the batches of a unit, in their order.
///
/// # Errors
/// [`Stopped`].
pub(super) fn seal(
    batches: Vec<Unsealed>,
    key: &mut SigningKey,
    meter: &mut Meter<'_>,
) -> Result<Vec<Sealed>, Stopped> {
    let slice_len = key.slice_len();
    let mut sealed = Vec::with_capacity(batches.len());
    let mut batches = batches.into_iter().peekable();
    while batches.peek().is_some() {
        if key.expires.has_passed() {
            return Err(Stopped::LeaseEnded);
        }
        let slice: Vec<Unsealed> = batches.by_ref().take(slice_len).collect();
        sealed.extend(seal_slice(slice, key, meter)?);
    }
    Ok(sealed)
}

/// With one call. When the backend fails to, each batch has a call of its own.
fn seal_slice(batches: Vec<Unsealed>, key: &mut SigningKey, meter: &mut Meter<'_>) -> Result<Vec<Sealed>, Stopped> {
    let digests: Vec<Digest> = batches.iter().map(|batch| seal_digest(&batch.root())).collect();
    let mut seals = vec![RawSignature::EMPTY; batches.len()];
    match meter.run(Stage::Sign, || key.seal(&digests, &mut seals)) {
        Ok(()) => {}
        Err(SigningError::Refused(why)) if !key.last_resort => return Err(Stopped::Faulty(BackendFault::Refused(why))),
        Err(failed) if batches.len() == 1 => return Ok(vec![Err(failed.into())]),
        Err(_) => {
            let each = batches.into_iter().map(|batch| seal_slice(vec![batch], key, meter));
            return Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
        }
    }
    let wrong = meter.run(Stage::Verify, || key.check(&digests, &seals)).err();
    if let Some(wrong) = &wrong
        && !key.last_resort
    {
        let of_batch = |at: &usize| BackendFault::Seal { batch: batches[*at].number() };
        return Err(Stopped::Faulty(wrong.wrong.first().map_or(BackendFault::Sums, of_batch)));
    }
    let wrong = wrong.map(|wrong| wrong.wrong).unwrap_or_default();
    let mut sealed = Vec::with_capacity(batches.len());
    for (at, (batch, seal)) in batches.into_iter().zip(seals).enumerate() {
        sealed.push(if wrong.contains(&at) {
            Err(SignFailure::Seal)
        } else if key.nonces.add(&digests[at], &seal) {
            Ok(batch.sealed(seal))
        } else {
            return Err(Stopped::NonceRepeated { thing: SignedThing::Seal, batch: batch.number() });
        });
    }
    Ok(sealed)
}
