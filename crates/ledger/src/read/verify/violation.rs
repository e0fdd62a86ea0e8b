//! The invariants of a job's rows.

/// Which invariant does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// Batches that are not signed.
    UnsignedBatches,
    /// The ranges of the batches leave a gap or overlap.
    Ranges,
    /// The number of batches is not the planned one.
    BatchCount,
    /// A batch's signatures or rejects are not as many as it says.
    BatchContents,
    /// Signatures outside of every batch.
    Stray,
    /// Records with neither a signature nor a reject. Of a table these are the rows that could be the missing ones.
    Missing,
    /// Records whose ordinal has no key of a row.
    Unkeyed,
    /// Keys that several ordinals have: one row would be signed as two records.
    RepeatedKeys,
    /// Records with both.
    SignedAndRejected,
    /// Signatures under a key that is not their batch's.
    WrongKey,
    /// Batches under a key that is not the job's, or has no public half.
    StrangeKey,
    /// A key's counters are not what is there.
    Counters,
    /// Rows of the source table without a key.
    NullKeys,
    /// Rows of the source table that the index of its key does not lead to.
    Unreached,
}

impl ViolationKind {
    /// What it means, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::UnsignedBatches => "batches are not signed",
            Self::Ranges => "the ranges of the batches leave a gap or overlap",
            Self::BatchCount => "the number of batches is not the planned one",
            Self::BatchContents => "batches hold more or fewer signatures or rejects than they say",
            Self::Stray => "signatures belong to no batch",
            Self::Missing => "records have neither a signature nor a reject",
            Self::Unkeyed => "records have no key of a row",
            Self::RepeatedKeys => "keys of rows are those of several records",
            Self::SignedAndRejected => "records are both signed and rejected",
            Self::WrongKey => "signatures are under a key that is not their batch's",
            Self::StrangeKey => "batches are under a key that is not one of the job's",
            Self::Counters => "a key's counters are not what is there",
            Self::NullKeys => "rows of the table have no key, so that they could not be signed",
            Self::Unreached => "rows of the table cannot be found through the index of its key: REINDEX it",
        }
    }
}
