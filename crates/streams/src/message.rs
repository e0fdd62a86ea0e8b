//! Messages: small, typed, versioned JSON. They carry ids and ranges, never payloads or secrets. A key's token is all in its subject.

use crate::names::Naming;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The version that this program writes, and the only one it reads.
const VERSION: u16 = 1;

/// The header of a message whose batch has a trace (W3C Trace Context).
pub const TRACE_HEADER: &str = "traceparent";

/// One batch of one job: a contiguous range of record ids.
///
/// A publisher can write anything into one, so it is a hint: workers sign the range that the ledger has for the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMessage {
    /// The job's uid; a worker drops a message of another job.
    pub job: Uuid,
    /// The batch's number in its job, from 0.
    pub batch: i64,
    /// The first record id of the range.
    pub first: i64,
    /// The last record id of the range.
    pub last: i64,
    /// Records that were counted in the range when it was planned.
    pub rows: i64,
}

/// What a message of the batch stream asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Sign a batch.
    Batch(BatchMessage),
    /// Nothing is planned yet: plan the table.
    Plan,
    /// Everything is signed: make the receipt.
    Finish(Option<ChallengeBytes>),
}

/// What a worker has to know to have the receipt key certified. Random bytes, made by who publishes the message; a secret from who cannot
/// read the job's messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChallengeBytes(pub [u8; 32]);

impl fmt::Debug for ChallengeBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeBytes(…)")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Body {
    Batch(BatchMessage),
    Plan {
        job: Uuid,
    },
    Finish {
        job: Uuid,
        /// Hexadecimal. Versions before do not read it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        challenge: Option<String>,
    },
    Key {
        job: Uuid,
        key: i64,
    },
}

#[derive(Serialize)]
struct Outgoing<'a> {
    v: u16,
    #[serde(flatten)]
    body: &'a Body,
}

#[derive(Deserialize)]
struct Version {
    v: u16,
}

/// Why a message cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("the message cannot be read")]
    Malformed(#[source] serde_json::Error),
    #[error("the message has version {0}, and this program reads version {VERSION}")]
    Version(u16),
    #[error("the message belongs to job {0}")]
    Foreign(Uuid),
    #[error("the message is of another kind than its stream")]
    Kind,
    #[error("the subject does not end with the number of a key")]
    Token,
    #[error("the challenge is not 32 bytes in hexadecimal digits")]
    Challenge,
}

impl MessageError {
    /// Whether another program, a newer one, might be able to use the message.
    pub(crate) fn is_newer(&self) -> bool {
        matches!(self, Self::Version(version) if *version > VERSION)
    }
}

pub(crate) fn encode_batch(message: &BatchMessage) -> Result<Bytes, serde_json::Error> {
    encode(&Body::Batch(*message))
}

pub(crate) fn encode_plan(job: Uuid) -> Result<Bytes, serde_json::Error> {
    encode(&Body::Plan { job })
}

pub(crate) fn encode_finish(job: Uuid, challenge: Option<&ChallengeBytes>) -> Result<Bytes, serde_json::Error> {
    encode(&Body::Finish {
        job,
        challenge: challenge.map(|ChallengeBytes(bytes)| base16ct::lower::encode_string(bytes)),
    })
}

/// The payload of a token, which is all in its subject. Earlier versions read it.
pub(crate) fn encode_key(naming: Naming, job: Uuid, key: i64) -> Result<Bytes, serde_json::Error> {
    match naming {
        Naming::Tenant => Ok(Bytes::new()),
        Naming::Earlier => encode(&Body::Key { job, key }),
    }
}

fn encode(body: &Body) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(&Outgoing { v: VERSION, body }).map(Bytes::from)
}

/// Reads a message of the batch stream of `job`.
pub(crate) fn decode_work(payload: &[u8], job: Uuid) -> Result<Work, MessageError> {
    match decode(payload)? {
        Body::Batch(batch) if batch.job == job => Ok(Work::Batch(batch)),
        Body::Plan { job: of } if of == job => Ok(Work::Plan),
        Body::Finish { job: of, challenge } if of == job => {
            let challenge = challenge.map(|text| read_challenge(&text).ok_or(MessageError::Challenge)).transpose()?;
            Ok(Work::Finish(challenge))
        }
        Body::Batch(BatchMessage { job: of, .. }) | Body::Plan { job: of } | Body::Finish { job: of, .. } => {
            Err(MessageError::Foreign(of))
        }
        Body::Key { .. } => Err(MessageError::Kind),
    }
}

