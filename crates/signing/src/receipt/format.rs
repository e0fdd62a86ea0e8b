//! The formats of receipts.

use serde::{Deserialize, Serialize};

/// The format of a receipt: a number in JSON, and absent for the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum ReceiptFormat {
    /// Lists every key, whatever their number.
    V1,
    /// Lists up to [`LISTED_KEYS_LIMIT`](super::LISTED_KEYS_LIMIT) keys, and has the root over more of them.
    V2,
    /// As [`V2`](Self::V2), with [`ReceiptDetails`](super::ReceiptDetails).
    #[default]
    V3,
    /// As [`V3`](Self::V3), of rows of several columns or of canonical JSON. Only such jobs have it, so that others are still read by earlier
    /// versions.
    V4,
    /// As [`V4`](Self::V4), of a table whose ids are ordinals or whose spec does not name its key as `key`. Only such jobs have it.
    V5,
    /// As [`V5`](Self::V5), of a job that follows its table: a [`Checkpoint`](super::Checkpoint), also the last one. Its ids are ordinals.
    V6,
}

/// A receipt of a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("receipts of format {0} are not known to this version")]
pub struct UnknownFormat(u32);

impl ReceiptFormat {
    /// That of receipts that do not say so.
    pub(super) fn first() -> Self {
        Self::V1
    }

    pub(super) fn is_first(&self) -> bool {
        *self == Self::V1
    }

    /// Whether `rejectsRoot` is over the rejects in the order of batches, so that it only grows, and is there when there are any.
    #[must_use]
    pub fn rejects_grow(self) -> bool {
        self == Self::V6
    }

    /// The JWS `typ` of such a receipt. No JWS for another purpose has it.
    pub(super) fn jws_type(self) -> &'static str {
        match self {
            Self::V1 | Self::V2 => "vaultstream-receipt",
            Self::V3 | Self::V4 | Self::V5 | Self::V6 => "vaultstream-receipt+jwt",
        }
    }
}

impl TryFrom<u32> for ReceiptFormat {
    type Error = UnknownFormat;

    fn try_from(number: u32) -> Result<Self, UnknownFormat> {
        match number {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            3 => Ok(Self::V3),
            4 => Ok(Self::V4),
            5 => Ok(Self::V5),
            6 => Ok(Self::V6),
            other => Err(UnknownFormat(other)),
        }
    }
}

impl From<ReceiptFormat> for u32 {
    fn from(format: ReceiptFormat) -> Self {
        match format {
            ReceiptFormat::V1 => 1,
            ReceiptFormat::V2 => 2,
            ReceiptFormat::V3 => 3,
            ReceiptFormat::V4 => 4,
            ReceiptFormat::V5 => 5,
            ReceiptFormat::V6 => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_its_number() {
        use ReceiptFormat::{V1, V2, V3, V4, V5, V6};
        for format in [V1, V2, V3, V4, V5, V6] {
            assert_eq!(ReceiptFormat::try_from(u32::from(format)), Ok(format));
        }
        assert_eq!(
            ReceiptFormat::try_from(7).unwrap_err().to_string(),
            "receipts of format 7 are not known to this version"
        );
    }
}
