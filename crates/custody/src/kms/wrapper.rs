//! A Kubernetes KMS v2 plugin, on a unix socket of the node.
//!
//! ```text
//! wrap ──▶ Status: v2, ok, key_id ──▶ Encrypt(fresh key) ──▶ blob ──▶ length ‖ blob ‖ AES-256-GCM(fresh key, secret) ‖ checksum
//! ```
//!
//! The protocol binds a ciphertext to nothing, and promises nothing about changed ones. So the plugin encrypts a key that is made for one
//! secret, and that key encrypts the secret, bound to its purpose and to what the plugin has returned.
//!
//! A plugin with another key may respond as it does to a changed ciphertext, or with any other plaintext. The checksum tells the two
//! apart: where it fits, the ledger has what was written. It does not protect the secret: everyone who can write the row can compute it.

use std::fmt;
use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use prost::Message as _;
use uuid::Uuid;
use vaultstream_signing::{Digest, KekId, WrappedKey, sealing::SealingKey};
use zeroize::Zeroizing;

use super::plugin::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, Plugin, StatusRequest, StatusResponse,
};
use crate::retry::retry;
use crate::{KeyWrapper, SECRET_LIMIT, ServiceFault, WrapperError};

/// What an id begins with.
const SCHEME: &str = "kms:";

/// First bytes of the AAD, with the zero byte that ends them.
const DOMAIN: &[u8] = b"vaultstream/kms/v1\0";

/// The longest id that the ledger takes.
const ID_LIMIT: usize = 64;

/// What Kubernetes accepts: both are the same protocol.
const VERSIONS: [&str; 2] = ["v2", "v2beta1"];

/// Kubernetes' own limits of what a plugin returns.
const CIPHERTEXT_LIMIT: usize = 1 << 10;
const KEY_ID_LIMIT: usize = 1 << 10;
const ANNOTATIONS_LIMIT: usize = 32 << 10;

/// How often a plugin is called at most while it replaces its key between `Status` and `Encrypt`.
const ROTATION_ATTEMPTS: usize = 3;

/// A plugin.
pub(super) struct Kms {
    plugin: Plugin,
}

impl Kms {
    /// The plugin of this socket.
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { plugin: Plugin::new(socket) }
    }

    async fn encrypt(&self, aad: &[u8], secret: &[u8]) -> Result<WrappedKey, WrapperError> {
        if secret.len() > SECRET_LIMIT {
            return Err(WrapperError::TooLong(secret.len()));
        }
        let (key, sealing) = SealingKey::generate()?;
        let response = self.encrypt_key(&*key).await?;
        let blob = response.encode_to_vec();
        let length = u16::try_from(blob.len()).map_err(|_| self.unexpected("its response is too long"))?;
        let sealed = sealing.seal(&bound(aad, &blob), secret)?;
        let mut bytes = [&length.to_be_bytes(), blob.as_slice(), &sealed].concat();
        bytes.extend(checksum(&bytes, aad).0);
        Ok(WrappedKey { kek_id: key_id(&response.key_id)?, bytes })
    }

    /// The plugin's ciphertext of a key, under the key that its status names.
    async fn encrypt_key(&self, key: &[u8]) -> Result<EncryptResponse, WrapperError> {
        for _ in 0..ROTATION_ATTEMPTS {
            let current = self.status().await?.key_id;
            let request = EncryptRequest { plaintext: key.to_vec(), uid: Uuid::new_v4().to_string() };
            let response: EncryptResponse = self.plugin.call("Encrypt", request).await?;
            let annotations: usize = response.annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
            if !(1..=CIPHERTEXT_LIMIT).contains(&response.ciphertext.len()) || annotations > ANNOTATIONS_LIMIT {
                return Err(self.unexpected("its ciphertext is empty, or longer than Kubernetes allows"));
            }
            if response.key_id == current {
                return Ok(response);
            }
        }
        Err(self.unexpected("it encrypts with another key than its status names"))
    }

    async fn status(&self) -> Result<StatusResponse, WrapperError> {
        let status: StatusResponse = self.plugin.call("Status", StatusRequest {}).await?;
        if !VERSIONS.contains(&status.version.as_str()) {
            return Err(self.unexpected(&format!("it speaks {:?}, and not v2", short(&status.version))));
        }
        if status.healthz != "ok" {
            return Err(WrapperError::Unavailable(self.fault(format!("its health is {:?}", short(&status.healthz)))));
        }
        if !(1..=KEY_ID_LIMIT).contains(&status.key_id.len()) {
            return Err(self.unexpected("the id of its key is empty, or longer than Kubernetes allows"));
        }
        Ok(status)
    }

    async fn decrypt(&self, aad: &[u8], wrapped: &WrappedKey) -> Result<Zeroizing<Vec<u8>>, WrapperError> {
        let (blob, sealed) = parts(&wrapped.bytes, aad).ok_or(WrapperError::Damaged)?;
        let EncryptResponse { ciphertext, key_id, annotations } =
            EncryptResponse::decode(blob).map_err(|_| WrapperError::Damaged)?;
        if self::key_id(&key_id)? != wrapped.kek_id {
            return Err(WrapperError::Damaged);
        }
        let request = DecryptRequest { ciphertext, uid: Uuid::new_v4().to_string(), key_id, annotations };
        let response: DecryptResponse = self.plugin.call("Decrypt", request).await?;
        let other = || WrapperError::OtherKey(self.fault("it decrypts to another text than it encrypted".to_owned()));
        let key = response.plaintext.as_slice().try_into().map(Zeroizing::new).map_err(|_| other())?;
        SealingKey::new(&key)?.open(&bound(aad, blob), sealed).ok_or_else(other)
    }

    fn unexpected(&self, why: &str) -> WrapperError {
        WrapperError::Unexpected(self.fault(why.to_owned()))
    }

    fn fault(&self, why: String) -> ServiceFault {
        ServiceFault { service: self.plugin.to_string(), why, source: None }
    }
}