fn read_challenge(text: &str) -> Option<ChallengeBytes> {
    base16ct::mixed::decode_vec(text).ok()?.try_into().ok().map(ChallengeBytes)
}

/// Reads the subject of a token. It is one of the stream's own subjects, and so of the right job.
pub(crate) fn decode_key(subject: &str) -> Result<i64, MessageError> {
    subject.rsplit('.').next().and_then(|key| key.parse().ok()).ok_or(MessageError::Token)
}

fn decode(payload: &[u8]) -> Result<Body, MessageError> {
    // The version first: a newer message may have another shape.
    let Version { v } = serde_json::from_slice(payload).map_err(MessageError::Malformed)?;
    if v != VERSION {
        return Err(MessageError::Version(v));
    }
    serde_json::from_slice(payload).map_err(MessageError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobStreams, Tenant};

    const JOB: Uuid = Uuid::from_u128(0xfeed);
    const BATCH: BatchMessage = BatchMessage { job: JOB, batch: 3, first: -7, last: i64::MAX, rows: 12 };

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        assert_eq!(decode_work(&encode_batch(&BATCH).unwrap(), JOB).unwrap(), Work::Batch(BATCH));
        assert_eq!(decode_work(&encode_plan(JOB).unwrap(), JOB).unwrap(), Work::Plan);
        for challenge in [None, Some(ChallengeBytes([7; 32]))] {
            let message = encode_finish(JOB, challenge.as_ref()).unwrap();
            assert_eq!(decode_work(&message, JOB).unwrap(), Work::Finish(challenge));
        }
        let streams = JobStreams::new(Tenant::new("c", "n"), JOB, 2);
        assert_eq!(decode_key(&streams.key_subject(42)).unwrap(), 42);
    }

    #[test]
    fn the_wire_form_does_not_change_unnoticed() {
        let text = String::from_utf8(encode_batch(&BATCH).unwrap().to_vec()).unwrap();
        let uid = "00000000-0000-0000-0000-00000000feed";
        assert_eq!(
            text,
            format!(
                r#"{{"v":1,"kind":"batch","job":"{uid}","batch":3,"first":-7,"last":9223372036854775807,"rows":12}}"#
            )
        );
        assert_eq!(encode_key(Naming::Tenant, JOB, 42).unwrap(), Bytes::new());
        // Without a challenge as in the versions before.
        assert_eq!(encode_finish(JOB, None).unwrap(), format!(r#"{{"v":1,"kind":"finish","job":"{uid}"}}"#));
        let token = encode_key(Naming::Earlier, JOB, 42).unwrap();
        assert_eq!(token, format!(r#"{{"v":1,"kind":"key","job":"{uid}","key":42}}"#));
        assert!(matches!(decode_work(&token, JOB), Err(MessageError::Kind)));
    }

    #[test]
    fn a_foreign_newer_or_broken_message_is_refused() {
        let other = Uuid::from_u128(1);
        assert!(
            matches!(decode_work(&encode_batch(&BATCH).unwrap(), other), Err(MessageError::Foreign(job)) if job == JOB)
        );
        for message in [encode_plan(JOB).unwrap(), encode_finish(JOB, None).unwrap()] {
            assert!(matches!(decode_work(&message, other), Err(MessageError::Foreign(job)) if job == JOB));
        }
        for challenge in ["", "00", &"0".repeat(63), &"0".repeat(66), &"x".repeat(64)] {
            let message = format!(r#"{{"v":1,"kind":"finish","job":"{JOB}","challenge":"{challenge}"}}"#);
            assert!(matches!(decode_work(message.as_bytes(), JOB), Err(MessageError::Challenge)), "{challenge}");
        }
        for subject in ["", "keys", "keys.c_n.u.1.x", "keys.c_n.u.1.", "keys.c_n.u.1.99999999999999999999"] {
            assert!(matches!(decode_key(subject), Err(MessageError::Token)), "{subject}");
        }
        let newer = decode_work(br#"{"v":2,"kind":"merkle"}"#, JOB).unwrap_err();
        assert!(newer.is_newer());
        for broken in
            [&b""[..], b"{}", b"null", br#"{"v":1,"kind":"batch"}"#, br#"{"v":1,"kind":"key"}"#, br#"{"v":1}"#]
        {
            let refused = decode_work(broken, JOB).unwrap_err();
            assert!(matches!(refused, MessageError::Malformed(_)) && !refused.is_newer());
        }
    }
}
