//! Numbers that must not be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A job's number in this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub i64);

/// A key version's number in this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub i64);

/// A batch's number in its job, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchNo(pub i64);

/// A batch and the ids it covers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchRange {
    /// Which batch.
    pub batch: BatchNo,
    /// First id.
    pub first: i64,
    /// Last id.
    pub last: i64,
    /// Records planned in it.
    pub rows: i64,
}

macro_rules! number {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
number!(JobId KeyId BatchNo);
