//! The receipt of a finished job: what was signed, by which keys, under which root, as a JWS that anyone can check. docs/formats.md has
//! its formats.

mod key_uses;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::backend::{Nonce, SigningError};
use crate::{Backend, Digest, Hash, PrivateKey, PublicKey, RawSignature, Thumbprint, jose_decode, jose_encode};

pub use key_uses::{KeyTree, KeyUse, KeyUseCollector, KeyUses, LISTED_KEYS_LIMIT, ReceiptFormat, UnknownFormat};

/// The JWS `typ` of a receipt, which no JWS for another purpose has.
const TYPE: &str = "vaultstream-receipt";

/// The summary of a finished job. Hashes are hexadecimal in JSON, times RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The format of this receipt.
    #[serde(default = "ReceiptFormat::first", skip_serializing_if = "ReceiptFormat::is_first")]
    pub format_version: ReceiptFormat,
    /// Uid of the job.
    pub uid: Uuid,
    /// Namespace of the job.
    pub namespace: String,
    /// Name of the job.
    pub name: String,
    /// SHA-256 of the job's specification.
    #[serde(with = "crate::proof::hex")]
    pub spec_hash: Hash,
    /// How many records the job had, and what became of them.
    pub records: Totals,
    /// The job's Merkle root, over its batches ascending.
    #[serde(with = "crate::proof::hex")]
    pub merkle_root: Hash,
    /// Root over all the job's rejects, ids ascending; absent when there are none. Earlier versions left it out always.
    #[serde(with = "crate::proof::optional_hex", default, skip_serializing_if = "Option::is_none")]
    pub rejects_root: Option<Hash>,
    /// The keys that signed records of the job.
    #[serde(flatten)]
    pub keys: KeyUses,
    /// The implementations that signed: workers on different processors may use different ones. Receipts of version 0.1
    /// before ledgers of version 8 name one, as `backend`.
    #[serde(alias = "backend", deserialize_with = "one_or_several")]
    pub backends: Vec<Backend>,
    /// What was checked before each commit: `None`, `Sample` or `All`.
    pub verify: String,
    /// When signing began.
    pub started_at: String,
    /// When the last record was done.
    pub completed_at: String,
}

/// What became of a job's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Records that the job had: signed and rejected ones.
    pub total: u64,
    /// Records with a signature.
    pub signed: u64,
    /// Records with a reason why they have none.
    pub rejected: u64,
    /// Records that came or went in a source table between planning and signing.
    pub changed: u64,
}

/// A job's spec as canonical JSON: object members sorted, no white space (RFC 8785 for what a spec may hold).
#[must_use]
pub fn canonical_json(spec: &impl Serialize) -> String {
    // A serde_json map keeps its members sorted, and a spec holds no floating point numbers.
    serde_json::to_value(spec).map(|spec| spec.to_string()).unwrap_or_default()
}

/// SHA-256 of a job's spec as canonical JSON.
#[must_use]
pub fn spec_hash(spec: &impl Serialize) -> Hash {
    Digest::of(canonical_json(spec).as_bytes()).0
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Backend>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Backends {
        One(Backend),
        Several(Vec<Backend>),
    }
    Ok(match Backends::deserialize(deserializer)? {
        Backends::One(backend) => vec![backend],
        Backends::Several(backends) => backends,
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: Thumbprint,
    typ: String,
}

/// Why a receipt could not be made, or must not be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The receipt could not be written as JSON.
    #[error("failed to encode the receipt")]
    Encode(#[source] serde_json::Error),
    /// The receipt could not be signed.
    #[error("failed to sign the receipt")]
    Sign(#[source] SigningError),
    /// Not three parts of base64url with the header of a receipt.
    #[error("not a receipt in compact JWS form")]
    Form,
    /// It says that another key signed it.
    #[error("the receipt was signed by the key {found}, not by {wanted}")]
    Key {
        /// The key it was to be checked with.
        wanted: Thumbprint,
        /// The key its header names.
        found: Thumbprint,
    },
    /// The signature is not the key's, or the receipt was changed.
    #[error("the receipt's signature is wrong")]
    Signature,
    /// The signature is right, but the content is not a receipt that this version understands.
    #[error("failed to decode the receipt")]
    Decode(#[source] serde_json::Error),
}

/// Signs `receipt` as a compact JWS with ES256 (RFC 7515 §3.1, RFC 7518 §3.4), `kid` being the key's thumbprint.
///
/// # Errors
///
/// When it cannot be encoded or signed.
pub fn sign_receipt(key: &PrivateKey, receipt: &Receipt) -> Result<String, ReceiptError> {
    let header = Header { alg: "ES256".into(), kid: key.public().thumbprint(), typ: TYPE.into() };
    let mut jws = encode(&header)?;
    jws.push('.');
    jws.push_str(&encode(receipt)?);
    let mut signature = [RawSignature::EMPTY];
    Backend::Reference
        .signer(key, Nonce::Hedged)
        .and_then(|mut signer| signer.sign(&[Digest::of(jws.as_bytes())], &mut signature))
        .map_err(ReceiptError::Sign)?;
    jws.push('.');
    jws.push_str(&jose_encode(&signature[0]));
    Ok(jws)
}

fn encode(part: &impl Serialize) -> Result<String, ReceiptError> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(ReceiptError::Encode)
}

/// Checks that `key` signed the receipt `jws`, and reads it.
///
/// # Errors
///
/// When it has another form, names another key, is not signed by this one, or is not a receipt.
pub fn verify_receipt(key: &PublicKey, jws: &str) -> Result<Receipt, ReceiptError> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(ReceiptError::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(ReceiptError::Form)?;
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| ReceiptError::Form)?;
    // Unknown members are refused: `crit` and the like would change what the signature means.
    let header: Header = serde_json::from_slice(&header).map_err(|_| ReceiptError::Form)?;
    if (header.alg.as_str(), header.typ.as_str()) != ("ES256", TYPE) {
        return Err(ReceiptError::Form);
    }
    let wanted = key.thumbprint();
    if header.kid != wanted {
        return Err(ReceiptError::Key { wanted, found: header.kid });
    }
    let signature = jose_decode(signature).map_err(|_| ReceiptError::Form)?;
    let verifier = Backend::Reference.verifier(key).map_err(|_| ReceiptError::Signature)?;
    let mut valid = [false];
    verifier.verify(&[Digest::of(signed.as_bytes())], &[signature], &mut valid);
    if !valid[0] {
        return Err(ReceiptError::Signature);
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ReceiptError::Form)?;
    serde_json::from_slice(&payload).map_err(ReceiptError::Decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_s_hash_depends_on_its_members_and_not_on_their_order() {
        #[derive(Serialize)]
        struct Forward {
            a: u32,
            b: [&'static str; 2],
        }
        #[derive(Serialize)]
        struct Backward {
            b: [&'static str; 2],
            a: u32,
        }
        let hash = spec_hash(&Forward { a: 1, b: ["x", "y"] });
        assert_eq!(hash, Digest::of(br#"{"a":1,"b":["x","y"]}"#).0);
        assert_eq!(hash, spec_hash(&Backward { b: ["x", "y"], a: 1 }));
        assert_ne!(hash, spec_hash(&Forward { a: 1, b: ["y", "x"] }));
    }
}
