//! Batches with a seal: what the row says makes the root, and the seal is over the root.

use std::collections::HashMap;

use uuid::Uuid;
use vaultstream_ledger::{BatchNo, Job, KeyId, verify::SignedBatch};
use vaultstream_signing::{Backend, BatchRoot, Digest, Hash, RawSignature, Thumbprint, seal_digest};

use super::{Doubt, NoEvidence, keys::OpenedKeys};
use crate::{keys::KeyError, session::Session};

/// A seal that is to be verified.
pub(super) struct Seal {
    batch: BatchNo,
    key: KeyId,
    digest: Digest,
    seal: RawSignature,
}

/// What covers a batch: a root that these parts make.
pub(super) fn batch_root(job: Uuid, batch: &SignedBatch, kid: Thumbprint, rejects: Hash, tree: Hash) -> Hash {
    let root = BatchRoot {
        job,
        batch: batch.batch.0,
        first: batch.first,
        last: batch.last,
        signed: batch.signed,
        rejected: batch.rejected,
        key: if batch.signed == 0 { Thumbprint::ZERO } else { kid },
        rejects,
        tree,
    };
    root.hash()
}

/// The seal of a batch whose row makes its root.
pub(super) fn opened(
    job: Uuid,
    batch: &SignedBatch,
    (root, rejects): (Hash, Hash),
    seal: &[u8],
    keys: &OpenedKeys,
) -> Result<Seal, Doubt> {
    let number = batch.batch;
    let key = batch.key.ok_or(Doubt::NoKey(number))?;
    let tree = batch.tree.as_deref().and_then(|tree| tree.try_into().ok()).ok_or(Doubt::Root(number))?;
    if batch_root(job, batch, keys.of(key, number)?.kid, rejects, tree) != root {
        return Err(Doubt::Root(number));
    }
    let seal = seal.try_into().map(RawSignature).map_err(|_| Doubt::Seal { batch: number, key })?;
    Ok(Seal { batch: number, key, digest: seal_digest(&root), seal })
}

/// Verifies the seals, those of a key at once, on a CPU thread.
pub(super) async fn check_seals(
    session: &Session,
    job: &Job,
    seals: Vec<Seal>,
    keys: &OpenedKeys,
) -> Result<(), NoEvidence> {
    let mut by_key: HashMap<KeyId, Vec<Seal>> = HashMap::new();
    for seal in seals {
        by_key.entry(seal.key).or_default().push(seal);
    }
    let checker = Backend::bulk_checker(&job.backends);
    let mut work = Vec::with_capacity(by_key.len());
    for (key, seals) in by_key {
        let Some(first) = seals.first() else { continue };
        let public = &keys.of(key, first.batch)?.public;
        let verifier = checker.verifier(public).map_err(|source| KeyError::Load { key, source })?;
        work.push((verifier, seals));
    }
    let find = move || {
        let wrong = work.into_iter().filter_map(|(verifier, seals)| {
            let (digests, made): (Vec<Digest>, Vec<RawSignature>) =
                seals.iter().map(|seal| (seal.digest, seal.seal)).unzip();
            let mut valid = vec![false; seals.len()];
            verifier.verify(&digests, &made, &mut valid);
            let at = valid.iter().position(|valid| !valid)?;
            Some((seals[at].batch, seals[at].key))
        });
        wrong.min()
    };
    match session.shared.cpu.run(find).await? {
        Some((batch, key)) => Err(Doubt::Seal { batch, key }.into()),
        None => Ok(()),
    }
}
