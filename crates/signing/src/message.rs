//! What is signed for a record: its payload as it is, or an encoding that binds it to its job and id.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Digest;

/// First bytes of every bound message, with the zero byte that ends them.
const BOUND_DOMAIN: &[u8; 21] = b"vaultstream/bound/v1\0";

/// Length of what precedes the payload in a bound message: domain, job uid, id, length.
const BOUND_PREFIX: usize = BOUND_DOMAIN.len() + 16 + 8 + 8;

/// How a record becomes the message that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageForm {
    /// The payload's bytes, so that any verifier needs nothing but the payload.
    Payload,
    /// `"vaultstream/bound/v1" 0x00 ‖ job uid (16 bytes) ‖ id (8, big-endian) ‖ payload length (8, big-endian) ‖ payload`,
    /// so that a signature cannot be moved to another record or job.
    Bound {
        /// The uid of the job; its name could be used again.
        job: Uuid,
    },
}

impl MessageForm {
    /// SHA-256 of the message for record `id`. Allocates nothing.
    #[must_use]
    pub fn digest(&self, id: i64, payload: &[u8]) -> Digest {
        match self {
            Self::Payload => Digest::of(payload),
            Self::Bound { job } => {
                Digest(Sha256::new().chain_update(prefix(*job, id, payload)).chain_update(payload).finalize().into())
            }
        }
    }

    /// The message itself, for an export that other tools can verify.
    #[must_use]
    pub fn message<'a>(&self, id: i64, payload: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Payload => Cow::Borrowed(payload),
            Self::Bound { job } => Cow::Owned([prefix(*job, id, payload).as_slice(), payload].concat()),
        }
    }
}

fn prefix(job: Uuid, id: i64, payload: &[u8]) -> [u8; BOUND_PREFIX] {
    let mut out = [0; BOUND_PREFIX];
    out[..21].copy_from_slice(BOUND_DOMAIN);
    out[21..37].copy_from_slice(job.as_bytes());
    out[37..45].copy_from_slice(&id.to_be_bytes());
    out[45..].copy_from_slice(&(payload.len() as u64).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_signed_as_it_is() {
        assert_eq!(MessageForm::Payload.message(7, b"abc"), b"abc".as_slice());
        assert_eq!(MessageForm::Payload.digest(7, b"abc"), MessageForm::Payload.digest(8, b"abc"));
    }

    #[test]
    fn a_bound_message_has_the_documented_bytes() {
        let job = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let expected = [
            b"vaultstream/bound/v1".as_slice(),
            &[0],
            &[0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            &[0, 0, 0, 0, 0, 0, 0, 3],
            b"abc",
        ]
        .concat();
        let form = MessageForm::Bound { job };
        assert_eq!(form.message(-2, b"abc"), expected);
        assert_eq!(form.digest(-2, b"abc"), Digest::of(&expected));
    }

    #[test]
    fn a_bound_digest_changes_with_job_id_and_payload() {
        let form = MessageForm::Bound { job: Uuid::from_u128(1) };
        let digest = form.digest(1, b"abc");
        assert_ne!(digest, MessageForm::Bound { job: Uuid::from_u128(2) }.digest(1, b"abc"));
        assert_ne!(digest, form.digest(2, b"abc"));
        assert_ne!(digest, form.digest(1, b"abd"));
    }
}
