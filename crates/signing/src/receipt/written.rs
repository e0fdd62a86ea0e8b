//! Members of a receipt that may be absent, and have one form where they are there.

use serde::{Deserialize, Deserializer};

/// A member that is there, which `null` is not.
pub(super) fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
