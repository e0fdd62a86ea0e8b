//! From a key token to a key that can sign: token, lease, material, signer.
//!
//! A token is pulled only for a unit that was gathered. Its message stays held in the stream while the lease lasts and is
//! replaced by the one publish that gives the key back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use uuid::Uuid;
use vaultstream_ledger::{
    JobId, KeyId, Lease, Ledger, QueryError, damaged_keys,
    leases::{self, LeaseOutcome, Material, Stored},
};
use vaultstream_signing::{
    Backend, KekId, KekRing, Nonce, PrivateKey, PublicKey, SigningError, UnwrapError, WrapContext, WrappedKey,
    kek::KekError, public_key::PublicKeyError,
};
use vaultstream_streams::{KeyTokens, StreamsError, Token};

use crate::{breaker::chain, metrics::Metrics, sign::OpenKey};

/// A unit that waited so long for a key gives its batches back, so that two workers never wait for each other.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A token whose key was held without an end that could be told comes again after this.
const SOON: Duration = Duration::from_millis(20);

/// Where lanes get their keys from.
pub(crate) struct KeySource {
    /// The ledger that knows the leases.
    pub(crate) ledger: Ledger,
    /// The job's key tokens.
    pub(crate) tokens: KeyTokens,
    /// Opens and wraps private keys.
    pub(crate) keks: Arc<KekRing>,
    /// What signs.
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
    /// `spec.concurrency.keys`: key pairs made at once.
    pub(crate) generating: Semaphore,
    /// The worker's metrics.
    pub(crate) metrics: Arc<Metrics>,
}

