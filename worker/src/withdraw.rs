//! What a lane does when signing itself is wrong: withdraws a backend, checks what it has committed, ends the job.
//!
//! ```text
//! wrong signature, refused slice
//!                         ▼
//!              withdraw the backend ─▶ log, metric, ledger (Event)
//!                         │
//!                         ├▶ what the lease has committed (Sample) ── a wrong one ─▶ the job fails
//!                         └▶ the same unit, signed by the next backend
//! repeated r ──────────────────────────────────────────────────────────────────────▶ the job fails
//! ```

use vaultstream_api::Reason;
use vaultstream_ledger::{BatchNo, Lease, faults, jobs};
use vaultstream_signing::{
    Backend,
    backend::{SliceCheck, Withdrawal},
};

use crate::{
    backends::withdraw,
    keys::{KeyError, LeasedKey},
    session::{Session, SessionError},
    sign::{BackendFault, KeptBatch, SignedThing, Stopped},
};

/// Batches named in a sentence at most.
const NAMED_LIMIT: usize = 10;

impl Session {
    /// Acts on what stopped the signing of a unit. True when its lease is over; false when it is to be signed again.
    pub(crate) async fn is_lease_over(&self, key: &mut LeasedKey, stopped: Stopped) -> Result<bool, SessionError> {
        match stopped {
            Stopped::LeaseEnded => Ok(true),
            Stopped::Faulty(fault) => {
                let job = &self.job.name;
                let why = match fault {
                    BackendFault::Signature { record } => {
                        format!("its signature of record {record} of the job {job} is wrong")
                    }
                    BackendFault::Seal { batch } => format!("its seal of batch {} of the job {job} is wrong", batch.0),
                    BackendFault::Sums => "its points contradict its signatures".to_owned(),
                    BackendFault::Refused(why) => format!("it refused to sign records of the job {job}: {why}"),
                };
                if withdraw(key.signing.backend, self.keys.nonce, &why, &self.shared.metrics) == Withdrawal::Last {
                    key.signing.last_resort = true;
                }
                Ok(false)
            }
            Stopped::NonceRepeated { thing, batch } => {
                let what = match thing {
                    SignedThing::Record(record) => format!("signed record {record} of batch {}", batch.0),
                    SignedThing::Seal => format!("sealed batch {}", batch.0),
                };
                let why = format!(
                    "key {} {what} with a nonce that it had used before; nothing of that was committed",
                    key.id().0
                );
                Err(self.fail(key.lease(), Reason::NonceRepeated, &why).await?)
            }
        }
    }

    /// Loads the key into another backend if its own was withdrawn, by whichever lane.
    pub(crate) async fn ensure_backend(&self, key: &mut LeasedKey) -> Result<(), SessionError> {
        while let Some(why) = key.signing.backend.withdrawn_because() {
            self.report_withdrawal(key, why).await?;
            self.check_committed(key).await?;
            self.keys.load_anew(key)?;
            self.note(key.signing.backend).await?;
        }
        Ok(())
    }

    async fn report_withdrawal(&self, key: &LeasedKey, why: &str) -> Result<(), SessionError> {
        loop {
            match faults::report_withdrawal(&self.shared.ledger, key.lease(), key.signing.backend, why).await {
                Ok(_) => return Ok(()),
                Err(error) => self.wait_out(error.into()).await?,
            }
        }
    }

    /// The ledger knows what signs before it does.
    async fn note(&self, backend: Backend) -> Result<(), SessionError> {
        loop {
            match jobs::record_backend(&self.shared.ledger, self.job.id, backend).await {
                Ok(()) => return Ok(()),
                Err(error) => self.wait_out(error.into()).await?,
            }
        }
    }

    /// Verifies every signature that was committed under the lease while only a sample was checked.
    async fn check_committed(&self, key: &mut LeasedKey) -> Result<(), SessionError> {
        let kept = std::mem::take(&mut key.signing.kept);
        if kept.committed().is_empty() {
            return Ok(());
        }
        let load = |source| KeyError::Load { key: key.id(), source };
        let check = SliceCheck::new(key.signing.backend, key.public()).map_err(load)?;
        let find = move || -> Vec<BatchNo> {
            let is_wrong = |batch: &&KeptBatch| !check.wrong(&batch.digests, &batch.signatures).is_empty();
            kept.committed().iter().filter(is_wrong).map(|batch| batch.batch).collect()
        };
        let wrong = self.shared.cpu.run(find).await?;
        if wrong.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = wrong.iter().take(NAMED_LIMIT).map(|batch| batch.0.to_string()).collect();
        let more = match wrong.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let why = format!(
            "the backend {} made wrong signatures that are in the ledger: batch {}{more}. `vaultstream verify` names the records",
            key.signing.backend,
            named.join(", ")
        );
        Err(self.fail(key.lease(), Reason::WrongSignature, &why).await?)
    }

    /// Reports what ends the job. Lifecycle ends it; until then, nothing more of it is signed.
    pub(crate) async fn fail(&self, lease: &Lease, reason: Reason, why: &str) -> Result<SessionError, SessionError> {
        let key = lease.key.0;
        tracing::error!(job = %self.job.name, uid = %self.job.uid, key, "the job cannot go on: {why}");
        loop {
            match faults::report(&self.shared.ledger, lease, reason, why).await {
                Ok(true) => return Ok(SessionError::JobOver),
                Ok(false) => {
                    tracing::error!(key, "the ledger does not know the key's lease any more: the job continues");
                    return Ok(SessionError::JobOver);
                }
                Err(error) => self.wait_out(error.into()).await?,
            }
        }
    }
}
