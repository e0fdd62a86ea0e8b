//! What is read of a record and of a range.

/// A record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// What is signed.
    Bytes(&'a [u8]),
    /// The column is NULL.
    Null,
    /// Larger than `spec.maxPayloadBytes`: its number of bytes, which were not sent.
    TooLarge(i64),
    /// The server cannot read it, for this reason.
    Unreadable(&'a str),
    /// Its JSON has no canonical form, for this reason.
    NotCanonical(&'a str),
    /// There is no row with the key that was planned.
    Gone,
    /// Another row with the id of the row before it, which in a table only a damaged index makes possible. Neither of the two is the record.
    Repeated,
}

/// What was read of one range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RangeRead {
    /// Records shown.
    pub rows: i64,
    /// The range holds more than twice a batch: it was read up to, and without, this id. Sign up to here, and
    /// [`split`](crate::batches::split) the batch here before the commit.
    pub outgrown_at: Option<i64>,
}
