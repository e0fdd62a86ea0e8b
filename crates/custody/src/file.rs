//! Key-encryption keys in files: the ring of those that are loaded wraps under its current key, and unwraps under all.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use vaultstream_signing::{KekId, KekRing, WrappedKey};
use zeroize::Zeroizing;

use crate::{KeyWrapper, SECRET_LIMIT, WrapperError};

impl KeyWrapper for KekRing {
    fn wrap<'a>(&'a self, aad: &'a [u8], secret: &'a [u8]) -> BoxFuture<'a, Result<WrappedKey, WrapperError>> {
        let wrapped = match secret.len() {
            0..=SECRET_LIMIT => self.seal(aad, secret).map_err(WrapperError::from),
            bytes => Err(WrapperError::TooLong(bytes)),
        };
        ready(wrapped).boxed()
    }

    fn unwrap<'a>(
        &'a self,
        aad: &'a [u8],
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, WrapperError>> {
        ready(self.open(aad, wrapped).map_err(WrapperError::from)).boxed()
    }

    fn has(&self, id: &KekId) -> bool {
        self.get(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vaultstream_signing::{DataKey, Kek};

    use super::*;
    use crate::{unwrap_data_key, wrap_data_key};

    const JOB: Uuid = Uuid::from_u128(7);

    fn kek(id: &str) -> Kek {
        Kek::generate(id.parse().unwrap()).unwrap()
    }

    fn same_kek(kek: &Kek, id: &str) -> Kek {
        Kek::from_base64(id.parse().unwrap(), kek.to_base64()).unwrap()
    }

    #[tokio::test]
    async fn a_data_key_is_unwrapped_for_its_own_job_only() {
        let ring = KekRing::new(kek("2026"));
        let key = DataKey::generate().unwrap();
        let wrapped = wrap_data_key(&ring, JOB, &key).await.unwrap();
        assert_eq!(wrapped.kek_id, *ring.current().id());
        assert_eq!(unwrap_data_key(&ring, JOB, &wrapped).await.unwrap().bytes(), key.bytes());
        let other = unwrap_data_key(&ring, Uuid::from_u128(8), &wrapped).await;
        assert!(matches!(other, Err(WrapperError::Damaged)), "{other:?}");
    }

    #[tokio::test]
    async fn a_data_key_with_any_bit_flipped_or_cut_off_is_damaged() {
        let ring = KekRing::new(kek("2026"));
        let wrapped = wrap_data_key(&ring, JOB, &DataKey::generate().unwrap()).await.unwrap();
        let mut wrong = Vec::new();
        for bit in 0..wrapped.bytes.len() * 8 {
            let mut bytes = wrapped.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            wrong.push(bytes);
        }
        wrong.extend((0..wrapped.bytes.len()).map(|length| wrapped.bytes[..length].to_vec()));
        // A secret of another length that was wrapped for the same purpose.
        wrong.push(KeyWrapper::wrap(&ring, &DataKey::aad(JOB), &[7; 31]).await.unwrap().bytes);
        for bytes in wrong {
            let damaged = WrappedKey { bytes, ..wrapped.clone() };
            let opened = unwrap_data_key(&ring, JOB, &damaged).await;
            assert!(matches!(opened, Err(WrapperError::Damaged)), "{opened:?}");
        }
    }

    #[tokio::test]
    async fn an_earlier_key_unwraps_what_it_wrapped_and_an_unknown_one_is_named() {
        let first = KekRing::new(kek("2026"));
        let key = DataKey::generate().unwrap();
        let wrapped = wrap_data_key(&first, JOB, &key).await.unwrap();
        let both = KekRing::new(kek("2027")).with_older(same_kek(first.current(), "2026"));
        assert_eq!(unwrap_data_key(&both, JOB, &wrapped).await.unwrap().bytes(), key.bytes());
        assert_eq!(wrap_data_key(&both, JOB, &key).await.unwrap().kek_id.as_str(), "2027");
        let unknown = unwrap_data_key(&KekRing::new(kek("2027")), JOB, &wrapped).await;
        assert!(matches!(&unknown, Err(WrapperError::UnknownKey(id)) if id.as_str() == "2026"), "{unknown:?}");
        let wrong = unwrap_data_key(&KekRing::new(kek("2026")), JOB, &wrapped).await;
        assert!(matches!(wrong, Err(WrapperError::Damaged)), "{wrong:?}");
    }

    #[tokio::test]
    async fn a_long_secret_is_not_wrapped() {
        let ring = KekRing::new(kek("2026"));
        assert!(matches!(KeyWrapper::wrap(&ring, b"", &[0; 34]).await, Err(WrapperError::TooLong(34))));
    }
}
