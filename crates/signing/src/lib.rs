//! The cryptography of VaultStream: digests, signing backends, keys and their wrapping, Merkle trees, receipts.
//!
//! Pure: no I/O, no clock, no async. Bytes and keys go in, signatures and hashes come out; other crates read, store and send
//! them. The only input from outside is randomness.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`backend`] | which library signs and verifies, behind [`BatchSigner`] and [`BatchVerifier`] |
//! | [`message`] | what is signed: a payload as it is, or bound to its job and id |
//! | [`row`], [`row_key`] | several columns of a row as one payload, and the key of a row |
//! | [`key`], [`public_key`], [`jwk`], [`thumbprint`] | key pairs and the public forms they are published in |
//! | [`kek`], [`data_key`], [`wrap`], [`sealing`] | private keys at rest |
//! | [`form`] | DER and JOSE forms of a signature |
//! | [`jcs`] | canonical JSON (RFC 8785), as which JSON columns are signed |
//! | [`pem`] | PEM of keys and certificates |
//! | [`merkle`], [`full_tree`], [`batch_root`], [`proof`] | roots over batches and jobs, and proofs that a record is under them |
//! | [`seal`] | what a leased key signs over a batch |
//! | [`consistency`] | proofs that a tree begins with the leaves of an earlier one |
//! | [`receipt`] | the signed summary of a job |
//! | [`checkpoint_state`] | what is kept from one checkpoint of a job to the next |

pub mod backend;
pub mod batch_root;
pub mod checkpoint_state;
pub mod consistency;
pub mod data_key;
pub mod digest;
pub mod form;
pub mod full_tree;
pub mod jcs;
pub mod jwk;
pub mod kek;
pub mod key;
pub mod merkle;
pub mod message;
pub mod pem;
pub mod proof;
pub mod public_key;
pub mod receipt;
pub mod row;
pub mod row_key;
pub mod seal;
pub mod sealing;
mod sha256;
mod single;
pub mod thumbprint;
pub mod wrap;

pub use backend::{Absence, Backend, BatchSigner, BatchVerifier, Nonce, SigningError};
pub use batch_root::BatchRoot;
pub use checkpoint_state::{CheckedBatch, CheckpointState, StateError};
pub use data_key::{DataKey, JobCipher};
pub use digest::{Digest, RawSignature};
pub use form::{DerSignature, der_decode, der_encode, jose_decode, jose_encode};
pub use full_tree::FullTree;
pub use jwk::{Jwk, jwks};
pub use kek::{Kek, KekId};
pub use key::PrivateKey;
pub use merkle::{Hash, RecordName};
pub use message::MessageForm;
pub use public_key::PublicKey;
pub use receipt::{Receipt, sign_receipt, verify_receipt};
pub use row::RowForm;
pub use row_key::RowKey;
pub use seal::seal_digest;
pub use single::{is_signed, sign_message};
pub use thumbprint::Thumbprint;
pub use wrap::{KekRing, MAX_WRAPS_PER_KEK, UnwrapError, WrapContext, WrappedKey};
