//! What wraps, and what else unwraps.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use vaultstream_signing::{KekId, KekRing, WrappedKey};
use zeroize::Zeroizing;

use crate::{KeyWrapper, WrapperError};

/// All wrappers of a connection. One of them wraps: the service, where there is one, or else the files.
#[derive(Debug)]
pub struct Wrappers {
    current: Current,
    /// Services that unwrap what they once wrapped.
    older: Vec<Box<dyn KeyWrapper>>,
}

#[derive(Debug)]
enum Current {
    Files(KekRing),
    Service { service: Box<dyn KeyWrapper>, files: Option<KekRing> },
}

impl Wrappers {
    /// Data keys are wrapped under the current key of the ring.
    #[must_use]
    pub fn files(ring: KekRing) -> Self {
        Self { current: Current::Files(ring), older: Vec::new() }
    }

    /// Data keys are wrapped by the service. Keys in files, if there are any, open what is wrapped under them.
    #[must_use]
    pub fn service(service: Box<dyn KeyWrapper>, files: Option<KekRing>) -> Self {
        Self { current: Current::Service { service, files }, older: Vec::new() }
    }

    /// Adds a service that unwraps what it once wrapped.
    #[must_use]
    pub fn with_older(mut self, service: Box<dyn KeyWrapper>) -> Self {
        self.older.push(service);
        self
    }

    /// The keys in files.
    #[must_use]
    pub fn ring(&self) -> Option<&KekRing> {
        match &self.current {
            Current::Files(ring) => Some(ring),
            Current::Service { files, .. } => files.as_ref(),
        }
    }

    /// Whether a service wraps.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.current, Current::Service { .. })
    }

    fn all(&self) -> impl Iterator<Item = &dyn KeyWrapper> {
        let service = match &self.current {
            Current::Files(_) => None,
            Current::Service { service, .. } => Some(&**service),
        };
        let ring = self.ring().map(|ring| ring as &dyn KeyWrapper);
        service.into_iter().chain(ring).chain(self.older.iter().map(|older| &**older))
    }
}

impl KeyWrapper for Wrappers {
    fn wrap<'a>(&'a self, aad: &'a [u8], secret: &'a [u8]) -> BoxFuture<'a, Result<WrappedKey, WrapperError>> {
        match &self.current {
            Current::Files(ring) => KeyWrapper::wrap(ring, aad, secret),
            Current::Service { service, .. } => service.wrap(aad, secret),
        }
    }

    fn unwrap<'a>(
        &'a self,
        aad: &'a [u8],
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, WrapperError>> {
        match self.all().find(|wrapper| wrapper.has(&wrapped.kek_id)) {
            Some(wrapper) => wrapper.unwrap(aad, wrapped),
            None => ready(Err(WrapperError::UnknownKey(wrapped.kek_id.clone()))).boxed(),
        }
    }

    fn has(&self, id: &KekId) -> bool {
        self.all().any(|wrapper| wrapper.has(id))
    }

    fn canary(&self) -> BoxFuture<'_, Result<WrappedKey, WrapperError>> {
        match &self.current {
            Current::Files(ring) => ring.canary(),
            Current::Service { service, .. } => service.canary(),
        }
    }

    fn opens_canary<'a>(&'a self, canary: &'a WrappedKey) -> BoxFuture<'a, Result<bool, WrapperError>> {
        match self.all().find(|wrapper| wrapper.has(&canary.kek_id)) {
            Some(wrapper) => wrapper.opens_canary(canary),
            None => ready(Err(WrapperError::UnknownKey(canary.kek_id.clone()))).boxed(),
        }
    }
}
