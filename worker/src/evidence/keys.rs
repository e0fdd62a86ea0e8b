//! The keys that batches name, opened under the job's data key.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use uuid::Uuid;
use vaultstream_ledger::{
    BatchNo, KeyId,
    receipt_pairs::{self, KeyPair},
};
use vaultstream_signing::{PublicKey, Thumbprint, UnwrapError, WrapContext};

use super::{Doubt, NoEvidence};
use crate::{
    custody::{Custody, OpenError},
    keys::KeyError,
    session::Session,
};

/// Keys kept at most. More are opened again when they are named again.
const KEPT_LIMIT: usize = 20_000;

/// A key that was opened, or whose origin is proved.
pub(super) struct OpenedKey {
    pub(super) public: PublicKey,
    pub(super) kid: Thumbprint,
}

#[derive(Default)]
pub(super) struct OpenedKeys(HashMap<KeyId, OpenedKey>);

impl OpenedKeys {
    /// Opens the keys that are not yet, each named by a batch.
    pub(super) async fn open(
        &mut self,
        session: &Session,
        mut wanted: BTreeMap<KeyId, BatchNo>,
    ) -> Result<(), NoEvidence> {
        if self.0.len() + wanted.len() > KEPT_LIMIT {
            self.0.clear();
        }
        wanted.retain(|key, _| !self.0.contains_key(key));
        if wanted.is_empty() {
            return Ok(());
        }
        let ids: Vec<KeyId> = wanted.keys().copied().collect();
        let mut pairs = receipt_pairs::pairs(&session.shared.ledger, session.job.id, &ids).await?;
        let (custody, uid) = (Arc::clone(&session.keys.custody), session.job.uid);
        let open_all = move || {
            let open = |(key, batch): (KeyId, BatchNo)| {
                let pair = pairs.remove(&key).ok_or(Doubt::StrangeKey { batch, key })?;
                Ok((key, open_pair(&custody, uid, (key, batch), &pair)?))
            };
            wanted.into_iter().map(open).collect::<Result<Vec<_>, NoEvidence>>()
        };
        self.0.extend(session.shared.cpu.run(open_all).await??);
        Ok(())
    }

    /// A key that was opened for a batch.
    pub(super) fn of(&self, key: KeyId, batch: BatchNo) -> Result<&OpenedKey, Doubt> {
        self.0.get(&key).ok_or(Doubt::StrangeKey { batch, key })
    }
}

/// A private key that opens has this public key. That of a damaged one may have its origin.
fn open_pair(
    custody: &Custody,
    job: Uuid,
    (key, batch): (KeyId, BatchNo),
    pair: &KeyPair,
) -> Result<OpenedKey, NoEvidence> {
    let doubt = Doubt::Key { batch, key };
    let public = PublicKey::from_spki_der(&pair.material.public_key).map_err(|_| doubt.clone())?;
    let context = WrapContext { job, key: key.0, version: pair.version };
    match custody.unwrap(&pair.material, &context, &public) {
        Ok(_) => {}
        // A worker that lacks a key-encryption key decides nothing.
        Err(OpenError::Unwrap(source @ UnwrapError::UnknownKek(_))) => {
            return Err(KeyError::Unwrap { key, source }.into());
        }
        Err(OpenError::Unwrap(UnwrapError::Refused) | OpenError::KekId(_)) => {
            let origin = pair.origin.as_deref();
            if !origin.is_some_and(|origin| custody.is_origin(origin, &context, &public)) {
                return Err(doubt.into());
            }
        }
    }
    let kid = public.thumbprint();
    Ok(OpenedKey { public, kid })
}
