//! A batch of a worker that seals none: every signature of it is verified under an opened key, and the root made from them.

use std::ops::ControlFlow;

use vaultstream_ledger::{
    Job,
    verify::{Rows, SignedBatch, SignedRow, SignedRows},
};
use vaultstream_signing::{Backend, Digest, Hash, MessageForm, RawSignature, Thumbprint, merkle};

use super::{Doubt, NoEvidence, keys::OpenedKeys, roots::batch_root};
use crate::{keys::KeyError, session::Session};

/// The signatures of a batch, and their tree.
#[derive(Default)]
struct Signatures {
    ids: Vec<i64>,
    digests: Vec<Digest>,
    signatures: Vec<RawSignature>,
}

/// Checks a batch without a seal against its root.
pub(super) async fn check(
    session: &Session,
    job: &Job,
    batch: &SignedBatch,
    (root, rejects): (Hash, Hash),
    keys: &OpenedKeys,
) -> Result<(), NoEvidence> {
    let number = batch.batch;
    let read = read(session, job, batch).await?.ok_or(Doubt::Root(number))?;
    let mut kid = Thumbprint::ZERO;
    let mut verifier = None;
    if let Some(key) = batch.key {
        let opened = keys.of(key, number)?;
        let checker = Backend::bulk_checker(&job.backends);
        verifier = Some(checker.verifier(&opened.public).map_err(|source| KeyError::Load { key, source })?);
        kid = opened.kid;
    }
    let verify = move || {
        let mut valid = vec![false; read.ids.len()];
        if let Some(verifier) = verifier {
            verifier.verify(&read.digests, &read.signatures, &mut valid);
        }
        let wrong = valid.iter().position(|valid| !valid).map(|at| read.ids[at]);
        let leaves = read.ids.iter().zip(&read.digests).zip(&read.signatures);
        let tree: merkle::Tree = leaves.map(|((id, digest), signature)| merkle::leaf(*id, digest, signature)).collect();
        (wrong, tree.root())
    };
    let (wrong, tree) = session.shared.cpu.run(verify).await?;
    if let (Some(record), Some(key)) = (wrong, batch.key) {
        return Err(Doubt::Signature { batch: number, record, key }.into());
    }
    if batch_root(job.uid, batch, kid, rejects, tree) == root { Ok(()) } else { Err(Doubt::Root(number).into()) }
}

/// `None` when a signature or its digest is not there as a worker stores it.
async fn read(session: &Session, job: &Job, batch: &SignedBatch) -> Result<Option<Signatures>, NoEvidence> {
    let form = job.message_form();
    let mut read = Signatures::default();
    let mut is_whole = true;
    let mut visit = |row: SignedRow<'_>| {
        match parts(&row, form) {
            Some((digest, signature)) if Some(row.key) == batch.key => {
                read.ids.push(row.id);
                read.digests.push(digest);
                read.signatures.push(signature);
            }
            _ => is_whole = false,
        }
        ControlFlow::Continue(())
    };
    let which = Rows::Range { first: batch.first, last: batch.last };
    SignedRows::beside_records(&session.shared.ledger, job).read(which, &mut visit).await?;
    Ok((is_whole && i64::try_from(read.ids.len()) == Ok(batch.signed)).then_some(read))
}

/// The digest that was signed: that of the payload where it was not kept.
fn parts(row: &SignedRow<'_>, form: MessageForm) -> Option<(Digest, RawSignature)> {
    let signature = row.signature.try_into().map(RawSignature).ok()?;
    let digest = match row.digest {
        Some(digest) => Digest(digest.try_into().ok()?),
        None => form.digest(row.id, row.now.payload()?),
    };
    Some((digest, signature))
}
