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
mod pages;
mod roots;
pub(crate) mod so_far;
mod unsealed;

use vaultstream_ledger::{
    BatchNo, Job, KeyId,
    verify::{PublicKeyRow, gap_in_ranges, rejects_root},
};
use vaultstream_signing::{
    Hash, Thumbprint, merkle,
    receipt::{KeyUse, KeyUses, ReceiptFormat},
};

pub(crate) use self::doubt::{Doubt, NoEvidence};
use self::{
    balance::Balance,
    pages::{Checked, Pages},
};
use crate::{receipt::key_uses_seen, session::Session};

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
    let mut pages = Pages::from(session, job, 0);
    let mut pass = Pass {
        session,
        job,
        root: merkle::Tree::new(),
        sealed: 0,
        signed: 0,
        rejected: 0,
        keys: Balance::new(),
        rejects: Balance::new(),
    };
    loop {
        let page = pages.read().await?;
        if page.is_empty() {
            return pass.finish().await;
        }
        pages
            .check(&page, |checked| {
                pass.count(&checked);
                Ok(())
            })
            .await?;
    }
}

/// The sums over the batches.
struct Pass<'a> {
    session: &'a Session,
    job: &'a Job,
    root: merkle::Tree,
    sealed: u64,
    signed: u64,
    rejected: u64,
    keys: Balance,
    rejects: Balance,
}

impl Pass<'_> {
    /// Takes a batch into the sums.
    fn count(&mut self, checked: &Checked<'_>) {
        if let Some((key, kid)) = &checked.key {
            self.keys.add(&key_use(*key, kid), checked.signed);
        }
        checked.rejects.iter().for_each(|leaf| self.rejects.add(leaf, 1));
        self.root.push(checked.root);
        self.sealed += u64::from(checked.batch.seal.is_some());
        self.signed += checked.signed;
        self.rejected += checked.rejected;
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