/// Why no key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The ledger did not answer, or refused.
    #[error("failed to lease a key")]
    Lease(#[from] QueryError),
    /// Another worker took the lease over meanwhile.
    #[error("the lease of key {} belongs to another worker now", .0.0)]
    Lost(KeyId),
    /// The key stream did not answer, or is gone.
    #[error("failed to pull a key token")]
    Token(#[from] StreamsError),
    /// The stored private key does not open.
    #[error("failed to open the private key of key {}", key.0)]
    Unwrap {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: UnwrapError,
    },
    /// The ledger names a KEK in a way that no program of ours does.
    #[error("key {} is wrapped under {id:?}, which cannot be the id of a key-encryption key", key.0)]
    KekId {
        /// The key.
        key: KeyId,
        /// What its row says.
        id: String,
    },
    /// The KEK that is to wrap new keys was not noted in the ledger.
    #[error("the ledger does not know the key-encryption key {0}")]
    Unregistered(KekId),
    /// A new private key could not be wrapped.
    #[error("failed to wrap a new private key")]
    Wrap(#[from] KekError),
    /// No private key could be made.
    #[error("failed to make a key pair")]
    Generate(#[from] vaultstream_signing::key::KeyError),
    /// The key-encryption key has wrapped as many keys as is safe.
    #[error("the key-encryption key {0} has encrypted as many keys as is safe: add a new one")]
    KekSpent(KekId),
    /// The stored public key is none.
    #[error("failed to read the public key of key {}", key.0)]
    PublicKey {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: PublicKeyError,
    },
    /// The key does not load into the backend.
    #[error("failed to load key {}", key.0)]
    Load {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: SigningError,
    },
}

impl KeyError {
    /// Whether the key's row is at fault, and nothing else: its other keys may be good.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Unwrap { source: UnwrapError::Refused, .. } | Self::KekId { .. } | Self::PublicKey { .. })
    }
}

impl KeySource {
    /// Leases the least recently used free key. `None` when none came free within [`LONGEST_WAIT`].
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) async fn lease(&self) -> Result<Option<OpenKey>, KeyError> {
        let give_up = Instant::now() + LONGEST_WAIT;
        while let Some(patience) = give_up.checked_duration_since(Instant::now()) {
            let Some(token) = self.tokens.next(patience).await? else { return Ok(None) };
            let key = KeyId(token.key());
            match leases::take(&self.ledger, self.job, key, self.lease).await? {
                LeaseOutcome::Granted(lease) if self.left(&lease) < u64::from(self.batch_size) => {
                    leases::retire(&self.ledger, &lease).await?;
                    vaultstream_faults::point("key-retired");
                    token.discard();
                }
                LeaseOutcome::Granted(lease) => {
                    vaultstream_faults::point("lease-taken");
                    match self.open(lease.clone(), token).await {
                        Ok(key) => return Ok(Some(key)),
                        // Its token goes back by itself, and is dropped with its next delivery.
                        Err(error) if error.is_damage() => self.set_aside(&lease, &error).await?,
                        Err(error) => return Err(error),
                    }
                }
                LeaseOutcome::HeldFor(left) => token.nak_after(left.max(SOON)),
                LeaseOutcome::Retired => token.discard(),
            }
        }
        Ok(None)
    }

    /// Takes a damaged key out of use, so that the job goes on with its others.
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
    pub(crate) async fn give_back(&self, key: OpenKey) {
        vaultstream_faults::point("before-key-return");
        if let Err(error) = key.token.requeue().await {
            tracing::debug!(%error, "a key was not returned; its token will be delivered again after its AckWait");
        }
    }

    /// Takes a key out of use whose signatures are spent; its successor gets a token from lifecycle.
    pub(crate) async fn retire(&self, key: OpenKey) {
        match leases::retire(&self.ledger, &key.lease).await {
            Ok(_) => {
                tracing::info!(uid = %self.uid, key = key.lease.key.0, "a key has made all its signatures and is retired");
                key.token.discard();
            }
            Err(error) => tracing::debug!(%error, "a key was not retired; its lease will expire"),
        }
    }

    /// Ends a lease that committed nothing and gives its key back.
    pub(crate) async fn release(&self, key: OpenKey) {
        match leases::release(&self.ledger, &key.lease).await {
            Ok(()) => self.give_back(key).await,
            Err(error) => tracing::debug!(%error, "a lease was not released; it will expire"),
        }
    }

    /// Makes the key pair if nobody has yet, and loads it. Tens of microseconds, hence not worth a CPU thread.
    async fn open(&self, lease: Lease, token: Token) -> Result<OpenKey, KeyError> {
        let (lease, private, public) = self.material(lease).await?;
        let key = lease.key;
        let load = |source| KeyError::Load { key, source };
        Ok(OpenKey {
            signer: self.backend.signer(&private, self.nonce).map_err(load)?,
            checker: Backend::checker(&[self.backend]).verifier(&public).map_err(load)?,
            thumbprint: public.thumbprint(),
            lease,
            used: 0,
            token,
        })
    }

    /// The key pair of a lease, made if nobody has yet.
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
        let kek: KekId = material.kek_id.parse().map_err(|_| KeyError::KekId { key, id: material.kek_id.clone() })?;
        let private = self
            .keks
            .unwrap(&kek, &material.wrapped_key, &self.context(&lease), &public)
            .map_err(|source| KeyError::Unwrap { key, source })?;
        Ok((lease, private, public))
    }

    async fn generate(&self, mut lease: Lease) -> Result<(Lease, PrivateKey, PublicKey), KeyError> {
        let _one_of = self.generating.acquire().await;
        let private = PrivateKey::generate()?;
        let public = private.public();
        let WrappedKey { kek_id, bytes: wrapped_key } = self.keks.wrap(&private, &self.context(&lease))?;
        let material =
            Material { public_key: public.spki_der().to_vec(), wrapped_key, kek_id: kek_id.as_str().to_owned() };
        let Material { public_key, wrapped_key, kek_id: id } = &material;
        match leases::store_material(&self.ledger, &lease, public_key, wrapped_key, id).await? {
            Stored::Stored => {}
            Stored::LeaseLost => return Err(KeyError::Lost(lease.key)),
            Stored::WrapLimit => return Err(KeyError::KekSpent(kek_id)),
            Stored::UnknownKek => return Err(KeyError::Unregistered(kek_id)),
        }
        vaultstream_faults::point("material-stored");
        lease.material = Some(material);
        Ok((lease, private, public))
    }

    fn context(&self, lease: &Lease) -> WrapContext {
        WrapContext { job: self.uid, key: lease.key.0, version: lease.version }
    }
}
