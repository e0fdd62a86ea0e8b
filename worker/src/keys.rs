//! From a key token to a key that can sign: token, lease, material, signer.
//!
//! A token is pulled only for a unit that was gathered. Its message stays held in the stream while the lease lasts and is
//! replaced by the one publish that gives the key back.

mod error;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use uuid::Uuid;
use vaultstream_api::Lease as KeyLease;
use vaultstream_ledger::{
    BatchNo, JobId, KeyId, Lease, Ledger, damaged_keys,
    leases::{self, LeaseOutcome, Material, Stored, Wrapping},
};
use vaultstream_program::chain;
use vaultstream_signing::{
    Backend, Nonce, PrivateKey, PublicKey, WrapContext,
    backend::{SliceCheck, Withdrawal},
};
use vaultstream_streams::{KeyTokens, Token};

use crate::{
    backends::withdraw,
    custody::{Custody, OpenError},
    metrics::Metrics,
    sign::{Kept, NonceSet, SigningKey},
};

pub use error::KeyError;

/// A unit that waited this long for a key gives its batches back, so that two workers never wait for each other.
pub(crate) const KEY_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest delay before the token of a key that is leased comes again.
const TOKEN_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A leased key, ready to sign. Whatever happens to it consumes it and returns [`KeySettled`].
pub(crate) struct LeasedKey {
    lease: Lease,
    /// Records signed under this lease.
    used: u64,
    /// Signs with it.
    pub(crate) signing: Box<SigningKey>,
    /// Loaded anew when another backend has to sign.
    private: PrivateKey,
    public: PublicKey,
    /// Held until the key is given back; dropped, the token is delivered again.
    token: Token,
}

/// Says that a key was given back, retired, kept or lost. A unit is settled only with one of these, so that code that forgets
/// its key does not compile.
#[derive(Debug)]
#[must_use]
pub(crate) struct KeySettled(());

impl LeasedKey {
    /// The key in the ledger.
    pub(crate) fn id(&self) -> KeyId {
        self.lease.key
    }

    /// The right to use it.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Its public key.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Counts a unit that was signed and committed.
    pub(crate) fn book(&mut self, signed: i64, batches: &HashSet<BatchNo>) {
        self.lease.signed += signed;
        self.used += signed.unsigned_abs();
        self.signing.kept.commit(batches);
    }

    /// Keeps the key in `place` for what is signed next.
    pub(crate) fn keep(self, place: &mut Option<Self>) -> KeySettled {
        *place = Some(self);
        KeySettled(())
    }

    /// Gives up a key whose lease is over: its token is delivered again by itself.
    pub(crate) fn lost(self) -> KeySettled {
        KeySettled(())
    }

    /// What a lease has been used for, with `records` more that are about to be committed.
    pub(crate) fn usage(&self, left: u64, records: u64) -> LeaseUsage {
        LeaseUsage { used: self.used + records, remaining: self.lease.remaining(), left: left.saturating_sub(records) }
    }
}

/// How far a lease is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseUsage {
    /// Records signed under it.
    pub(crate) used: u64,
    /// Its time left.
    pub(crate) remaining: Duration,
    /// Signatures that its key may still make.
    pub(crate) left: u64,
}

impl LeaseUsage {
    /// Whether the next unit needs another key: the lease has signed its records, half of its time is over, or its key
    /// cannot sign one more batch.
    pub(crate) fn is_used_up(&self, lease: &KeyLease, batch_size: u32) -> bool {
        self.used >= u64::from(lease.records)
            || self.remaining < lease.duration.as_std() / 2
            || self.left < u64::from(batch_size)
    }
}

/// Where lanes get their keys from.
pub(crate) struct KeySource {
    /// The ledger that knows the leases.
    pub(crate) ledger: Ledger,
    /// The job's key tokens.
    pub(crate) tokens: KeyTokens,
    /// Opens and encrypts private keys.
    pub(crate) custody: Arc<Custody>,
    /// What signs, until it is withdrawn.
    pub(crate) backend: Backend,
    /// How nonces are made.
    pub(crate) nonce: Nonce,
    /// The job in the ledger.
    pub(crate) job: JobId,
    /// The job's uid.
    pub(crate) uid: Uuid,
    /// How long a lease lasts.
    pub(crate) lease: Duration,
    /// A key with fewer than `batch_size` signatures left under this is retired.
    pub(crate) max_signatures: Option<u64>,
    /// The job's batch size.
    pub(crate) batch_size: u32,
    /// `spec.concurrency.keys`: the number of key pairs made at once.
    pub(crate) generating: Semaphore,
    /// The worker's metrics.
    pub(crate) metrics: Arc<Metrics>,
}

