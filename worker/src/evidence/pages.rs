//! The batches of a job, page by page, each checked but for what only all of them together show.

use std::collections::BTreeMap;

use vaultstream_ledger::{
    BatchNo, Job, KeyId,
    verify::{SignedBatch, batch_rejects_root, batch_roots},
};
use vaultstream_signing::{Hash, Thumbprint};

use super::{Doubt, NoEvidence, keys::OpenedKeys, roots, unsealed};
use crate::session::Session;

/// Batches read at a time.
const BATCHES_PAGE: usize = 5_000;

/// A batch that was checked.
pub(super) struct Checked<'a> {
    pub(super) batch: &'a SignedBatch,
    pub(super) root: Hash,
    /// The key that signed or sealed it.
    pub(super) key: Option<(KeyId, Thumbprint)>,
    /// Records with a signature.
    pub(super) signed: u64,
    /// Rejects, and the leaf of each, ids ascending.
    pub(super) rejected: u64,
    pub(super) rejects: Vec<Hash>,
}

/// The way through the batches.
pub(super) struct Pages<'a> {
    session: &'a Session,
    job: &'a Job,
    opened: OpenedKeys,
    next: u64,
}

impl<'a> Pages<'a> {
    /// Begins with the batch of this number.
    pub(super) fn from(session: &'a Session, job: &'a Job, next: u64) -> Self {
        Self { session, job, opened: OpenedKeys::default(), next }
    }

    /// The number of the next batch.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The next signed batches, which need not follow each other without a gap; none behind the last one.
    pub(super) async fn read(&self) -> Result<Vec<SignedBatch>, NoEvidence> {
        let next = i64::try_from(self.next).unwrap_or(i64::MAX);
        Ok(batch_roots(&self.session.shared.ledger, self.job.id, next, BATCHES_PAGE).await?)
    }

    /// Checks batches, of which each has to be the next one, and shows them. They count only if this returns without an error: seals are
    /// verified at last.
    pub(super) async fn check(
        &mut self,
        page: &[SignedBatch],
        mut show: impl FnMut(Checked<'_>) -> Result<(), NoEvidence>,
    ) -> Result<(), NoEvidence> {
        let mut wanted = BTreeMap::new();
        for batch in page.iter().rev() {
            if let Some(key) = batch.key {
                wanted.insert(key, batch.batch);
            }
        }
        self.opened.open(self.session, wanted).await?;
        let mut sealed = Vec::new();
        for batch in page {
            let mut checked = self.one(batch)?;
            let see = |leaf: &Hash| checked.rejects.push(*leaf);
            let rejects = batch_rejects_root(&self.session.shared.ledger, self.job, batch, see).await?;
            match &batch.seal {
                Some(seal) => {
                    sealed.push(roots::opened(self.job.uid, batch, (checked.root, rejects), seal, &self.opened)?);
                }
                None if self.session.keys.custody.seals_all() => return Err(Doubt::NoSeal(batch.batch).into()),
                None => unsealed::check(self.session, self.job, batch, (checked.root, rejects), &self.opened).await?,
            }
            show(checked)?;
            self.next += 1;
        }
        roots::check_seals(self.session, self.job, sealed, &self.opened).await
    }

    fn one<'b>(&self, batch: &'b SignedBatch) -> Result<Checked<'b>, Doubt> {
        let number = batch.batch;
        if u64::try_from(number.0) != Ok(self.next) {
            return Err(Doubt::Missing(BatchNo(i64::try_from(self.next).unwrap_or(i64::MAX))));
        }
        let root = batch.root.as_slice().try_into().map_err(|_| Doubt::Root(number))?;
        let count = |count: i64| u64::try_from(count).map_err(|_| Doubt::Root(number));
        let (signed, rejected) = (count(batch.signed)?, count(batch.rejected)?);
        let key = match (batch.key, signed) {
            (Some(key), _) => Some((key, self.opened.of(key, number)?.kid)),
            (None, 0) => None,
            (None, _) => return Err(Doubt::NoKey(number)),
        };
        Ok(Checked { batch, root, key, signed, rejected, rejects: Vec::new() })
    }
}
