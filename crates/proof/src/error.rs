//! Why nothing can be proved.

use vaultstream_ledger::{QueryError, verify::ReadError};

/// Why nothing can be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The signatures cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored root is not a hash.
    #[error("the root of batch {0} is damaged")]
    DamagedRoot(i64),
    /// A record's leaf cannot be computed.
    #[error(
        "there is no proof for record {0}: its digest and payload are gone, or its signature is damaged; \
         `vaultstream verify` tells more"
    )]
    NoLeaf(i64),
}