impl KeySource {
    /// Leases the least recently used free key. `None` when no key became free within [`KEY_TIMEOUT`].
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) async fn lease(&self) -> Result<Option<LeasedKey>, KeyError> {
        let deadline = Instant::now() + KEY_TIMEOUT;
        while let Some(timeout) = deadline.checked_duration_since(Instant::now()) {
            let Some(token) = self.tokens.next(timeout).await? else { return Ok(None) };
            let key = KeyId(token.key());
            match leases::take(&self.ledger, self.job, key, self.lease).await? {
                LeaseOutcome::Granted(lease) if self.left(&lease) < u64::from(self.batch_size) => {
                    leases::retire(&self.ledger, &lease).await?;
                    vaultstream_faults::point("key-retired");
                    token.discard();
                }
                LeaseOutcome::Granted(lease) => {
                    vaultstream_faults::point("lease-opened");
                    match self.open(lease.clone(), token).await {
                        Ok(key) => return Ok(Some(key)),
                        // Its token goes back by itself, and is dropped with its next delivery.
                        Err(error) if error.is_damage() => self.set_aside(&lease, &error).await?,
                        Err(error) => return Err(error),
                    }
                }
                LeaseOutcome::HeldFor(left) => token.nak_after(left.max(TOKEN_RETRY_INTERVAL)),
                LeaseOutcome::Retired => token.discard(),
            }
        }
        Ok(None)
    }

    /// Takes a damaged key out of use, so that the job continues with its others.
    pub(crate) async fn set_aside(&self, lease: &Lease, why: &KeyError) -> Result<(), KeyError> {
        let why = chain(why);
        if damaged_keys::set_aside(&self.ledger, lease, &why).await? {
            self.metrics.keys_damaged.inc();
            tracing::warn!(uid = %self.uid, key = lease.key.0, "a key is damaged and was set aside: {why}");
        }
        Ok(())
    }

    /// How many signatures a leased key may still make.
    pub(crate) fn left(&self, lease: &Lease) -> u64 {
        self.max_signatures.map_or(u64::MAX, |max| max.saturating_sub(lease.signed.unsigned_abs()))
    }

    /// Gives a key back after the commit that released its lease.
    pub(crate) async fn give_back(&self, key: LeasedKey) -> KeySettled {
        vaultstream_faults::point("before-key-return");
        if let Err(error) = key.token.requeue().await {
            tracing::debug!(%error, "a key was not returned; its token will be delivered again after its AckWait");
        }
        KeySettled(())
    }

    /// Takes a key out of use whose signatures are spent; its successor gets a token from lifecycle.
    pub(crate) async fn retire(&self, key: LeasedKey) -> KeySettled {
        match leases::retire(&self.ledger, &key.lease).await {
            Ok(_) => {
                tracing::warn!(uid = %self.uid, key = key.id().0, "a key has made all its signatures and is retired");
                key.token.discard();
            }
            Err(error) => tracing::debug!(%error, "a key was not retired; its lease will expire"),
        }
        KeySettled(())
    }

    /// Ends a lease that committed nothing and gives its key back.
    pub(crate) async fn release(&self, key: LeasedKey) -> KeySettled {
        match leases::release(&self.ledger, &key.lease).await {
            Ok(()) => self.give_back(key).await,
            Err(error) => {
                tracing::debug!(%error, "a lease was not released; it will expire");
                KeySettled(())
            }
        }
    }

    /// Makes the key pair if there is none yet, and loads it. Tens of microseconds, hence not worth a CPU thread.
    async fn open(&self, lease: Lease, token: Token) -> Result<LeasedKey, KeyError> {
        let (lease, private, public) = self.material(lease).await?;
        let signing = Box::new(self.load(&lease, &private, &public)?);
        Ok(LeasedKey { lease, used: 0, signing, private, public, token })
    }

    fn load(&self, lease: &Lease, private: &PrivateKey, public: &PublicKey) -> Result<SigningKey, KeyError> {
        let key = lease.key;
        let load = |source| KeyError::Load { key, source };
        let backend = self.current_backend();
        Ok(SigningKey {
            key,
            expires: lease.expires,
            backend,
            signer: backend.signer(private, self.nonce).map_err(load)?,
            check: SliceCheck::new(backend, public).map_err(load)?,
            last_resort: backend.successor(self.nonce).is_none(),
            thumbprint: public.thumbprint(),
            nonces: NonceSet::default(),
            kept: Kept::default(),
        })
    }

    /// What signs now: the chosen backend, or the one that took its place.
    pub(crate) fn current_backend(&self) -> Backend {
        if self.backend.is_withdrawn() {
            self.backend.successor(self.nonce).unwrap_or(self.backend)
        } else {
            self.backend
        }
    }

    /// Loads a leased key into the backend that signs now. The r of the lease remain known.
    pub(crate) fn load_anew(&self, key: &mut LeasedKey) -> Result<(), KeyError> {
        let signing = self.load(&key.lease, &key.private, &key.public)?;
        let before = std::mem::replace(&mut *key.signing, signing);
        (key.signing.nonces, key.signing.kept) = (before.nonces, before.kept);
        Ok(())
    }

    /// The key pair of a lease, made if there is none yet.
    pub(crate) async fn material(&self, lease: Lease) -> Result<(Lease, PrivateKey, PublicKey), KeyError> {
        match lease.material.clone() {
            Some(material) => self.unwrap(lease, &material),
            None => self.generate(lease).await,
        }
    }

    fn unwrap(&self, lease: Lease, material: &Material) -> Result<(Lease, PrivateKey, PublicKey), KeyError> {
        let key = lease.key;
        let public =
            PublicKey::from_spki_der(&material.public_key).map_err(|source| KeyError::PublicKey { key, source })?;
        let private = self.custody.unwrap(material, &self.context(&lease), &public).map_err(|error| match error {
            OpenError::Unwrap(source) => KeyError::Unwrap { key, source },
            OpenError::KekId(id) => KeyError::KekId { key, id },
        })?;
        Ok((lease, private, public))
    }

    async fn generate(&self, mut lease: Lease) -> Result<(Lease, PrivateKey, PublicKey), KeyError> {
        let _one_of = self.generating.acquire().await;
        let private = self.new_key()?;
        let context = self.context(&lease);
        let material = self.custody.wrap(&private, &context)?;
        let origin = self.custody.origin(&context, &private.public())?;
        match leases::store_material(&self.ledger, &lease, &material, origin.as_deref()).await? {
            Stored::Stored => {}
            Stored::LeaseLost => return Err(KeyError::Lost(lease.key)),
            Stored::WrapLimit => return Err(KeyError::KekSpent(kek_of(&material))),
            Stored::UnknownKek => return Err(KeyError::Unregistered(kek_of(&material))),
            Stored::NoDataKey => return Err(KeyError::NoDataKey),
        }
        vaultstream_faults::point("material-used");
        lease.material = Some(material);
        let public = private.public();
        Ok((lease, private, public))
    }

    /// A new key pair. A backend whose first signature with it does not verify is withdrawn, and the pair with it.
    fn new_key(&self) -> Result<PrivateKey, KeyError> {
        loop {
            let (private, backend) = (PrivateKey::generate()?, self.current_backend());
            if backend.is_consistent(&private, self.nonce) {
                return Ok(private);
            }
            let why = "its first signature with a new key pair is wrong";
            if withdraw(backend, self.nonce, why, &self.metrics) == Withdrawal::Last {
                return Err(KeyError::Inconsistent);
            }
        }
    }

    fn context(&self, lease: &Lease) -> WrapContext {
        WrapContext { job: self.uid, key: lease.key.0, version: lease.version }
    }
}

/// The key-encryption key that a private key is wrapped under. The ledger counts no others.
fn kek_of(material: &Material) -> String {
    match &material.wrapping {
        Wrapping::Kek(id) => id.clone(),
        Wrapping::DataKey => "of the job's data key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a lease of 1,000 records and 60 s is used up, for batches of 50.
    fn used_up(used: u64, seconds: u64, left: u64) -> bool {
        let lease = KeyLease { records: 1000, duration: "60s".parse().unwrap() };
        LeaseUsage { used, remaining: Duration::from_secs(seconds), left }.is_used_up(&lease, 50)
    }

    #[test]
    fn a_lease_is_used_up_by_its_records_its_time_or_its_keys_signatures() {
        assert!(!used_up(999, 30, 50));
        assert!(used_up(1000, 60, u64::MAX));
        assert!(used_up(0, 29, u64::MAX));
        assert!(used_up(0, 60, 49));
    }
}