/// The id of a plugin's key: its own id, if the ledger takes it, or 32 hexadecimal digits of its hash.
fn key_id(key_id: &str) -> Result<KekId, WrapperError> {
    let plain = format!("{SCHEME}{key_id}");
    if let Some(id) = plain.parse().ok().filter(|_| plain.len() <= ID_LIMIT) {
        return Ok(id);
    }
    let digits: String = Digest::of(key_id.as_bytes()).0[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{SCHEME}{digits}").parse().map_err(|_| WrapperError::Damaged)
}

/// What a secret is bound to: its purpose, and what the plugin has returned.
fn bound(aad: &[u8], blob: &[u8]) -> Vec<u8> {
    [DOMAIN, &Digest::of(blob).0, aad].concat()
}

/// What the plugin has returned, and what is sealed under the key in it. `None` when these are not the bytes that were written for this
/// purpose.
fn parts<'a>(bytes: &'a [u8], aad: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (written, sum) = bytes.split_last_chunk::<32>()?;
    let (length, rest) = written.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into()).filter(|_| checksum(written, aad).0 == *sum)
}

/// Shows that bytes are those that were written for a purpose.
fn checksum(written: &[u8], aad: &[u8]) -> Digest {
    Digest::of(&[DOMAIN, written, aad].concat())
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

impl KeyWrapper for Kms {
    fn wrap<'a>(&'a self, aad: &'a [u8], secret: &'a [u8]) -> BoxFuture<'a, Result<WrappedKey, WrapperError>> {
        retry(|| self.encrypt(aad, secret)).boxed()
    }

    fn unwrap<'a>(
        &'a self,
        aad: &'a [u8],
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, WrapperError>> {
        if !self.has(&wrapped.kek_id) {
            return ready(Err(WrapperError::UnknownKey(wrapped.kek_id.clone()))).boxed();
        }
        retry(|| self.decrypt(aad, wrapped)).boxed()
    }

    /// A plugin knows its earlier keys by itself. An id does not say which plugin it is of.
    fn has(&self, id: &KekId) -> bool {
        id.as_str().starts_with(SCHEME)
    }

    /// A wrapped text may be longer than the ledger takes: the canary is the hash of the plugin's own id of its key.
    fn canary(&self) -> BoxFuture<'_, Result<WrappedKey, WrapperError>> {
        async {
            let id = retry(|| self.status()).await?.key_id;
            Ok(WrappedKey { kek_id: key_id(&id)?, bytes: Digest::of(id.as_bytes()).0.to_vec() })
        }
        .boxed()
    }

    /// Whether its key is another one shows without a canary.
    fn opens_canary<'a>(&'a self, _: &'a WrappedKey) -> BoxFuture<'a, Result<bool, WrapperError>> {
        ready(Ok(true)).boxed()
    }
}

impl fmt::Debug for Kms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kms({})", self.plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_plugins_key_fits_into_the_ledger() {
        let id = |text: &str| key_id(text).unwrap().to_string();
        assert_eq!(id("2026"), "kms:2026");
        let arn = "arn:aws:kms:eu-1:111122223333:key/12345678-90ab";
        assert_eq!(id(arn), format!("kms:{arn}"));
        // printf 'a key' | sha256sum
        assert_eq!(id("a key"), "kms:8fa3aab2faa9b79e0a0398da5b5abd07");
        assert_eq!(id(&"x".repeat(1000)).len(), 36);
        assert_ne!(id(&"x".repeat(1000)), id(&"x".repeat(999)));
    }
}
