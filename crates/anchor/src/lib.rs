//! Anchors: a timestamping authority (TSA) outside of the house says when a receipt existed, by RFC 3161.
//!
//! ```text
//! SHA-256(receipt) ─▶ TimeStampReq ─ HTTP ─▶ TSA ─▶ TimeStampResp ─▶ token ─ check ─▶ stored beside the receipt
//!                                                                      │
//!                        roots of the verifier ─▶ chain at its time ◀──┘
//! ```
//!
//! A token is checked before it is stored: it is over this receipt, under the policy that was asked for, and signed by the certificate in
//! it. Whether that certificate is believed, only a verifier with roots of its own can say.

mod asn1;
mod certificate;
mod client;
mod request;
mod response;
mod signature;
mod time;
mod token;

pub use client::{Tsa, TsaError, TsaUrlError};
pub use response::ResponseError;
pub use time::TokenTime;
pub use token::{Token, TokenError};

/// The longest token that is read, in bytes. With a chain of certificates one has 6 to 12 KiB.
pub const TOKEN_LIMIT: usize = 64 << 10;
