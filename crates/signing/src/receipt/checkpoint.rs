//! A receipt's place among the checkpoints of a job that follows its table.

use serde::{Deserialize, Serialize};

use crate::Hash;
use crate::merkle::{from_hex, to_hex};

/// A receipt's place in the chain of checkpoints of its job. One that is not the first names the one before, so that a chain has one form:
/// [`SignedCheckpoint::next`](super::SignedCheckpoint::next) alone makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Checkpoint {
    number: u64,
    previous: Option<Hash>,
    last: bool,
}

/// Greatest number of a checkpoint: all readers of JSON have it exactly.
const GREATEST: u64 = (1 << 53) - 1;

impl Checkpoint {
    /// The first one of a job.
    #[must_use]
    pub fn first() -> Self {
        Self { number: 1, previous: None, last: false }
    }

    /// The one behind the `number`th, whose digest is given. `None` where numbers end.
    pub(super) fn after(number: u64, digest: Hash) -> Option<Self> {
        (number < GREATEST).then(|| Self { number: number + 1, previous: Some(digest), last: false })
    }

    /// The same as the last one: the job is finished, and this is its receipt.
    #[must_use]
    pub fn as_last(self) -> Self {
        Self { last: true, ..self }
    }

    /// Its number, from 1 on.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// [`checkpoint_digest`](super::checkpoint_digest) of the one before; none of the first.
    #[must_use]
    pub fn previous(&self) -> Option<&Hash> {
        self.previous.as_ref()
    }

    /// Whether none follows it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.last
    }
}

/// Its JSON. What is absent is not written, not even as `null`.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Checkpoint", deny_unknown_fields)]
struct Written {
    number: u64,
    #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(default, deserialize_with = "super::written::written", skip_serializing_if = "Option::is_none")]
    last: Option<bool>,
}

impl TryFrom<Written> for Checkpoint {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { number, previous, last } = written;
        if !(1..=GREATEST).contains(&number) {
            return Err("the number of a checkpoint is not one from 1 to 2^53 - 1");
        }
        if (number == 1) == previous.is_some() {
            return Err("the first checkpoint names none before it, and each other one does");
        }
        if last == Some(false) {
            return Err("last is true, or absent");
        }
        let hash = |text: String| {
            from_hex(&text)
                .filter(|hash| to_hex(hash) == text)
                .ok_or("previous is not 64 hexadecimal digits in lower case")
        };
        Ok(Self { number, previous: previous.map(hash).transpose()?, last: last.is_some() })
    }
}

impl From<Checkpoint> for Written {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { number, previous, last } = checkpoint;
        Self { number, previous: previous.as_ref().map(to_hex), last: last.then_some(true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Checkpoint, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let digest = [0xab; 32];
        let hex = "ab".repeat(32);
        let second = Checkpoint::after(1, digest).unwrap();
        for (checkpoint, json) in [
            (Checkpoint::first(), r#"{"number":1}"#.to_owned()),
            (Checkpoint::first().as_last(), r#"{"number":1,"last":true}"#.to_owned()),
            (second, format!(r#"{{"number":2,"previous":"{hex}"}}"#)),
            (second.as_last(), format!(r#"{{"number":2,"previous":"{hex}","last":true}}"#)),
        ] {
            assert_eq!(serde_json::to_string(&checkpoint).unwrap(), json);
            assert_eq!(read(&json).unwrap(), checkpoint);
        }
        assert_eq!((second.number(), second.previous(), second.is_last()), (2, Some(&digest), false));
    }

    #[test]
    fn another_form_is_refused() {
        let hex = "ab".repeat(32);
        for json in [
            "null".to_owned(),
            "{}".to_owned(),
            "true".to_owned(),
            r#"{"number":0}"#.to_owned(),
            r#"{"number":"1"}"#.to_owned(),
            r#"{"number":1.0}"#.to_owned(),
            r#"{"number":null}"#.to_owned(),
            r#"{"number":-1}"#.to_owned(),
            r#"{"number":2}"#.to_owned(),
            r#"{"number":1,"previous":null}"#.to_owned(),
            r#"{"number":1,"last":false}"#.to_owned(),
            r#"{"number":1,"last":null}"#.to_owned(),
            r#"{"number":1,"last":1}"#.to_owned(),
            r#"{"number":1,"more":1}"#.to_owned(),
            format!(r#"{{"number":1,"previous":"{hex}"}}"#),
            format!(r#"{{"number":2,"previous":"{}"}}"#, hex.to_uppercase()),
            format!(r#"{{"number":2,"previous":"{}"}}"#, &hex[1..]),
            format!(r#"{{"number":9007199254740992,"previous":"{hex}"}}"#),
        ] {
            assert!(read(&json).is_err(), "{json}");
        }
        assert!(Checkpoint::after(GREATEST, [0; 32]).is_none());
    }
}
