//! What the maker of a receipt has seen for itself: who writes the ledger without the key-encryption key gets no receipt over keys, roots,
//! counts, rejects or signatures of their own.
//!
//! ```text
//! a page of batches ─▶ keys: each one opened under the job's data key
//!        │
//!        ├ with a seal ──▶ range, counts, key, rejects and tree make the root ─▶ the seal is the key's over it ─┐
//!        └ without one ──▶ every signature is the key's, and they make the root ────────────────────────────────┤
//!                                                                                                               ▼
//! keys, rejects: once more, in the receipt's order, and balanced with the batches ───────────────────────▶ Evidence
//! ```
//!
//! A batch without a seal is one of a worker that seals none. The data key says whether the job can have had such workers.

mod balance;
mod doubt;
mod keys;
mod roots;
mod unsealed;

use std::collections::BTreeMap;

use vaultstream_ledger::{
    BatchNo, Job, KeyId,
    verify::{PublicKeyRow, SignedBatch, batch_rejects_root, batch_roots, gap_in_ranges, rejects_root},
};
use vaultstream_signing::{
    Hash, Thumbprint, merkle,
    receipt::{KeyUse, KeyUses, ReceiptFormat},
};

pub(crate) use self::doubt::{Doubt, NoEvidence};
use self::{balance::Balance, keys::OpenedKeys};
use crate::{receipt::key_uses_seen, session::Session};

/// Batches read at a time.
const BATCHES_PAGE: usize = 5_000;

/// What a receipt is made of. Nothing of it was read a second time after it was checked, unless the second time gave the same.
pub(crate) struct Evidence {
    /// The root over the batches.
    pub(crate) root: Hash,
    /// The root over the rejects, if there are any.
    pub(crate) rejects_root: Option<Hash>,
    /// The keys that signed records.
    pub(crate) keys: KeyUses,
    /// Batches.
    pub(crate) batches: u64,
    /// Batches with a seal.
    pub(crate) sealed: u64,
    /// Records with a signature.
    pub(crate) signed: u64,
    /// Rejects.
    pub(crate) rejected: u64,
}

/// Checks all of a job whose every batch is signed.
///
/// # Errors
/// When something is not what a worker made, or the ledger cannot be read.
pub(crate) async fn gather(session: &Session, job: &Job) -> Result<Evidence, NoEvidence> {
    if let Some(after) = gap_in_ranges(&session.shared.ledger, job.id).await? {
        return Err(Doubt::Ranges { after }.into());
    }
    let mut pass = Pass {
        session,
        job,
        opened: OpenedKeys::default(),
        root: merkle::Tree::new(),
        sealed: 0,
        signed: 0,
        rejected: 0,
        keys: Balance::new(),
        rejects: Balance::new(),
    };
    loop {
        let next = i64::try_from(pass.root.len()).unwrap_or(i64::MAX);
        let page = batch_roots(&session.shared.ledger, job.id, next, BATCHES_PAGE).await?;
        if page.is_empty() {
            return pass.finish().await;
        }
        pass.page(&page).await?;
    }
}

/// The way through the batches.
struct Pass<'a> {
    session: &'a Session,
    job: &'a Job,
    opened: OpenedKeys,
    root: merkle::Tree,
    sealed: u64,
    signed: u64,
    rejected: u64,
    keys: Balance,
    rejects: Balance,
}

impl Pass<'_> {
    async fn page(&mut self, page: &[SignedBatch]) -> Result<(), NoEvidence> {
        let mut wanted = BTreeMap::new();
        for batch in page.iter().rev() {
            if let Some(key) = batch.key {
                wanted.insert(key, batch.batch);
            }
        }
        self.opened.open(self.session, wanted).await?;
        let mut sealed = Vec::new();
        for batch in page {
            let root = self.count(batch)?;
            let balance = &mut self.rejects;
            let see = |leaf: &Hash| balance.add(leaf, 1);
            let rejects = batch_rejects_root(&self.session.shared.ledger, self.job, batch, see).await?;
            match &batch.seal {
                Some(seal) => sealed.push(roots::opened(self.job.uid, batch, (root, rejects), seal, &self.opened)?),
                None if self.session.keys.custody.seals_all() => return Err(Doubt::NoSeal(batch.batch).into()),
                None => unsealed::check(self.session, self.job, batch, (root, rejects), &self.opened).await?,
            }
        }
        self.sealed += sealed.len() as u64;
        roots::check_seals(self.session, self.job, sealed, &self.opened).await
    }

    /// Takes a batch into the sums. Returns its root.
    fn count(&mut self, batch: &SignedBatch) -> Result<Hash, Doubt> {
        let number = batch.batch;
        if u64::try_from(number.0) != Ok(self.root.len()) {
            return Err(Doubt::Missing(BatchNo(i64::try_from(self.root.len()).unwrap_or(i64::MAX))));
        }
        let root = batch.root.as_slice().try_into().map_err(|_| Doubt::Root(number))?;
        let count = |count: i64| u64::try_from(count).map_err(|_| Doubt::Root(number));
        let (signed, rejected) = (count(batch.signed)?, count(batch.rejected)?);
        match (batch.key, signed) {
            (Some(key), _) => self.keys.add(&key_use(key, &self.opened.of(key, number)?.kid), signed),
            (None, 0) => {}
            (None, _) => return Err(Doubt::NoKey(number)),
        }
        self.root.push(root);
        self.signed += signed;
        self.rejected += rejected;
        Ok(root)
    }

    async fn finish(mut self) -> Result<Evidence, NoEvidence> {
        if self.job.batches.is_some_and(|planned| u64::try_from(planned) != Ok(self.root.len())) {
            return Err(Doubt::Missing(BatchNo(i64::try_from(self.root.len()).unwrap_or(i64::MAX))).into());
        }
        let keys = self.key_uses().await?;
        let balance = &mut self.rejects;
        let see = |leaf: &Hash| balance.take(leaf, 1);
        let all = i64::MIN..=i64::MAX;
        let rejects_root = rejects_root(&self.session.shared.ledger, self.job, all, see).await?;
        if !self.keys.is_even() {
            return Err(Doubt::Keys.into());
        }
        if !self.rejects.is_even() {
            return Err(Doubt::Rejects.into());
        }
        Ok(Evidence {
            root: self.root.root(),
            rejects_root,
            keys,
            batches: self.root.len(),
            sealed: self.sealed,
            signed: self.signed,
            rejected: self.rejected,
        })
    }

    /// The keys in the order of the receipt.
    async fn key_uses(&mut self) -> Result<KeyUses, NoEvidence> {
        let (balance, mut is_negative) = (&mut self.keys, false);
        let see = |row: &PublicKeyRow, key: &KeyUse| {
            is_negative |= row.signed < 0;
            balance.take(&key_use(row.id, &key.kid), key.signed);
        };
        let format = ReceiptFormat::default();
        let uses = key_uses_seen(&self.session.shared.ledger, self.job.id, format, see).await?;
        uses.ok().filter(|_| !is_negative).ok_or_else(|| Doubt::Keys.into())
    }
}

/// What stands for a key in the balance.
fn key_use(key: KeyId, kid: &Thumbprint) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&key.0.to_be_bytes());
    bytes[8..].copy_from_slice(&kid.0);
    bytes
}
